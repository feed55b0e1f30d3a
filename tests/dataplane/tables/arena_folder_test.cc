// Who may be in the directory of an arena, and a start that cannot have what it needs.
#include "dataplane/tables/arena_folder.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include "tables/arena_rig.h"

namespace fairlead::dataplane::arena_folder_test {
namespace {

bool IsRoot() { return ::geteuid() == 0; }

class ArenaFolderTest : public testing::Test {
 protected:
  void ExpectRefusal(const std::string& part) {
    const std::string refusal = RefusalOf(spec_);
    EXPECT_NE(refusal.find(part), std::string::npos) << "\"" << refusal << "\" lacks " << part;
  }

  ArenaDirectory directory_;
  std::string arena_ = directory_.arena();
  ArenaSpec spec_ = MadeUpSpec(arena_);
};

TEST_F(ArenaFolderTest, IsForTheDirectorsUserAlone) {
  LeaveArena(spec_, 1);
  struct stat status {};
  ASSERT_EQ(::stat(arena_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0700u);
  for (const auto& entry : std::filesystem::directory_iterator(arena_)) {
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0600u) << entry.path();
  }
}

TEST_F(ArenaFolderTest, RefusesASymbolicLink) {
  const std::string real = directory_.path() + "/real";
  ASSERT_EQ(::mkdir(real.c_str(), 0700), 0);
  std::filesystem::create_symlink(real, arena_);
  ExpectRefusal("is a symbolic link; remove it");
  EXPECT_TRUE(std::filesystem::is_empty(real));
}

TEST_F(ArenaFolderTest, RefusesWhatIsNoDirectory) {
  std::ofstream(arena_) << "a file";
  ExpectRefusal("is no directory; move it away");
}

TEST_F(ArenaFolderTest, RefusesADirectoryThatIsOpenToOthers) {
  for (const mode_t mode : {0710u, 0704u, 0777u}) {
    std::filesystem::remove_all(arena_);
    ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
    ASSERT_EQ(::chmod(arena_.c_str(), mode), 0);
    ExpectRefusal("is open to other users; the secrets of the tables are in it");
    EXPECT_EQ(directory_.Names(), "");
  }
}

TEST_F(ArenaFolderTest, RefusesADirectoryOfAnotherUser) {
  if (IsRoot()) {
    ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
    ASSERT_EQ(::chown(arena_.c_str(), 65534, 65534), 0);
    ExpectRefusal("belongs to user 65534, and the director is user 0");
  } else {
    spec_.directory = "/usr";
    ExpectRefusal("belongs to user 0, and the director is user");
  }
  EXPECT_EQ(directory_.Names(), "");
}

TEST_F(ArenaFolderTest, RefusesAMissingParent) {
  spec_.directory = directory_.path() + "/no/arena";
  ExpectRefusal("cannot be made: No such file or directory; make the directory above it");
}

TEST_F(ArenaFolderTest, FollowsNoLinkInTheDirectory) {
  const std::string victim = directory_.path() + "/victim";
  std::ofstream(victim) << "precious";
  for (const char* name : {"lock", "header", "sections-1"}) {
    std::filesystem::remove_all(arena_);
    ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
    std::filesystem::create_symlink(victim, arena_ + "/" + name);
    const std::string refusal = RefusalOf(spec_);
    if (std::string(name) != "sections-1") {
      EXPECT_NE(refusal.find("it is a symbolic link: remove it"), std::string::npos) << refusal;
    }
    std::string text;
    std::ifstream(victim) >> text;
    EXPECT_EQ(text, "precious") << name;
  }
}

TEST_F(ArenaFolderTest, DoesNotWaitForAFifo) {
  ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
  ASSERT_EQ(::mkfifo((arena_ + "/header").c_str(), 0600), 0);
  ExpectRefusal("/header is no plain file; remove it");
}

TEST_F(ArenaFolderTest, OneProcessHoldsIt) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t holder = ::fork();
  if (holder == 0) {
    const auto arena = Arena::Open(spec_);
    const char is_open = arena.ok() ? 'y' : 'n';
    if (::write(pipe[1], &is_open, 1) == 1) ::pause();
    ::_exit(0);
  }
  char is_open = 'n';
  ASSERT_EQ(::read(pipe[0], &is_open, 1), 1);
  ASSERT_EQ(is_open, 'y');
  const auto second = Arena::Open(spec_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kExists);
  EXPECT_NE(second.error().message.find("is held by process " + std::to_string(holder) + ";"),
            std::string::npos)
      << second.error().message;
  EXPECT_EQ(::kill(holder, SIGKILL), 0);
  EXPECT_EQ(::waitpid(holder, nullptr, 0), holder);
  EXPECT_EQ(OpenArena(spec_).start(), ArenaStart::kAfterCrash);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_F(ArenaFolderTest, AFullFileSystemIsRefusedWithTheBytes) {
  ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
  spec_.sections[kFlows].records = 200'000;  // 6.4 MB
  const std::string refusal = InMountNamespace([&]() -> std::string {
    if (::mount("tmpfs", arena_.c_str(), "tmpfs", 0, "size=4m,mode=0700") != 0) return "no mount";
    const std::string said = RefusalOf(spec_);
    return said + " left: " + directory_.Names();
  });
  EXPECT_NE(
      refusal.find("the arena needs 8388608 bytes on the tmpfs of " + arena_ + ", which has "),
      std::string::npos)
      << refusal;
  EXPECT_NE(refusal.find("lower director.connections"), std::string::npos) << refusal;
  EXPECT_TRUE(refusal.ends_with(" left: lock")) << refusal;
}

TEST_F(ArenaFolderTest, WithoutRoomForBothTheLostArenaGoes) {
  ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
  const std::string told = InMountNamespace([&]() -> std::string {
    if (::mount("tmpfs", arena_.c_str(), "tmpfs", 0, "size=3m,mode=0700") != 0) return "no mount";
    LeaveArena(spec_, 100);
    spec_.director = "edge-2";
    const Arena arena = OpenArena(spec_);
    return arena.start_reason() + " left: " + directory_.Names();
  });
  EXPECT_NE(told.find("there was no room to keep the old files"), std::string::npos) << told;
  EXPECT_TRUE(told.ends_with(" left: header lock sections-1")) << told;
}

TEST_F(ArenaFolderTest, WithoutRoomForBothAMoveIsRefusedAndNothingIsLost) {
  ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
  const std::string told = InMountNamespace([&]() -> std::string {
    if (::mount("tmpfs", arena_.c_str(), "tmpfs", 0, "size=3m,mode=0700") != 0) return "no mount";
    LeaveArena(spec_, 100);
    ArenaSpec wanted = spec_;
    wanted.workers = 3;
    const std::string refusal = RefusalOf(wanted);
    const Arena arena = OpenArena(spec_);
    return refusal + " then: " + std::string(ArenaStartName(arena.start())) + " with " +
           std::to_string(Keys(arena).size());
  });
  EXPECT_NE(told.find("a start with --fresh discards it"), std::string::npos) << told;
  EXPECT_TRUE(told.ends_with(" then: after-stop with 100")) << told;
}

TEST_F(ArenaFolderTest, AReadOnlyFileSystemIsRefused) {
  LeaveArena(spec_, 1);
  const std::string told = InMountNamespace([&]() -> std::string {
    const char* path = arena_.c_str();
    if (::mount(path, path, nullptr, MS_BIND, nullptr) != 0) return "no mount";
    if (::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV,
                nullptr) != 0) {
      return "no remount";
    }
    return RefusalOf(spec_);
  });
  EXPECT_NE(told.find("Read-only file system; change director.arena to a file system"),
            std::string::npos)
      << told;
}

// As root the mode of a directory says nothing, so somebody else tries.
TEST_F(ArenaFolderTest, ADirectoryThatMayNotBeWrittenIsRefused) {
  ASSERT_EQ(::chmod(directory_.path().c_str(), IsRoot() ? 0755 : 0500), 0);
  const std::string told = InMountNamespace([&]() -> std::string {
    if (::setresuid(65534, 65534, 65534) != 0 && ::geteuid() == 0) return "still root";
    return RefusalOf(spec_);
  });
  ASSERT_EQ(::chmod(directory_.path().c_str(), 0700), 0);
  EXPECT_NE(told.find("cannot be made: Permission denied; name in director.arena one where"),
            std::string::npos)
      << told;
}

// Only root may mount it: somebody else's attempt ends there.
TEST_F(ArenaFolderTest, HugetlbfsIsForRecordsAlone) {
  const std::string records = directory_.path() + "/records";
  ASSERT_EQ(::mkdir(arena_.c_str(), 0700), 0);
  ASSERT_EQ(::mkdir(records.c_str(), 0700), 0);
  const bool may_mount = IsRoot();
  const std::string told = InMountNamespace([&]() -> std::string {
    for (const std::string& path : {arena_, records}) {
      const char* options = "pagesize=2M,size=4M,mode=0700";
      if (::mount("none", path.c_str(), "hugetlbfs", 0, options) != 0) return "no mount";
    }
    const std::string whole = RefusalOf(spec_);
    ::umount(arena_.c_str());
    spec_.sections_directory = records;
    spec_.sections[kFlows].records = 200'000;  // 6.4 MB
    return whole + " then: " + RefusalOf(spec_);
  });
  if (!may_mount) {
    EXPECT_EQ(told, "no mount");
    return;
  }
  EXPECT_NE(told.find(arena_ + " is on hugetlbfs, where no plain file can be written; say auto"),
            std::string::npos)
      << told;
  EXPECT_NE(told.find(" then: the arena needs 8388608 bytes on the hugetlbfs of " + records),
            std::string::npos)
      << told;
  EXPECT_NE(told.find("raise vm.nr_hugepages"), std::string::npos) << told;
}

}  // namespace
}  // namespace fairlead::dataplane::arena_folder_test
