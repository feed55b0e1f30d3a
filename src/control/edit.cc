#include "control/edit.h"

#include "control/config/problems.h"
#include "control/config/yaml_tree.h"

namespace fairlead::control {

struct EditBody::Parsed {
  std::string text;
  std::optional<YamlNode> tree;
  Problems problems;
};

EditBody::EditBody(const std::string& text) {
  // The file that places of errors name: "body:1:12: weight: must be …".
  auto parsed = std::make_shared<Parsed>(Parsed{text, {}, Problems("body")});
  parsed->tree = ParseYaml(text, parsed->problems, 1, kBodyLimits);
  parsed_ = std::move(parsed);
}

const std::string& EditBody::text() const { return parsed_->text; }

const YamlNode* EditBody::tree() const { return parsed_->tree ? &*parsed_->tree : nullptr; }

const Problems& EditBody::problems() const { return parsed_->problems; }

}  // namespace fairlead::control
