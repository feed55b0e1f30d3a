// Files under /proc through the library.
#include <cstdio>

#include "fake_director.h"
#include "run_client.h"

namespace fairlead::preload::files_test {
namespace {

constexpr char kConnections[] = "/proc/net/ip_vs_conn";
constexpr char kSetting[] = "/proc/sys/net/ipv4/vs/drop_entry";

class Files : public PreloadTest {
 protected:
  std::string Client(std::vector<std::string> words) {
    words.insert(words.begin(), PRELOAD_CLIENT);
    return Run(words).output;
  }
  // As the program prints it.
  static std::string Printed(const std::string& text) {
    size_t sum = 0;
    for (const char byte : text) sum = sum * 31 + static_cast<unsigned char>(byte);
    return std::to_string(text.size()) + " bytes, " + std::to_string(sum) + "\n";
  }
  static std::string Lines(size_t count) {
    std::string text;
    for (size_t i = 0; i < count; ++i) text += "line " + std::to_string(i) + "\n";
    return text;
  }

  FakeDirector director_{socket_};
};

TEST_F(Files, AShortFileSeeksAsInProc) {
  director_.files["/proc/net/ip_vs"] = Lines(100);
  const std::string printed = Printed(Lines(100));
  EXPECT_EQ(Client({"read", "/proc/net/ip_vs", "twice"}),
            printed + "seek 0\n" + printed + "Bad file descriptor\n");
  EXPECT_EQ(Client({"read", "/proc/self/net//./ip_vs", "stdio"}), printed);
  EXPECT_EQ(Client({"read", "/proc/net/ip_vs", "exec"}), "790\n");
}

TEST_F(Files, ALongFileStreams) {
  const std::string text = Lines(200'000);
  director_.files[kConnections] = text;
  EXPECT_EQ(Client({"read", kConnections, "read"}), Printed(text));
  EXPECT_EQ(Client({"read", kConnections, "stdio"}), Printed(text));
  EXPECT_EQ(Client({"read", kConnections, "exec"}), std::to_string(text.size()) + "\n");
}

TEST_F(Files, ALongFileIsFetchedAsTheProgramReads) {
  director_.files[kConnections] = Lines(2'000'000);  // 24 MB: 850 records
  EXPECT_EQ(Client({"read", kConnections, "some"}), "100 bytes\nno child\n");
  EXPECT_LT(director_.records_sent(), 100U);
}

TEST_F(Files, ALongFileThatBreaksOffIsNoWholeOne) {
  director_.files[kConnections] = Lines(2'000'000);
  director_.dump_ends_after = 100;
  EXPECT_EQ(Client({"read", kConnections, "read"}).substr(0, 32),
            "Connection reset by peer, after ");
  const Outcome outcome = Run({"sh", "-c", std::string("cat < ") + kConnections + " > /dev/null"});
  EXPECT_EQ(outcome.errors, "cat: -: Connection reset by peer\n");
  EXPECT_EQ(outcome.exit_code, 1);
}

TEST_F(Files, SettingsReachTheDirectorHoweverTheyAreClosed) {
  director_.files[kSetting] = "0\n";
  EXPECT_EQ(Client({"write", kSetting, "close_range", "3"}), "closed\n");
  EXPECT_EQ(director_.written(), (std::vector<std::string>{std::string(kSetting) + "=3"}));
}

TEST_F(Files, AnEmptyFileIsOne) {
  director_.files["/proc/net/ip_vs_app"] = "";
  EXPECT_EQ(Client({"read", "/proc/net/ip_vs_app", "read"}), Printed(""));
}

TEST_F(Files, OnlyNamesOfIpvsAreServed) {
  EXPECT_EQ(Client({"read", "/proc/sys/net/ipv4/vs/nonsense", "read"}),
            "No such file or directory\n");
  EXPECT_EQ(Client({"read", "/proc/net/ip_vs_other", "read"}), "No such file or directory\n");
  EXPECT_NE(Client({"read", "/proc/net/dev", "read"}), Printed(""));
  EXPECT_EQ(director_.connections(), 1);
}

TEST_F(Files, SettingsAreWrittenAtOnce) {
  director_.files[kSetting] = "0\n";
  EXPECT_EQ(Client({"write", kSetting, "write", "1\n"}), "wrote 2\n");
  EXPECT_EQ(Client({"write", kSetting, "stdio", "2"}), "closed\n");
  const std::string path = kSetting;
  EXPECT_EQ(director_.written(), (std::vector<std::string>{path + "=1\n", path + "=2"}));
}

TEST_F(Files, AShellWritesSettingsToo) {
  director_.files[kSetting] = "0\n";
  const std::string path = kSetting;
  std::vector<std::string> expected;
  for (const char* shell : {"sh", "bash"}) {
    for (const char* writer : {"echo 3", "/bin/echo 4", "echo 5 | cat"}) {
      const Outcome outcome = Run({shell, "-c", writer + (" > " + path) + "; echo done"});
      EXPECT_EQ(outcome.output, "done\n") << shell << ": " << writer;
      EXPECT_EQ(outcome.errors, "") << shell << ": " << writer;
    }
    for (const char* value : {"=3\n", "=4\n", "=5\n"}) expected.push_back(path + value);
  }
  EXPECT_EQ(director_.written(), expected);
}

TEST_F(Files, RefusedSettingsAreErrors) {
  director_.files[kSetting] = "0\n";
  director_.write_error = EINVAL;
  EXPECT_EQ(Client({"write", kSetting, "write", "9"}), "Invalid argument\n");
  EXPECT_EQ(Client({"write", kSetting, "stdio", "9"}), "Invalid argument\n");
  EXPECT_EQ(Client({"write", "/proc/net/ip_vs", "write", "9"}), "Permission denied\n");
  EXPECT_EQ(Client({"write", "/proc/sys/net/ipv4/vs/nonsense", "write", "9"}),
            "No such file or directory\n");
}

TEST_F(Files, NamesAreThereWhileTheDirectorIs) {
  director_.files[kSetting] = "0\n";
  EXPECT_EQ(Client({"look", kSetting}), "a file of 0\nreadable\n" + std::string(kSetting) + "\n");
  EXPECT_EQ(Client({"look", "/proc/sys/net/ipv4/vs"}).substr(0, 9), "a folder\n");
  director_.Stop();
  std::remove(socket_.c_str());
  const std::string no = "No such file or directory\n";
  EXPECT_EQ(Client({"look", kSetting}), no + no + no);
  EXPECT_EQ(Client({"read", kConnections, "read"}), no);
  EXPECT_EQ(Client({"write", kSetting, "write", "1"}), no);
}

}  // namespace
}  // namespace fairlead::preload::files_test
