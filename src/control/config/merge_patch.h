// RFC 7396 merge patches over YAML trees: what there is, changed by what somebody sent.
//
//   YamlNode merged = MergePatch(TreeOf("{ a: 1, b: { c: 2 } }"), patch, kServiceSection);
//   // patch {"b": {"c": null}, "d": 3}  →  { a: 1, b: {}, d: 3 }
//
// Two things go beyond the RFC, so that the strict readers can complain: a null for a key that
// `section` does not know is kept, and so is a key that the patch has twice. Values of the base
// have no place; those of the patch keep theirs. The cost is linear in both. Threads: pure.
#pragma once

#include <string>

#include "control/config/schema.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

// What Dump wrote, as a tree without places. Precondition: `text` is valid.
YamlNode TreeOf(const std::string& text);

// Preconditions: both are maps.
YamlNode MergePatch(YamlNode base, const YamlNode& patch, const Section& section);

// Before a patch of a service or a real is merged: takes out of the `forward` of `base` what
// belongs to its method or type of tunnel, where the patch says another one.
void DropOtherForward(YamlNode* base, const YamlNode& patch);

// The value of a key of a map, or null.
const YamlNode* FindKey(const YamlNode& map, std::string_view key);
void EraseKey(YamlNode* map, std::string_view key);

}  // namespace fairlead::control
