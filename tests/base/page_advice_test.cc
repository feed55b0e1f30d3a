#include "base/page_advice.h"

#include <gtest/gtest.h>

namespace fairlead::page_advice_test {
namespace {

constexpr const char* kNever = "always within_size advise [never] deny force";
constexpr const char* kDeny = "always within_size advise never [deny] force";
constexpr const char* kForce = "always within_size advise never deny [force]";
constexpr const char* kDirectory = "/dev/shm/fairlead-edge-1";

std::string Mounts(const std::string& of_shm) {
  return "/dev/vda1 / ext4 rw,relatime 0 0\n"
         "devtmpfs /dev devtmpfs rw 0 0\n"
         "tmpfs /dev/shm tmpfs " +
         of_shm +
         " 0 0\n"
         "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n"
         "tmpfs /a\\040place tmpfs rw 0 0\n";
}

std::string RemedyFor(const std::string& directory, const std::string& of_shm,
                      const std::string& shmem_enabled) {
  return HugePageRemedy(directory, Mounts(of_shm), shmem_enabled).value_or("none");
}

TEST(PageAdvice, TmpfsNeedsItsMountOption) {
  const std::string remount = "mount -o remount,huge=advise /dev/shm";
  EXPECT_EQ(RemedyFor(kDirectory, "rw,nosuid,nodev", kNever), remount);
  EXPECT_EQ(RemedyFor(kDirectory, "rw,huge=never", kNever), remount);
  EXPECT_EQ(RemedyFor(kDirectory, "rw", ""), remount) << "a kernel that has no such file";
  for (const char* options : {"rw,huge=advise", "huge=always,rw", "rw,huge=within_size,inode64"}) {
    EXPECT_EQ(RemedyFor(kDirectory, options, kNever), "none") << options;
  }
  EXPECT_EQ(RemedyFor("/a place/fairlead", "rw", kNever), "mount -o remount,huge=advise /a place");
}

TEST(PageAdvice, TheKernelMayDenyOrForceThem) {
  const std::string allow = "echo never > /sys/kernel/mm/transparent_hugepage/shmem_enabled";
  EXPECT_EQ(RemedyFor(kDirectory, "rw,huge=advise", kDeny), allow);
  EXPECT_EQ(RemedyFor(kDirectory, "rw", kDeny),
            allow + " && mount -o remount,huge=advise /dev/shm");
  EXPECT_EQ(RemedyFor(kDirectory, "rw", kForce), "none");
}

TEST(PageAdvice, OtherFileSystems) {
  EXPECT_EQ(RemedyFor("/dev/hugepages/fairlead-edge-1", "rw", kNever), "none");
  for (const char* directory : {"/var/lib/fairlead", "/dev/shmother/fairlead", "/dev/hugepages2"}) {
    EXPECT_NE(RemedyFor(directory, "rw", kForce).find("on tmpfs"), std::string::npos) << directory;
  }
  EXPECT_FALSE(HugePageRemedy(kDirectory, "", kNever));
}

// What is mounted over a place hides what was there.
TEST(PageAdvice, TheLaterOfTwoMountsCounts) {
  EXPECT_FALSE(HugePageRemedy(kDirectory,
                              Mounts("rw") + "tmpfs /dev/shm tmpfs rw,huge=advise 0 0\n", kNever));
}

}  // namespace
}  // namespace fairlead::page_advice_test
