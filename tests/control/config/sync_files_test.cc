#include "control/config/sync_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "../test_certificate.h"
#include "control/config/check_config.h"
#include "load_helpers.h"

namespace fairlead::control::sync_files_test {
namespace {

std::string Write(const std::string& path, const std::string& text, mode_t mode) {
  std::ofstream(path) << text;
  chmod(path.c_str(), mode);
  return path;
}

std::string TextOf(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string FaultsOf(const StreamConfig& stream) {
  std::string text;
  for (const FileFault& fault : FaultsOfSync(stream)) {
    text += std::string(fault.key) + ": " + fault.sentence + "\n";
  }
  return text;
}

class SyncFiles : public testing::Test {
 protected:
  // A folder that goes with it.
  const TestCertificate own_{"edge-1", 86400}, other_{"edge-1", 86400};
  const std::string key_ = own_.file() + ".sync";
};

TEST_F(SyncFiles, AKeyThatASessionTakes) {
  EXPECT_EQ(FaultsOf({}), "");
  Write(key_, "0123456789abcdef\r\n", 0640);
  EXPECT_EQ(FaultsOf({.key_file = key_}), "");
  EXPECT_EQ(*ReadSharedKey(key_), "0123456789abcdef");
}

TEST_F(SyncFiles, AKeyThatASessionDoesNotTake) {
  EXPECT_EQ(FaultsOf({.key_file = "/nowhere/sync.key"}),
            "key_file: /nowhere/sync.key: cannot be read: No such file or directory; write it, or "
            "name another\n");
  Write(key_, "0123456789abcde\n", 0600);
  EXPECT_EQ(
      FaultsOf({.key_file = key_}),
      "key_file: " + key_ + ": has less than 16 bytes; make one with \"openssl rand -hex 32\"\n");
  Write(key_, "0123456789abcdef\n", 0644);
  EXPECT_EQ(FaultsOf({.key_file = key_}),
            "key_file: " + key_ +
                ": holds a secret and everybody may read or write it; chmod o= " + key_ + "\n");
  Write(key_, std::string(5000, 'x'), 0600);
  EXPECT_EQ(FaultsOf({.key_file = key_}), "key_file: " + key_ + ": has more than 4096 bytes\n");
}

TEST_F(SyncFiles, CertificatesAreLookedAtAsThoseOfListenersAre) {
  const std::string key = Write(key_, TextOf(own_.file()), 0600);
  EXPECT_EQ(FaultsOf({.certificate = own_.file(), .key = key, .ca = own_.file()}), "");
  EXPECT_EQ(FaultsOf({.certificate = other_.file(), .key = key, .ca = "/nowhere/ca.pem"}),
            "key: " + key + " is not the key of the certificate " + other_.file() +
                "\nca: /nowhere/ca.pem: No such file or directory; write it, or name another\n");
}

// Both commands that check a file ask here.
TEST_F(SyncFiles, ACheckOnThisMachineSaysIt) {
  const std::string path =
      Write(own_.file() + ".yaml",
            kBase +
                "sync: { name: a, peers: [{ name: b, address: 10.255.0.2 }], key_file: "
                "/nowhere/k }\n",
            0600);
  EXPECT_EQ(ToText(LoadConfig(path).warnings), "");
  const LoadResult checked = CheckConfig(path);
  ASSERT_TRUE(checked) << ToText(checked.errors);
  EXPECT_EQ(ToText(checked.warnings),
            path +
                ": sync.key_file: cannot be used on this machine: /nowhere/k: cannot be read: "
                "No such file or directory; write it, or name another\n");
}

}  // namespace
}  // namespace fairlead::control::sync_files_test
