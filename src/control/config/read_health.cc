#include <span>

#include "control/config/keys.h"
#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

// A request line and a header are built from these: nothing that could end either.
Result<std::string> ReadPath(const YamlNode& node) {
  auto text = ReadText(node);
  if (!text) return text;
  if ((*text)[0] != '/' || text->find(' ') != std::string::npos)
    return WrongValue(node, "a path that begins with / and has no blanks");
  return text;
}

Result<std::string> ReadHost(const YamlNode& node) {
  auto text = ReadText(node);
  if (text && text->find(' ') != std::string::npos) return WrongValue(node, "a host name");
  return text;
}

}  // namespace

void ReadHealthPath(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.path, ReadPath);
}

void ReadHealthHost(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  reader.Read(key.name, &to.host, ReadHost);
}

void ReadHealthExpect(MapReader& reader, const HealthKey& key, HealthConfig& to) {
  if (!reader.Has(key.name)) return;
  to.expect.clear();
  reader.ReadOneOrMany(key.name, &to.expect, [](const YamlNode& node) -> Result<StatusRange> {
    const auto range = ReadRange(node, 100, 599);
    if (!range) return range.error();
    return StatusRange{range->first, range->last};
  });
}

void ReadHealth(MapReader reader, HealthConfig& health) {
  const std::span keys(kHealthKeys);
  reader.Require("type");
  ReadKeys(reader, keys.first(1), &health);  // the type, which says what else there may be
  if (reader.Has("type") && !reader.problems().IsBroken(reader.PathOf("type"))) {
    RefuseKeys(reader, keys, health);
  }
  ReadKeys(reader, keys.subspan(1), &health);
}

}  // namespace fairlead::control
