// Input that nobody writes by mistake: it is refused, at a place, without eating time or memory.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "control/config/yaml_tree.h"
#include "load_helpers.h"

namespace fairlead::control {
namespace {

TEST(HostileInput, DeepNestingIsRefusedEarly) {
  // While brackets are open each may still turn out to begin a key, which counts as a level too.
  EXPECT_EQ(ProblemsOf("version: 1\nports: " + std::string(1'000'000, '[')),
            "t.yaml:2:16: nested deeper than 16 levels\n");
  std::string maps = "version: 1\nports: ";
  for (int i = 0; i < 1000; ++i) maps += "{a: ";
  EXPECT_TRUE(ProblemsOf(maps).ends_with("nested deeper than 16 levels\n"));
}

TEST(HostileInput, AnAliasBombDoesNotExpand) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 30; ++i) {
    const std::string n = std::to_string(i), last = std::to_string(i - 1);
    bomb += "a" + n + ": &a" + n + " [*a" + last + ", *a" + last + "]\n";
  }
  EXPECT_FALSE(LoadConfigText(bomb, "t.yaml"));
}

TEST(HostileInput, TooManyValuesAndBytesAreRefused) {
  std::string many = "version: 1\nprefix_sets: { x: [";
  for (size_t i = 0; i <= kMaxYamlNodes; ++i) many += "a,";
  EXPECT_NE(ProblemsOf(many + "] }\n").find("more than 1000000 values"), std::string::npos);
  EXPECT_EQ(ProblemsOf(std::string(kMaxYamlBytes + 1, '#')),
            "t.yaml: larger than 16 MiB; put long prefix lists into files of their own\n");
}

TEST(HostileInput, AFileOfErrorsIsReportedUpToALimit) {
  std::string text = kBase + "services:\n";
  for (int i = 0; i < 5000; ++i) text += "  - oops\n";
  const LoadResult result = LoadConfigText(text, "t.yaml");
  EXPECT_EQ(result.errors.size(), Problems::kMaxKept + 1);
  EXPECT_EQ(result.errors.back().ToString(), "t.yaml: and 4000 more problems");
}

TEST(HostileInput, ControlBytesAreRefusedAndNeverPrinted) {
  EXPECT_EQ(ProblemsOf(std::string("version: 1\nlog: \0", 17)),
            "t.yaml:2:6: a control character; is this a text file?\n");
  const std::string text = ProblemsOf(kBase + "log: { level: \"\\e[2J\\0\" }\n");
  EXPECT_EQ(text,
            "t.yaml:5:15: log.level: must be debug, info, warning or error, not "
            "\"\\x1b[2J\\x00\"\n");
  EXPECT_NE(ProblemsOf(kBase + "director: { arena: \"/a\\nb\" }\n").find("control characters"),
            std::string::npos);
}

TEST(HostileInput, EveryBeginningOfTheReferenceEndsInAnAnswer) {
  std::ifstream file(std::string(kSourceDir) + "/config/reference.yaml");
  std::ostringstream stream;
  stream << file.rdbuf();
  const std::string whole = stream.str();
  for (size_t length = 0; length < whole.size(); length += 61) {
    const LoadResult result = LoadConfigText(whole.substr(0, length), "t.yaml");
    EXPECT_NE(result.model.has_value(), !result.errors.empty()) << length;
  }
}

TEST(HostileInput, NoFileNoDirectoryNoDevice) {
  EXPECT_EQ(ToText(LoadConfig("/nonexistent.yaml").errors),
            "/nonexistent.yaml: cannot be read: No such file or directory\n");
  EXPECT_EQ(ToText(LoadConfig("/").errors), "/: cannot be read: Is a directory\n");
  EXPECT_EQ(ToText(LoadConfig("/dev/zero").errors),
            "/dev/zero: cannot be read: it is no regular file\n");
}

// A reader waits for a writer for ever, and the control core would with it.
TEST(HostileInput, AFifoIsRefusedAndNotWaitedFor) {
  const std::string path = testing::TempDir() + "fairlead-fifo-test.yaml";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(ToText(LoadConfig(path).errors), path + ": cannot be read: it is no regular file\n");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace fairlead::control
