#include "control/config/reader_rights.h"

#include <gtest/gtest.h>

#include <map>

namespace fairlead::control::reader_rights_test {
namespace {

// The user 900 with the groups 900 and 50, and files of root's.
class ReaderRightsTest : public testing::Test {
 protected:
  ReaderRightsTest() {
    ApiListen& listen = model_.api.listen.emplace_back();
    listen.key = "/etc/fairlead/edge.key";
    model_.api.listen.back().tokens = "/etc/fairlead/tokens";
    files_["/etc"] = {0755, 0, 0};
    files_["/etc/fairlead"] = {0750, 0, 900};
    files_["/etc/fairlead/edge.key"] = {0640, 0, 50};
    files_["/etc/fairlead/tokens"] = {0600, 900, 0};
  }
  std::string Found() {
    const auto rights_of = [this](const std::string& path) -> std::optional<FileRights> {
      const auto it = files_.find(path);
      return it == files_.end() ? std::nullopt : std::optional(it->second);
    };
    std::string text;
    for (const Unreadable& each : FindUnreadable(model_, {"fairlead", 900, {900, 50}}, rights_of))
      text += each.place + ": " + each.sentence + ": " + each.mends + "\n";
    return text;
  }

  ConfigModel model_;
  std::map<std::string, FileRights> files_;
};

TEST_F(ReaderRightsTest, OwnerGroupsAndDirectoriesLetTheUserIn) { EXPECT_EQ(Found(), ""); }

TEST_F(ReaderRightsTest, AFileOfRootsAloneIsNamedWithTheCommandThatMendsIt) {
  files_["/etc/fairlead/edge.key"] = {0600, 0, 0};
  const size_t last = model_.api.listen.size() - 1;
  EXPECT_EQ(Found(), "api.listen[" + std::to_string(last) +
                         "].key: the user fairlead, as whom the unit runs the director, may not "
                         "read /etc/fairlead/edge.key: chgrp fairlead /etc/fairlead/edge.key && "
                         "chmod g+r /etc/fairlead/edge.key\n");
}

TEST_F(ReaderRightsTest, TheKeyOfSyncIsAmongThem) {
  model_.sync.stream.key_file = "/etc/fairlead/sync.key";
  files_["/etc/fairlead/sync.key"] = {0640, 0, 50};
  EXPECT_EQ(Found(), "");
  files_["/etc/fairlead/sync.key"] = {0600, 0, 0};
  EXPECT_EQ(Found(),
            "sync.key_file: the user fairlead, as whom the unit runs the director, may not read "
            "/etc/fairlead/sync.key: chgrp fairlead /etc/fairlead/sync.key && chmod g+r "
            "/etc/fairlead/sync.key\n");
}

TEST_F(ReaderRightsTest, ADirectoryOnTheWayMayBeClosed) {
  files_["/etc/fairlead"] = {0700, 0, 0};
  const std::string found = Found();
  EXPECT_NE(found.find("may not look into /etc/fairlead, where /etc/fairlead/edge.key is: chgrp "
                       "fairlead /etc/fairlead && chmod g+x /etc/fairlead"),
            std::string::npos)
      << found;
}

TEST_F(ReaderRightsTest, TheOwnersOwnBitsCountForTheOwner) {
  files_["/etc/fairlead/tokens"] = {0066, 900, 900};
  EXPECT_NE(Found().find("may not read /etc/fairlead/tokens"), std::string::npos);
}

}  // namespace
}  // namespace fairlead::control::reader_rights_test
