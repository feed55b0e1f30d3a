#include "control/config/suggest.h"

#include <gtest/gtest.h>

#include <array>

namespace fairlead::control::suggest_test {
namespace {

TEST(Suggest, DistanceCountsInsertDeleteReplaceAndSwap) {
  EXPECT_EQ(EditDistance("", "abc"), 3u);
  EXPECT_EQ(EditDistance("weight", "weight"), 0u);
  EXPECT_EQ(EditDistance("wieght", "weight"), 1u);
  EXPECT_EQ(EditDistance("weigt", "weight"), 1u);
  EXPECT_EQ(EditDistance("weighht", "weight"), 1u);
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3u);
}

TEST(Suggest, NamesTheClosestOrNothing) {
  constexpr std::array<std::string_view, 4> kKeys = {"scheduler", "services", "port", "ports"};
  EXPECT_EQ(Suggest("shceduler", kKeys), "scheduler");
  EXPECT_EQ(Suggest("prot", kKeys), "port");
  EXPECT_EQ(Suggest("servcies", kKeys), "services");
  EXPECT_EQ(Suggest("colour", kKeys), "");
  EXPECT_EQ(Suggest("", kKeys), "");
  EXPECT_EQ(Suggest(std::string(100'000, 'x'), kKeys), "");
}

}  // namespace
}  // namespace fairlead::control::suggest_test
