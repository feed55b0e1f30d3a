// `fairlead fleet status` beside an API whose fleet is a fake.
#include <gtest/gtest.h>

#include "fake_fleet.h"
#include "run_cli.h"

namespace fairlead::testing::fleet_command_test {
namespace {

class FleetCommandTest : public CliTest {};

TEST_F(FleetCommandTest, ShowsWhoRunsWhatAndWhatIsRefused) {
  const FakeFleet own;
  fleet = &own;
  Start();
  const Outcome shown = Run("fleet status");
  EXPECT_EQ(shown.exit_code, 1) << "what it was told last is refused here";
  EXPECT_EQ(shown.err, "");
  for (const char* line :
       {"edge-1 at etcd://127.0.0.1:2379/fairlead: watched\n", "revision 38 is in force\n",
        "revision 41 is REFUSED:\n  etcd:/fairlead/common:3:1: polici: is not known\n  another\n",
        "  sync: 18 directors of the fleet synchronise, and 16 can\n",
        "\nedge-1 *  10.255.0.1          17        38  yes    -        0.1.0\n",
        "\nedge-2    -                    0        41  NO     in-sync  0.1.0\n",
        "  edge-1 refuses revision 41: etcd:/fairlead/common:3:1: polici: is not known\n"}) {
    EXPECT_NE(shown.out.find(line), std::string::npos) << line << "in\n" << shown.out;
  }
}

TEST_F(FleetCommandTest, ADirectorWithAFileIsInNone) {
  Start();
  const Outcome none = Run("fleet status");
  EXPECT_EQ(none.exit_code, 1);
  EXPECT_NE(none.err.find("has its configuration from a file"), std::string::npos) << none.err;
}

}  // namespace
}  // namespace fairlead::testing::fleet_command_test
