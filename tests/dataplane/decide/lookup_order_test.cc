// Which service a packet belongs to: mark, exact port, FTP data, port 0, in this order (ipvs.md,
// service lookup).
#include <gtest/gtest.h>

#include <map>

#include "byte_director.h"

namespace fairlead::dataplane::lookup_order_test {
namespace {

const std::string kVip = "192.0.2.10";

class LookupOrder : public testing::Test {
 protected:
  void Add(const std::string& name, const ServiceSpec& spec) {
    names_[d_.AddService(spec).index()] = name;
  }
  // The names for "PROTOCOL PORT MARK", each a line of the matrix.
  std::string Find(uint8_t protocol, uint16_t port, uint32_t mark = 0,
                   const std::string& address = kVip) {
    const ServiceId id = d_.worker(0).snapshot()->FindService(
        mark, {*IpAddress::Parse(address), Be16::FromHost(port), protocol});
    return id.is_none() ? "-" : names_.at(id.index());
  }

  ByteDirector d_;
  std::map<size_t, std::string> names_;
};

TEST_F(LookupOrder, TheMatrix) {
  Add("web", {.port = 80});
  Add("ftp", {.port = 21, .persistence_seconds = 300});
  Add("all", {.port = 0, .persistence_seconds = 300});
  Add("mark 7", {.mark = 7});
  d_.Publish();
  struct Row {
    uint8_t protocol;
    uint16_t port;
    uint32_t mark;
    const char* expected;
  };
  const Row matrix[] = {
      {kProtocolTcp, 80, 0, "web"},     // exact
      {kProtocolTcp, 443, 0, "all"},    // no exact one: port 0
      {kProtocolTcp, 21, 0, "ftp"},     // exact
      {kProtocolTcp, 20, 0, "ftp"},     // FTP data
      {kProtocolTcp, 1023, 0, "all"},   // privileged: no FTP data
      {kProtocolTcp, 1024, 0, "ftp"},   // passive FTP data, before port 0
      {kProtocolTcp, 40000, 0, "ftp"},  //
      {kProtocolTcp, 22, 0, "all"},     //
      {kProtocolTcp, 80, 7, "mark 7"},  // the mark beats the exact port
      {kProtocolTcp, 9, 7, "mark 7"},   // any port
      {kProtocolUdp, 53, 7, "mark 7"},  // any protocol
      {kProtocolTcp, 80, 8, "web"},     // a mark without a service changes nothing
      {kProtocolTcp, 443, 8, "all"},    //
      {kProtocolUdp, 53, 0, "-"},       // port 0 and FTP are TCP here
      {kProtocolUdp, 40000, 0, "-"},    //
      {kProtocolUdp, 80, 0, "-"},       //
  };
  for (const Row& row : matrix) {
    EXPECT_EQ(Find(row.protocol, row.port, row.mark), row.expected)
        << "protocol " << int{row.protocol} << " port " << row.port << " mark " << row.mark;
  }
  EXPECT_EQ(Find(kProtocolTcp, 80, 0, "192.0.2.11"), "-") << "another address";
  EXPECT_EQ(Find(kProtocolTcp, 80, 7, "2001:db8::10"), "-") << "the mark of the other family";
}

TEST_F(LookupOrder, WithoutAnFtpServiceHighPortsArePort0s) {
  Add("all", {.port = 0, .persistence_seconds = 300});
  d_.Publish();
  EXPECT_EQ(Find(kProtocolTcp, 20), "all");
  EXPECT_EQ(Find(kProtocolTcp, 40000), "all");
}

// An FTP service of another address still makes 20 and 1024 upward ask for V:21 first, in vain.
TEST_F(LookupOrder, AnFtpServiceElsewhereTakesNothingHere) {
  Add("all", {.port = 0, .persistence_seconds = 300});
  Add("ftp elsewhere", {.address = "192.0.2.99", .port = 21, .persistence_seconds = 300});
  d_.Publish();
  EXPECT_EQ(Find(kProtocolTcp, 40000), "all");
  EXPECT_EQ(Find(kProtocolTcp, 40000, 0, "192.0.2.99"), "ftp elsewhere");
}

// The trap of section 2.3: an FTP service without persistence takes the high ports away from port 0
// and then refuses them.
TEST_F(LookupOrder, APlainFtpServiceTakesPortsAndSchedulesNone) {
  Add("all", {.port = 0, .persistence_seconds = 300});
  Add("ftp", {.port = 21});
  for (uint16_t service = 0; service < 2; ++service) {
    d_.AddReal(ServiceId{service}, "10.0.0.11", service == 0 ? 0 : 21);
  }
  d_.Publish();
  EXPECT_EQ(Find(kProtocolTcp, 40000), "ftp");
  const auto refused = d_.Send(kOutside, Tcp("198.51.100.7", 1234, kVip, 40000, kTcpSyn));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(Text(refused[0].frame), "198.51.100.7:1234 <- 192.0.2.10:40000 TCP AR ttl 64");
  const auto taken = d_.Send(kOutside, Tcp("198.51.100.7", 1235, kVip, 22, kTcpSyn));
  ASSERT_EQ(taken.size(), 1u);
  EXPECT_EQ(taken[0].port, kInside);
}

}  // namespace
}  // namespace fairlead::dataplane::lookup_order_test
