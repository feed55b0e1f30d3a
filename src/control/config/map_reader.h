// One YAML map read key by key into a struct that already holds its defaults.
//
//   MapReader reader(problems, node, "services[2].health", kHealthSection);
//   reader.Read("fall", &health.fall, [](const YamlNode& n) { return ReadNumber(n, 1, 1000); });
//   reader.Require("type");
//
// The constructor reports unknown keys (with the one that was probably meant), refused keys and
// duplicates; a reader of a node that is no map reports that and then has no keys, so callers need
// not look. Threads: one. Invariant: a failed Read leaves its target alone and its path broken.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/problems.h"
#include "control/config/scalar_reader.h"
#include "control/config/schema.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

class MapReader {
 public:
  // `node` must outlive the reader.
  MapReader(Problems& problems, const YamlNode& node, std::string path, const Section& section);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string PathOf(std::string_view key) const;
  [[nodiscard]] Problems& problems() { return problems_; }
  // Whether the key was written, rightly or not.
  [[nodiscard]] bool Has(std::string_view key) const { return values_.contains(key); }
  // The value of a key that can be read, or null. Precondition: the section lists the key.
  [[nodiscard]] const YamlNode* Find(std::string_view key) const;

  // Whether a key that is not there was probably meant by one that is reported: a slip of the pen,
  // or another word for it.
  [[nodiscard]] bool IsMeant(std::string_view key) const { return meant_.contains(key); }

  // Reports a missing key, unless it is meant, and marks its path broken. False when it is missing.
  bool Require(std::string_view key, std::string_view why = {});

  // `read(node)` gives a Result convertible to *target. True when *target was set.
  template <typename T, typename Reader>
  bool Read(std::string_view key, T* target, Reader read) {
    const YamlNode* const node = Find(key);
    if (node == nullptr) return false;
    auto value = read(*node);
    if (!value) {
      problems_.Add(PathOf(key), node->mark, value.error().message);
      return false;
    }
    *target = static_cast<T>(*std::move(value));
    return true;
  }

  template <typename E>
  bool Word(std::string_view key, E* target, std::span<const std::string_view> planned = {}) {
    return Read(key, target, [planned](const YamlNode& n) { return ReadWord<E>(n, planned); });
  }
  template <typename Int>
  bool Number(std::string_view key, Int* target, uint64_t min, uint64_t max) {
    return Read(key, target, [=](const YamlNode& n) { return ReadNumber(n, min, max); });
  }
  bool Bool(std::string_view key, bool* target) { return Read(key, target, ReadBool); }
  bool Time(std::string_view key, Duration* target, Duration min, Duration max) {
    return Read(key, target, [=](const YamlNode& n) { return ReadDuration(n, min, max); });
  }

  // Calls visit(item, path of the item) for each item of a list, also for broken ones: a MapReader
  // takes those quietly, and the model keeps the indices of the file.
  template <typename Visit>
  void ForEach(std::string_view key, Visit visit) {
    const YamlNode* const node = Find(key);
    if (node == nullptr) return;
    if (!node->is_list()) {
      problems_.Add(PathOf(key), node->mark, WrongValue(*node, "a list").message);
      return;
    }
    for (size_t i = 0; i < node->items.size(); ++i)
      visit(node->items[i], PathOf(key) + "[" + std::to_string(i) + "]");
  }
  // The same without broken items; a value that is no list is its own only item.
  template <typename Visit>
  void ForOneOrMany(std::string_view key, Visit visit) {
    const YamlNode* const node = Find(key);
    if (node == nullptr) return;
    if (!node->is_list()) {
      visit(*node, PathOf(key));
      return;
    }
    if (node->items.empty())
      problems_.Add(PathOf(key), node->mark, "must not be empty; leave the key out instead");
    ForEach(key, [&](const YamlNode& item, const std::string& path) {
      if (item.kind != YamlNode::Kind::kBroken) visit(item, path);
    });
  }
  // Appends read(item) of each item to *target; one-or-many.
  template <typename T, typename Reader>
  void ReadOneOrMany(std::string_view key, std::vector<T>* target, Reader read) {
    ForOneOrMany(key, [&](const YamlNode& item, const std::string& path) {
      if (auto value = read(item))
        target->push_back(static_cast<T>(*std::move(value)));
      else
        problems_.Add(path, item.mark, value.error().message);
    });
  }

 private:
  void CheckKey(const YamlKey& key, const Section& section);
  [[nodiscard]] std::string UnknownKeySentence(std::string_view key, const Section& section);

  Problems& problems_;
  std::string path_;
  std::map<std::string_view, const YamlNode*> values_;
  std::set<std::string_view> meant_;
  bool has_merge_key_ = false;
};

}  // namespace fairlead::control
