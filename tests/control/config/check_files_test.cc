#include "control/config/check_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "../test_certificate.h"
#include "control/config/command_path.h"
#include "load_helpers.h"

namespace fairlead::control::check_files_test {
namespace {

std::string ContentsOf(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
  return path;
}

// A certificate, and its parts in files of their own.
struct Parts {
  const TestCertificate both{"shop.example", 86400};
  const std::string text = ContentsOf(both.file());
  const size_t cut = text.find("-----BEGIN PRIVATE");
  const std::string certificate = Write(both.file() + ".crt", text.substr(0, cut));
  const std::string key = Write(both.file() + ".key", text.substr(cut));
};

std::string FaultOf(const NamedTlsFiles& files) {
  const auto fault = FaultOfTlsFiles(files);
  return fault ? std::string(fault->key) + ": " + fault->sentence : "";
}

TEST(TlsFileFault, FilesThatFitTogetherHaveNone) {
  const Parts good;
  EXPECT_EQ(FaultOf({}), "");
  EXPECT_EQ(FaultOf({.ca = good.certificate}), "");
  EXPECT_EQ(FaultOf({.certificate = good.both.file()}), "");
  EXPECT_EQ(FaultOf({.certificate = good.certificate, .key = good.key}), "");
}

TEST(TlsFileFault, NamesTheFileAndWhatIsWrong) {
  const Parts good, other;
  EXPECT_EQ(FaultOf({.ca = "/nowhere/ca.pem"}), "ca: /nowhere/ca.pem: No such file or directory");
  EXPECT_EQ(FaultOf({.ca = "/dev/zero"}), "ca: /dev/zero is not a regular file");
  EXPECT_EQ(FaultOf({.ca = good.key}), "ca: " + good.key + " has no certificates in PEM");
  EXPECT_EQ(FaultOf({.certificate = good.key}),
            "certificate: " + good.key + " has no certificate in PEM");
  EXPECT_EQ(FaultOf({.certificate = good.certificate}),
            "certificate: " + good.certificate +
                " has no key in it; name the file of the key as \"key\"");
  EXPECT_EQ(FaultOf({.certificate = good.certificate, .key = other.key}),
            "key: the key in " + other.key + " is not that of the certificate " + good.certificate);
  EXPECT_EQ(
      FaultOf({.certificate = good.certificate, .key = other.certificate}),
      "key: " + other.certificate + " has no key in PEM that can be read without a passphrase");
}

std::string WarningsOf(const std::string& health, const std::string& more = "") {
  const std::string yaml = WithTwin() +
                           "services:\n  - { name: a, address: 192.0.2.80, port: 80, protocol: "
                           "tcp,\n      health: " +
                           health + more + ",\n      reals: [{ address: 10.0.0.11 }] }\n";
  const LoadResult result = LoadConfigText(yaml, "t.yaml");
  return ToText(result.errors) + ToText(result.warnings);
}

TEST(ConfigWarnings, FilesThatAChecksNeedsAreLookedAt) {
  EXPECT_EQ(WarningsOf("{ type: https, ca: /nowhere/ca.pem }"),
            "t.yaml:7:34: services[0].health.ca: cannot be used on this machine: "
            "/nowhere/ca.pem: No such file or directory\n");
  EXPECT_EQ(WarningsOf("{ type: redis, password_file: /nowhere/p }"),
            "t.yaml:7:45: services[0].health.password_file: cannot be used on this machine: "
            "/nowhere/p: No such file or directory\n");
}

TEST(ConfigWarnings, WhatListenersNeedIsLookedAt) {
  const LoadResult result =
      LoadConfigText(kBase +
                         "api:\n"
                         "  listen:\n"
                         "    - { address: 'unix:/run/a.sock', group: no-such-group }\n"
                         "    - { address: 'https://127.0.0.1:1', certificate: /nowhere/c.pem, "
                         "key: /nowhere/k.pem,\n"
                         "        tokens: /nowhere/tokens }\n"
                         "  ipvs_socket: { path: /run/b.sock, group: no-such-group }\n",
                     "t.yaml");
  ASSERT_TRUE(result) << ToText(result.errors);
  const std::string all = ToText(result.warnings);
  for (const char* words :
       {"api.listen[0].group: cannot be used on this machine: there is no group "
        "no-such-group; make it (groupadd --system no-such-group)",
        "api.listen[1].certificate: cannot be used on this machine: "
        "/nowhere/c.pem: No such file or directory",
        "api.listen[1].tokens: cannot be used on this machine: "
        "/nowhere/tokens: cannot be read: No such file or directory; write it, or name another",
        "api.ipvs_socket.group: cannot be used on this machine"}) {
    EXPECT_NE(all.find(words), std::string::npos) << words << " in\n" << all;
  }
}

TEST(ConfigWarnings, WordsInACommandThatNobodyReplaces) {
  EXPECT_EQ(WarningsOf("{ type: script, command: [/bin/true, '{address}:{port}', '{print}'] }"),
            "t.yaml:7:40: services[0].health.command[2]: \"{print}\" is passed on as it stands: "
            "only {address} and {port} are replaced\n");
  EXPECT_EQ(WarningsOf("{ type: tcp }", ", on_up: [/bin/true, '{address}', '{\"a\":1}']"),
            "t.yaml:7:37: services[0].on_up[1]: \"{address}\" is passed on as it stands: what the "
            "command may know is in its environment\n");
}

// Only root can stand for another user here.
TEST(ConfigWarnings, AProgramThatTheUserCannotExecute) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const Parts files;
  ASSERT_EQ(chmod(files.key.c_str(), 0700), 0);
  const std::string folder = files.key.substr(0, files.key.rfind('/'));
  ASSERT_EQ(chmod(folder.c_str(), 0755), 0);
  EXPECT_EQ(FaultForUser(files.key, "nobody"),
            files.key + " is not executable for the user nobody (director.script_user)");
  EXPECT_EQ(FaultForUser(files.key, "root"), "");
  ASSERT_EQ(chmod(files.key.c_str(), 0755), 0);
  EXPECT_EQ(FaultForUser(files.key, "nobody"), "");
  ASSERT_EQ(chmod(folder.c_str(), 0700), 0);
  EXPECT_EQ(FaultForUser(files.key, "nobody"),
            folder + " is closed to the user nobody (director.script_user)");
  EXPECT_EQ(FaultForUser(files.key, "no-such-user"),
            "there is no user no-such-user (director.script_user)");
}

}  // namespace
}  // namespace fairlead::control::check_files_test
