#include "cli/edited_since.h"

#include <algorithm>
#include <map>
#include <optional>

#include "cli/service_tree.h"
#include "cli/yaml_text.h"

namespace fairlead::cli {

namespace {

using control::YamlNode;

// One value in each of the three; null: it is not there.
struct Versions {
  const YamlNode* read = nullptr;
  const YamlNode* now = nullptr;
  const YamlNode* wanted = nullptr;

  [[nodiscard]] bool are(bool (YamlNode::*kind)() const) const {
    return read != nullptr && now != nullptr && wanted != nullptr && (read->*kind)() &&
           (now->*kind)() && (wanted->*kind)();
  }
};

bool AreSame(const YamlNode* a, const YamlNode* b) {
  return a == nullptr || b == nullptr ? a == b : IsSame(*a, *b);
}

std::string ScalarAt(const YamlNode& map, std::string_view key) {
  const YamlNode* const value = ValueAt(map, key);
  return value != nullptr && value->is_scalar() ? value->text : "";
}

// The items of a list by what they are called.
struct NamedItems {
  std::vector<std::string> order;
  std::map<std::string, const YamlNode*> by_name;

  [[nodiscard]] const YamlNode* Find(const std::string& name) const {
    const auto it = by_name.find(name);
    return it == by_name.end() ? nullptr : it->second;
  }
};

// Nothing when its items have no names, or one twice. A real is called by address and port.
std::optional<NamedItems> Named(const YamlNode& list) {
  NamedItems items;
  for (const YamlNode& item : list.items) {
    std::string name = ScalarAt(item, "name");
    if (name.empty() && ValueAt(item, "weight") != nullptr) {
      name = ScalarAt(item, "address") + ":" + ScalarAt(item, "port");
    }
    if (name.empty() || !items.by_name.emplace(name, &item).second) return std::nullopt;
    items.order.push_back(std::move(name));
  }
  return items;
}

class Comparison {
 public:
  explicit Comparison(const std::set<std::string>& waiting) : waiting_(waiting) {}

  void Compare(const Versions& at, const std::string& place) {
    if (AreSame(at.now, at.read) || AreSame(at.now, at.wanted) || waiting_.contains(place)) return;
    if (at.are(&YamlNode::is_map)) return CompareMaps(at, place);
    if (at.are(&YamlNode::is_list) && CompareLists(at, place)) return;
    if (edited_.size() < kMostEditedKeys) edited_.push_back(place);
  }
  std::vector<std::string> Take() { return std::move(edited_); }

 private:
  // Keys of the top and of its sections are written as DifferingKeys writes them.
  static std::string Below(const std::string& place, const std::string& key) {
    if (place.empty()) return key;
    return place + (place.find_first_of(".:") == std::string::npos ? "." : ": ") + key;
  }

  void CompareMaps(const Versions& at, const std::string& place) {
    std::set<std::string> keys;
    for (const YamlNode* map : {at.read, at.now}) {
      for (const control::YamlKey& key : map->keys) keys.insert(key.text);
    }
    for (const std::string& key : keys) {
      Compare({ValueAt(*at.read, key), ValueAt(*at.now, key), ValueAt(*at.wanted, key)},
              Below(place, key));
    }
  }

  // False: they can only be compared as a whole.
  bool CompareLists(const Versions& at, const std::string& place) {
    const auto read = Named(*at.read), now = Named(*at.now), wanted = Named(*at.wanted);
    if (!read || !now || !wanted || !IsOrderKnown(*read, *now, *wanted)) return false;
    std::set<std::string> names(read->order.begin(), read->order.end());
    names.insert(now->order.begin(), now->order.end());
    for (const std::string& name : names) {
      Compare({read->Find(name), now->Find(name), wanted->Find(name)}, place + ": " + name);
    }
    return true;
  }

  // Of the items that all have.
  static bool IsOrderKnown(const NamedItems& read, const NamedItems& now,
                           const NamedItems& wanted) {
    const auto common = [&](const NamedItems& items) {
      std::vector<std::string> names = items.order;
      std::erase_if(names, [&](const std::string& name) {
        return read.Find(name) == nullptr || now.Find(name) == nullptr ||
               wanted.Find(name) == nullptr;
      });
      return names;
    };
    const std::vector<std::string> order = common(now);
    return order == common(read) || order == common(wanted);
  }

  const std::set<std::string>& waiting_;
  std::vector<std::string> edited_;
};

}  // namespace

std::vector<std::string> EditedSince(const std::string& as_read, const std::string& now,
                                     const std::string& in_force,
                                     const std::set<std::string>& waiting) {
  if (now == as_read) return {};
  const YamlNode read_tree = TreeOfDump(as_read), now_tree = TreeOfDump(now);
  const YamlNode wanted_tree = TreeOfDump(in_force);
  Comparison comparison(waiting);
  comparison.Compare({&read_tree, &now_tree, &wanted_tree}, "");
  return comparison.Take();
}

}  // namespace fairlead::cli
