// What `fairlead` says to a command line that is wrong, for people and for scripts.
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <fstream>

#include "base/utf8.h"
#include "run_cli.h"

namespace fairlead::testing::usage_test {
namespace {

namespace json = boost::json;

class UsageTest : public CliTest {};

TEST_F(UsageTest, AnUnknownWordIsNamedWithWhatWasMeant) {
  const std::pair<const char*, const char*> kCases[] = {
      {"statsu",
       "\"statsu\" is not a command of fairlead; did you mean \"status\"? Try fairlead --help"},
      {"services list",
       "\"services\" is not a command of fairlead; did you mean \"service\"? Try fairlead --help"},
      {"real dran web 10.0.0.11",
       "\"dran\" is not a command of fairlead real; did you mean \"drain\"? Try fairlead real "
       "--help"},
      {"template zzz",
       "\"zzz\" is not a command of fairlead template; there are list, flush, pin, unpin, retime; "
       "try "
       "fairlead template --help"},
      {"connection",
       "fairlead connection needs a command; there are list, count, flush; try "
       "fairlead connection --help"},
      {"real set web 10.0.0.11 --wieght 3",
       "--wieght is not an option of fairlead real set; did you mean --weight? Try fairlead real "
       "set "
       "--help"},
      {"-o json real set web 10.0.0.11 --nonsense=3",
       "--nonsense is not an option of fairlead real set; try fairlead real set --help"},
      {"connection flush",
       "fairlead connection flush: give a filter, or --all for everything; try fairlead connection "
       "flush --help"},
      // The nearest word would be the opposite.
      {"real undrain web 10.0.0.11",
       "\"undrain\" is not a command of fairlead real; use fairlead real enable SERVICE REAL; try "
       "fairlead real --help"},
      {"stats",
       "\"stats\" is not a command of fairlead; use fairlead top services, or fairlead metrics for "
       "all counters; try fairlead --help"},
      {"save",
       "\"save\" is not a command of fairlead; use fairlead config save; try fairlead --help"},
      {"log zzz",
       "\"zzz\" is not a command of fairlead log; there is level; try fairlead log --help"},
      {"real set web 10.0.0.11 weight 3",
       "fairlead real set: not expected: weight 3; did you mean --weight 3? Try fairlead real set "
       "--help"},
      {"status now here", "fairlead status: not expected: now here; try fairlead status --help"},
      {"connection count --top 3",
       "fairlead connection count: --top requires --by; try fairlead connection count --help"},
      {"real set web", "fairlead real set: real is required; try fairlead real set --help"},
  };
  for (const auto& [words, sentence] : kCases) {
    const Outcome outcome = RunAt(words);
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_EQ(outcome.out, "") << words;
    if (std::string(words).starts_with("-o json")) {
      EXPECT_EQ(json::parse(outcome.err).at("detail").as_string(), sentence) << words;
    } else {
      EXPECT_EQ(outcome.err, std::string("fairlead: ") + sentence + "\n") << words;
    }
  }
}

// Standard output is for results: a script that parses it must not meet a problem there.
TEST_F(UsageTest, JsonProblemsAreDocumentsOnStandardError) {
  const auto problem = [this](const std::string& words, int exit_code) {
    const Outcome outcome = RunAt(words);
    EXPECT_EQ(outcome.exit_code, exit_code) << words;
    EXPECT_EQ(outcome.out, "") << words;
    json::error_code ec;
    const json::value document = json::parse(outcome.err, ec);
    EXPECT_FALSE(ec) << words << ": " << outcome.err;
    return ec ? json::object() : document.as_object();
  };
  const json::object usage = problem("--output=json nonsense", 2);
  EXPECT_EQ(usage.at("type").as_string(), "urn:fairlead:problem:usage");
  EXPECT_EQ(usage.at("exit_code").as_int64(), 2);
  EXPECT_EQ(problem("-o json --api unix:/nowhere/api.sock status", 3).at("type").as_string(),
            "urn:fairlead:problem:unreachable");
  EXPECT_EQ(problem("-o json --api ftp://x status", 2).at("type").as_string(),
            "urn:fairlead:problem:usage");
  EXPECT_EQ(problem("-o json service add nowhere", 1).at("type").as_string(),
            "urn:fairlead:problem:invalid-address");
  Start();
  const std::string at = "--api " + director.socket() + " ";
  const json::object unknown = problem(at + "service show wab -o json", 1);
  EXPECT_EQ(unknown.at("type").as_string(), "urn:fairlead:problem:unknown-service");
  EXPECT_EQ(unknown.at("status").as_int64(), 404);
  director.SetReloadOutcome({.ok = false,
                             .generation = 7,
                             .errors = {{ErrorCode::kInvalid, "unknown key", "a.yaml:9:1"}},
                             .changes = {}});
  const json::object refused = problem(at + "-o json reload", 1);
  EXPECT_EQ(refused.at("errors").at(0).at("place").as_string(), "a.yaml:9:1");
}

// JSON is UTF-8: a name in Latin-1 is refused where it was typed, and never printed as it is.
TEST_F(UsageTest, WordsAreUtf8) {
  Start();
  EXPECT_EQ(Run("service show 'caf\xe9'").err,
            "fairlead: \"caf\xef\xbf\xbd\" is not UTF-8, as names and values must be\n");
  for (const char* words :
       {"-o json service show 'caf\xe9'", "-o json template pin shop 192.0.2.7 '\xff'",
        "-o json explain '\xe9' 192.0.2.10:80", "-o json reload '/tmp/\xe9.yaml'", "-o json '\xe9'",
        "-o json real set web '\xe9' --wieght 3"}) {
    const Outcome outcome = Run(words);
    EXPECT_EQ(outcome.exit_code, 2) << words;
    EXPECT_TRUE(IsUtf8(outcome.err)) << words;
    json::error_code ec;
    json::parse(outcome.err, ec);
    EXPECT_FALSE(ec) << outcome.err;
  }
  const Outcome good = Run("-o json service show 'caf\xc3\xa9'");
  EXPECT_EQ(good.exit_code, 1);
  EXPECT_NE(good.err.find("There is no service \\\"caf\xc3\xa9\\\""), std::string::npos)
      << good.err;
}

// A file may have any name; what is said of it as JSON is JSON all the same.
TEST_F(UsageTest, CheckTakesAFileOfAnyName) {
  const std::string file = director.directory() + "/caf\xe9.yaml";
  std::ofstream(file) << "version: 1\nservises: []\n";
  const Outcome outcome = RunAt("-o json check '" + file + "'");
  EXPECT_EQ(outcome.exit_code, 1);
  json::error_code ec;
  const json::value document = json::parse(outcome.out, ec);
  ASSERT_FALSE(ec) << outcome.out;
  EXPECT_FALSE(document.at("ok").as_bool());
}

}  // namespace
}  // namespace fairlead::testing::usage_test
