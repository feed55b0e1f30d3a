// Small helps of the validators: paths, and who had a name first.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/problems.h"
#include "control/config/suggest.h"

namespace fairlead::control {

// "services" and 2 → "services[2]".
inline std::string ItemPath(const std::string& list, size_t index) {
  return list + "[" + std::to_string(index) + "]";
}

// Remembers the path that brought each key first.
template <typename Key>
class FirstPlaces {
 public:
  // The path of an earlier item with this key, or null; then `path` is remembered.
  const std::string* Earlier(const Key& key, const std::string& path) {
    const auto [it, is_new] = paths_.emplace(key, path);
    return is_new ? nullptr : &it->second;
  }

 private:
  std::map<Key, std::string> paths_;
};

// Reports a name that another item of the same kind has.
inline void CheckName(FirstPlaces<std::string>& names, const std::string& name,
                      const std::string& item_path, Problems& problems) {
  const std::string path = item_path + ".name";
  if (problems.IsBroken(path)) return;
  if (const std::string* first = names.Earlier(name, item_path))
    problems.Add(path, "the name " + Quote(name) + " is taken by " + problems.Where(*first));
}

// "; did you mean \"shop\"?" of the names of `items`, or nothing; nothing either once many problems
// have been found.
template <typename Items, typename Name>
std::string DidYouMean(const std::string& word, const Items& items, Name name,
                       const Problems& problems) {
  if (!problems.wants_suggestion()) return "";
  std::vector<std::string_view> known;
  for (const auto& item : items) known.push_back(std::invoke(name, item));
  const std::string_view close = Suggest(word, known);
  return close.empty() ? "" : "; did you mean \"" + std::string(close) + "\"?";
}

// What follow-kernel follows: some port has to have a kernel twin.
void CheckAnnounce(const ConfigModel& model, Announce announce, const std::string& path,
                   Problems& problems);
// Reports the "@set" of a match that name no prefix set. `path`: of the key that holds the match.
void CheckSets(const ConfigModel& model, const AddressMatch& match, const std::string& path,
               Problems& problems);

// Groups and netmasks of a service that has persistence.
void ValidatePersistence(const ConfigModel& model, const ServiceConfig& service,
                         const std::string& service_path, Problems& problems);

}  // namespace fairlead::control
