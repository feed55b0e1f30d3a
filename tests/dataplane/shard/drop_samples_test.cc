// What is kept of dropped packets, and how much.
#include "dataplane/shard/drop_samples.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "byte_director.h"

namespace fairlead::dataplane::drop_samples_test {
namespace {

const std::string kClient = "198.51.100.7";

std::string Text(const DropSample& sample) {
  return std::string(TextOf(sample.reason).label) + " " + std::to_string(sample.protocol) + " " +
         sample.from.ToString() + " > " + sample.to.ToString() + " port " +
         std::to_string(sample.input_port.value()) + " service " +
         (sample.service.is_none() ? "-" : std::to_string(sample.service.value()));
}

// Of all workers, in the order of each.
std::vector<DropSample> SamplesOf(ByteDirector* d) {
  std::vector<DropSample> all;
  for (size_t w = 0; w < d->worker_count(); ++w) {
    ListDrops list;
    list.rows.reserve(kDropSamples);
    d->RunCommand(w, &list);
    EXPECT_EQ(list.now, d->now());
    std::ranges::sort(list.rows, {}, &DropSample::number);
    all.insert(all.end(), list.rows.begin(), list.rows.end());
  }
  return all;
}

class DropSamplesTest : public testing::TestWithParam<size_t> {
 protected:
  DropSamplesTest() : d_({.workers = GetParam()}) {
    web_ = d_.AddService({});
    d_.AddReal(web_, "10.0.0.11", 8080);
    d_.Publish();
  }
  // The one sample there is.
  std::string Only() {
    const std::vector<DropSample> all = SamplesOf(&d_);
    EXPECT_EQ(all.size(), 1u);
    return all.empty() ? "" : Text(all[0]);
  }
  ByteDirector d_;
  ServiceId web_;
};
INSTANTIATE_TEST_SUITE_P(Workers, DropSamplesTest, testing::Values(1u, 3u));

// One packet, one drop, one sample: for the reason of which an error would have told.
TEST_P(DropSamplesTest, AnErrorThatFindsNoRoomIsNoOtherDrop) {
  d_.UseHeadroom(BytePacket::kHeadroom - 8);
  EXPECT_EQ(d_.Send(kOutside, Udp(kClient, 1234, "192.0.2.10", 81)).size(), 0u);
  EXPECT_EQ(Only().substr(0, 11), "closed_port");
  EXPECT_EQ(d_.dropped(DropReason::kClosedPort), 1u);
  EXPECT_EQ(d_.dropped(DropReason::kNoHeadroom), 0u);
  EXPECT_EQ(d_.CheckConservation(), "");
}

TEST_P(DropSamplesTest, SayWhoseThePacketWas) {
  d_.service(web_).policy.unknown_connections = UnknownConnections::kDrop;
  d_.Publish();
  d_.Send(kOutside, Tcp(kClient, 1234, "192.0.2.10", 80, kTcpAck));
  EXPECT_EQ(Only(), "unknown_connection 6 198.51.100.7:1234 > 192.0.2.10:80 port 0 service 0");
}

// An answer takes the place of the packet: what is sampled is what came.
TEST_P(DropSamplesTest, ARefusedPacketIsSampledAsItCame) {
  EXPECT_EQ(d_.Send(kOutside, Tcp(kClient, 1234, "192.0.2.10", 81, kTcpSyn)).size(), 1u);
  EXPECT_EQ(Only(), "closed_port 6 198.51.100.7:1234 > 192.0.2.10:81 port 0 service -");
}

TEST_P(DropSamplesTest, AnErrorIsSampledAsThePacketThatItIsAbout) {
  EXPECT_EQ(d_.Send(kOutside, Udp(kClient, 1234, "192.0.2.10", 53)).size(), 1u);
  EXPECT_EQ(Only(), "closed_port 17 198.51.100.7:1234 > 192.0.2.10:53 port 0 service -");
}

// What a real sends is its service's.
TEST_P(DropSamplesTest, ARealStandsForItsService) {
  d_.Send(kInside, Tcp("10.0.0.11", 8080, "10.99.0.1", 1234, kTcpAck, 1));
  EXPECT_EQ(Only(), "ttl_exceeded 6 10.0.0.11:8080 > 10.99.0.1:1234 port 1 service 0");
}

// A flood takes eight places a second, and those of no other reason.
TEST_P(DropSamplesTest, AFloodPushesNobodyOut) {
  d_.Send(kInside, Tcp("10.0.0.11", 8080, "10.99.0.1", 1234, kTcpAck, 1));
  const auto flood = [&] {
    for (uint16_t port = 1; port <= 500; ++port) {
      d_.Send(kOutside, Tcp(kClient, port, "192.0.2.10", 81, kTcpRst));
    }
  };
  flood();
  const size_t most = kSamplesOfReason * GetParam();
  EXPECT_EQ(SamplesOf(&d_).size(), most + 1);
  const uint64_t last = SamplesOf(&d_).back().number;
  flood();
  EXPECT_EQ(SamplesOf(&d_).back().number, last) << "within the second";
  d_.Advance(1);
  flood();
  const std::vector<DropSample> all = SamplesOf(&d_);
  EXPECT_EQ(all.size(), most + 1);
  EXPECT_EQ(all.back().number, last + kSamplesOfReason);
  EXPECT_TRUE(std::ranges::any_of(
      all, [](const DropSample& s) { return s.reason == DropReason::kTtlExceeded; }));
}

// Whatever a frame says: nothing behind its end is looked at (AddressSanitizer would tell).
TEST(ReadEndpoints, StopsAtTheEndOfTheFrame) {
  for (const Frame& whole : {Tcp(kClient, 1234, "192.0.2.10", 80, kTcpSyn),
                             Udp("2001:db8::7", 1234, "2001:db8::80", 53)}) {
    Frame frame = whole;
    size_t with_ports = 0;
    for (size_t length = 0; length <= frame.size(); ++length) {
      const std::vector<uint8_t> cut(frame.begin(), frame.begin() + static_cast<long>(length));
      DropSample sample;
      ReadEndpoints(cut.data(), cut.size(), &sample);
      with_ports += sample.to.port.is_zero() ? 0 : 1;
    }
    const size_t header = (frame[14] >> 4) == 4 ? 34 : 54;
    EXPECT_EQ(with_ports, frame.size() + 1 - (header + 4));
    frame[14] |= 0x0f;  // the longest IPv4 header; of IPv6 no length
    DropSample sample;
    ReadEndpoints(frame.data(), header + 4, &sample);
  }
}

}  // namespace
}  // namespace fairlead::dataplane::drop_samples_test
