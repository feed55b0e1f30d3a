// YAML text as a tree of nodes that know their place. The only door to yaml-cpp.
//
//   Problems problems("web.yaml");
//   std::optional<YamlNode> root = ParseYaml(text, problems);
//   root->keys[0].text, root->items[0].mark
//
// Kept from YAML: maps, lists, scalars, comments. Refused, each with its place: anchors, aliases,
// tags, a second document, keys that are not plain words, control characters. So every value stands
// where it is used, and nothing can expand. Scalars stay text: what `010` or `yes` mean is for the
// typed readers to say. Limits below bound time and memory for hostile input.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/problems.h"
#include "control/config/yaml_scan.h"

namespace fairlead::control {

inline constexpr size_t kMaxYamlBytes = kFileLimits.bytes;
inline constexpr size_t kMaxYamlNodes = kFileLimits.nodes;
inline constexpr size_t kMaxYamlDepth = 16;

struct YamlKey {
  std::string text;
  Mark mark;
  bool is_broken = false;  // already reported
};

struct YamlNode {
  // kBroken: refused while parsing and already reported; readers pass over it.
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap, kBroken };
  Kind kind = Kind::kNull;
  bool is_quoted = false;  // a scalar in quotes or a block scalar
  Mark mark;
  std::string text;             // kScalar
  std::vector<YamlNode> items;  // kList: the items; kMap: the values
  std::vector<YamlKey> keys;    // kMap: as many as items; may repeat

  [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
  [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
  [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }
};

// Nothing when the text is not YAML at all; otherwise the tree, even if problems were found.
// `first_line`: of the text, when it is part of a file.
std::optional<YamlNode> ParseYaml(const std::string& text, Problems& problems,
                                  uint32_t first_line = 1, const YamlLimits& limits = kFileLimits);

// Nodes of the tree, keys included: what kMaxYamlNodes is about.
size_t CountNodes(const YamlNode& node);

}  // namespace fairlead::control
