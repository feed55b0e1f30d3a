// config/reference.yaml and docs/configuration.md know every key that the loader knows.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "control/config/schema.h"
#include "control/config/yaml_tree.h"
#include "load_helpers.h"

namespace fairlead::control::reference_test {
namespace {

std::string ReadAll(const std::string& name) {
  std::ifstream file(std::string(kSourceDir) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// "services[].reals[].weight" of every key in the tree; a set's name counts as "*".
void CollectPaths(const YamlNode& node, const std::string& path, std::set<std::string>& paths) {
  for (size_t i = 0; i < node.items.size(); ++i) {
    // One check, or a list of them.
    std::string below = path + (path.ends_with(".health") ? "" : "[]");
    if (node.is_map()) {
      const std::string key = path == "prefix_sets" ? "*" : node.keys[i].text;
      below = path.empty() ? key : path + "." + key;
      paths.insert(below);
    }
    CollectPaths(node.items[i], below, paths);
  }
}

bool HasKey(const std::set<std::string>& paths, std::string_view section, std::string_view key) {
  std::string wanted = std::string(section) + (section.empty() ? "" : ".") + std::string(key);
  if (!wanted.starts_with("*.")) return paths.contains(wanted);
  wanted.erase(0, 1);  // ".timeouts.tcp", wherever it stands
  for (const std::string& path : paths)
    if (path.ends_with(wanted)) return true;
  return false;
}

TEST(Reference, LoadsWithoutErrors) {
  const LoadResult result = LoadConfig(std::string(kSourceDir) + "/config/reference.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_EQ(result.model->services.size(), 6u);
  EXPECT_EQ(result.model->prefix_sets[1].prefixes.size(), 3u);
}

TEST(Quickstart, LoadsWithoutErrorsOrWarnings) {
  const LoadResult result = LoadConfig(std::string(kSourceDir) + "/config/quickstart.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_EQ(ToText(result.warnings), "");
}

TEST(Reference, ShowsEveryKeyTheLoaderKnows) {
  Problems problems("reference.yaml");
  const auto tree = ParseYaml(ReadAll("config/reference.yaml"), problems);
  ASSERT_TRUE(tree);
  std::set<std::string> paths;
  CollectPaths(*tree, "", paths);
  // It does not go with the certificates that stand beside it: a comment shows it.
  if (ReadAll("config/reference.yaml").find("  # key_file: /") != std::string::npos) {
    paths.insert("sync.key_file");
  }
  size_t keys = 0;
  for (const Section* section : AllSections()) {
    for (const KeyInfo& key : section->keys) {
      if (!key.refusal.empty()) continue;
      ++keys;
      EXPECT_TRUE(HasKey(paths, section->name, key.name))
          << "config/reference.yaml lacks " << section->name << "." << key.name;
    }
  }
  EXPECT_GT(keys, 90u);
}

TEST(Reference, TheExamplesLoadWithoutErrorsAndWarnings) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(std::string(kSourceDir) +
                                                                         "/config/examples")) {
    if (entry.path().extension() != ".yaml") continue;
    // Documents that are merged: tests/control/fleet/documents_test.cc.
    if (entry.path().parent_path().filename() == "etcd-fleet") continue;
    ++files;
    const LoadResult result = LoadConfig(entry.path());
    EXPECT_EQ(ToText(result.errors) + ToText(result.warnings), "") << entry.path();
  }
  EXPECT_EQ(files, 10u);
}

TEST(Reference, DocumentationNamesEveryKeyTheLoaderKnows) {
  const std::string text = ReadAll("docs/configuration.md");
  for (const Section* section : AllSections()) {
    for (const KeyInfo& key : section->keys) {
      if (!key.refusal.empty()) continue;
      EXPECT_NE(text.find("`" + std::string(key.name) + "`"), std::string::npos)
          << "docs/configuration.md lacks " << section->name << "." << key.name;
    }
  }
}

TEST(Reference, SectionsNameEachKeyOnce) {
  for (const Section* section : AllSections()) {
    std::set<std::string_view> names;
    for (const KeyInfo& key : section->keys)
      EXPECT_TRUE(names.insert(key.name).second) << section->name << "." << key.name;
  }
}

}  // namespace
}  // namespace fairlead::control::reference_test
