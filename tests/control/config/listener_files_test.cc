#include "control/config/listener_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "../test_certificate.h"
#include "load_helpers.h"

namespace fairlead::control::listener_files_test {
namespace {

constexpr const char* kGoodLine = "read:a-token-of-the-test prometheus\n";

class ListenerFilesTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text, mode_t mode = 0640) {
    const std::string path = both_.file() + "." + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }
  static std::string Text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  std::string KeyOf(const TestCertificate& pair, const std::string& name, mode_t mode) {
    const std::string text = Text(pair.file());
    return Write(name, text.substr(text.find("-----BEGIN PRIVATE")), mode);
  }
  static std::string FaultsOf(const ListenerFiles& files) {
    std::string text;
    for (const FileFault& fault : FaultsOfListener(files))
      text += std::string(fault.key) + ": " + fault.sentence + "\n";
    return text;
  }

  const TestCertificate both_{"edge.example", 86400}, other_{"other.example", 86400};
};

TEST_F(ListenerFilesTest, FilesOfAGoodListenerHaveNone) {
  EXPECT_EQ(FaultsOf({}), "");
  EXPECT_EQ(FaultsOf({.certificate = both_.file(),
                      .key = KeyOf(both_, "key", 0640),
                      .client_ca = other_.file(),
                      .tokens = Write("tokens", kGoodLine)}),
            "");
}

// What a start refuses of several files is said at once, and how to mend it.
TEST_F(ListenerFilesTest, EveryFaultIsNamedWithItsRemedy) {
  const std::string tokens = Write("tokens", kGoodLine, 0644);
  const std::string key = KeyOf(other_, "key", 0640), crl = Write("crl", "nothing");
  EXPECT_EQ(FaultsOf({.certificate = both_.file(),
                      .key = key,
                      .client_ca = "/nowhere/ca.pem",
                      .crl = crl,
                      .tokens = tokens,
                      .group = "no-such-group"}),
            "key: " + key + " is not the key of the certificate " + both_.file() +
                "\nclient_ca: /nowhere/ca.pem: No such file or directory; write it, or name "
                "another\ncrl: " +
                crl +
                " holds no list of revoked certificates in PEM (openssl crl -in FILE shows one)"
                "\ntokens: " +
                tokens + ": holds a secret and everybody may read or write it; chmod o= " + tokens +
                "\ngroup: there is no group no-such-group; make it (groupadd --system "
                "no-such-group), or name another\n");
}

TEST_F(ListenerFilesTest, AKeyThatEverybodyMayRead) {
  const std::string key = KeyOf(both_, "key", 0644);
  EXPECT_EQ(FaultsOf({.certificate = both_.file(), .key = key}),
            "key: " + key + ": holds a secret and everybody may read or write it; chmod o= " + key +
                "\n");
}

TEST_F(ListenerFilesTest, EachLineOfTokensIsLookedAt) {
  const std::string tokens =
      Write("tokens", std::string("read:short x\n") + kGoodLine + "boss:a-token-of-ours-12 y\n");
  EXPECT_EQ(FaultsOf({.tokens = tokens}),
            "tokens: " + tokens +
                ":1: a token must have 16 to 256 letters, digits and - . _ ~ + / =, for instance "
                "of openssl rand -hex 32\ntokens: " +
                tokens + ":3: the role must be read or admin\n");
}

TEST_F(ListenerFilesTest, LinesBeyondTheFirstOnesAreCounted) {
  std::string lines;
  for (int i = 0; i < 20; ++i) lines += "nonsense\n";
  const std::string tokens = Write("tokens", lines);
  const auto faults = FaultsOfListener({.tokens = tokens});
  ASSERT_EQ(faults.size(), 17u);
  EXPECT_EQ(faults.back().sentence, tokens + " has 4 more lines that are wrong");
}

TEST_F(ListenerFilesTest, AConfigurationIsWarnedOfThem) {
  const std::string tokens = Write("tokens", kGoodLine, 0644);
  const LoadResult result = LoadConfigText(
      kBase + "api: { listen: [{ address: 'http://127.0.0.1:1', tokens: " + tokens + " }] }\n",
      "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  EXPECT_NE(ToText(result.warnings)
                .find("api.listen[0].tokens: cannot be used on this machine: " + tokens +
                      ": holds a secret and everybody may read or write it; chmod o= " + tokens),
            std::string::npos)
      << ToText(result.warnings);
}

}  // namespace
}  // namespace fairlead::control::listener_files_test
