// The keys of one map in a YAML file brought to other values.
//
//   MapEdit map(yaml, &edits, &left);
//   map.Compare(was, is, *written, "service web");   // dumps of what it says and is to say
//   left                                             // {"service web: on_up"}
//
// Threads: a value.
#pragma once

#include <string>
#include <vector>

#include "cli/text_edits.h"
#include "cli/yaml_text.h"

namespace fairlead::cli {

class MapEdit {
 public:
  MapEdit(const YamlText& yaml, TextEdits* edits, std::vector<std::string>* left)
      : yaml_(yaml), edits_(edits), left_(left) {}

  // `whose`: for people.
  void Compare(const control::YamlNode& was, const control::YamlNode& is,
               const control::YamlNode& written, const std::string& whose);
  // A key that the map does not have.
  void Add(const control::YamlNode& map, const std::string& key, const control::YamlNode& value,
           const std::string& whose);

 private:
  using YamlNode = control::YamlNode;

  void Change(const YamlNode& before, const YamlNode& now, const YamlNode& written,
              const std::string& key, const std::string& whose);
  bool ChangeItems(const YamlNode& before, const YamlNode& now, const YamlNode& written,
                   const std::string& whose);
  void Replace(const YamlNode& map, size_t i, const YamlNode& now, const std::string& whose);
  void CutAll(const YamlNode& map, const std::vector<std::string>& keys, const std::string& whose);
  bool Cut(const YamlNode& map, const std::vector<std::string>& keys, bool is_told);
  bool InsertLine(const YamlNode& map, const std::string& entry, const std::string& what);
  void Leave(const std::string& whose, const std::string& key) {
    left_->push_back(whose + ": " + key);
  }

  const YamlText& yaml_;
  TextEdits* edits_;
  std::vector<std::string>* left_;
};

}  // namespace fairlead::cli
