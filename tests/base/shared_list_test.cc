#include "base/shared_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace fairlead::shared_list_test {
namespace {

TEST(SharedList, ACopyIsChangedWithoutTheOriginal) {
  const SharedList<std::string> original{"a", "b", "c"};
  SharedList<std::string> copy = original;
  EXPECT_TRUE(copy.is_copy_of(original));
  copy.Edit(1) += "!";
  EXPECT_EQ(original[1], "b");
  EXPECT_EQ(copy[1], "b!");
  EXPECT_EQ(copy.item(0), original.item(0)) << "the others are still shared";
  EXPECT_NE(copy, original);
  const std::string* const mine = &copy[1];
  copy.Edit(1) = "b";
  EXPECT_EQ(&copy[1], mine) << "an item that nobody shares is changed in its place";
  EXPECT_EQ(copy, original) << "equal by value";
  EXPECT_FALSE(copy.is_copy_of(original));
}

TEST(SharedList, ReadsAsAVector) {
  SharedList<std::string> list{"c", "a"};
  list.push_back("b");
  EXPECT_EQ(std::ranges::find(list, "a") - list.begin(), 1);
  EXPECT_EQ(std::ranges::count_if(list, [](const std::string& s) { return s > "a"; }), 2);
  list.Remove(0);
  EXPECT_EQ(list, (SharedList<std::string>{"a", "b"}));
  EXPECT_EQ(list.Reordered({1, 0}), (SharedList<std::string>{"b", "a"}));
}

TEST(SharedVector, ComparesByAddressOrValue) {
  const SharedVector<int> one{1, 2}, copy = one, other{1, 2}, none;
  EXPECT_EQ(copy.begin(), one.begin()) << "shared";
  EXPECT_EQ(one, other);
  EXPECT_NE(one, none);
  EXPECT_EQ(none, SharedVector<int>(std::vector<int>{}));
  EXPECT_EQ(none.size(), 0u);
}

}  // namespace
}  // namespace fairlead::shared_list_test
