#include "control/config/section_readers.h"

namespace fairlead::control {
namespace {

constexpr Duration kMinInterval = 100ms;
constexpr Duration kMaxInterval = 24h;

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

void RefuseHttpKeys(MapReader& reader) {
  for (const char* key : {"path", "host", "expect"}) {
    if (reader.Has(key))
      reader.problems().Add(reader.PathOf(key), "only \"type: http\" has this key");
  }
}

}  // namespace

void ReadHealth(MapReader reader, HealthConfig& health) {
  constexpr std::string_view kPlanned[] = {"https", "smtp", "dns", "misc", "udp",
                                           "ping",  "file", "bfd", "exec"};
  reader.Require("type");
  const bool has_type = reader.Word("type", &health.type, kPlanned);
  if (has_type && health.type == HealthType::kTcp) RefuseHttpKeys(reader);
  reader.Read("path", &health.path, ReadPath);
  reader.Read("host", &health.host, ReadHost);
  uint16_t port = 0;
  if (reader.Number("port", &port, 1, 65535)) health.port = port;
  if (reader.Has("expect")) {
    health.expect.clear();
    reader.ReadOneOrMany("expect", &health.expect, [](const YamlNode& node) -> Result<StatusRange> {
      const auto range = ReadRange(node, 100, 599);
      if (!range) return range.error();
      return StatusRange{range->first, range->last};
    });
  }
  reader.Time("interval", &health.interval, kMinInterval, kMaxInterval);
  reader.Time("timeout", &health.timeout, kMinInterval, kMaxInterval);
  reader.Number("fall", &health.fall, 1, 1000);
  reader.Number("rise", &health.rise, 1, 1000);
  reader.Word("on_fail", &health.on_fail);
}

}  // namespace fairlead::control
