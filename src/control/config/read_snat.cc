#include "control/config/section_readers.h"
#include "control/config/validate_util.h"

namespace fairlead::control {
namespace {

// As in ReadUnicast: a network is as good as its first address.
Result<Prefix> ReadPool(const YamlNode& node) {
  const auto prefix = ReadPrefix(node);
  if (!prefix && node.is_scalar() && (node.text == "masquerade" || node.text == "MASQUERADE")) {
    return WrongValue(node, "an address or a prefix, such as an address of the port");
  }
  if (!prefix) return prefix;
  YamlNode first = node;
  first.text = prefix->address.ToString();
  if (const auto unicast = ReadUnicast(first); !unicast) return unicast.error();
  return prefix;
}

}  // namespace

void ReadSnat(MapReader reader, SnatConfig& rule) {
  reader.Require("source", "the network of the inside hosts");
  reader.Require("addresses", "what the world sees instead of them");
  reader.Read("source", &rule.source, ReadPrefix);
  reader.Read("output", &rule.output, ReadName);
  reader.ReadOneOrMany("addresses", &rule.addresses, ReadPool);
  reader.Read("ports", &rule.ports, [](const YamlNode& node) { return ReadRange(node, 1, 65535); });
}

}  // namespace fairlead::control
