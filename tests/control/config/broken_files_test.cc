// Cases as data: broken/NAME.yaml must give exactly the lines of broken/NAME.expected.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "load_helpers.h"

namespace fairlead::control::broken_files_test {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> BrokenFiles() {
  std::vector<fs::path> files;
  const fs::path directory = fs::path(kSourceDir) / "tests/control/config/broken";
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == ".yaml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class BrokenFile : public testing::TestWithParam<fs::path> {};

TEST_P(BrokenFile, GivesExactlyTheExpectedMessages) {
  const LoadResult result = LoadConfig(GetParam());
  EXPECT_FALSE(result.model);
  std::string text = ToText(result.errors);
  const std::string directory = GetParam().parent_path().string() + "/";
  for (size_t at; (at = text.find(directory)) != std::string::npos;)
    text.erase(at, directory.size());
  EXPECT_EQ(text, ReadAll(fs::path(GetParam()).replace_extension(".expected")));
}

INSTANTIATE_TEST_SUITE_P(All, BrokenFile, testing::ValuesIn(BrokenFiles()), [](const auto& file) {
  std::string name = file.param.stem().string();
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
});

TEST(BrokenFiles, AreAtLeastThirty) { EXPECT_GE(BrokenFiles().size(), 30u); }

}  // namespace
}  // namespace fairlead::control::broken_files_test
