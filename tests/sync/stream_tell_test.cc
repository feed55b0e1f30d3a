// What workers tell other Fairlead directors, and when.
#include <gtest/gtest.h>

#include "stream_bed.h"

namespace fairlead::sync::stream_tell_test {
namespace {

using namespace fairlead::dataplane;

constexpr const char* kVip = "192.0.2.10";
constexpr const char* kClient = "198.51.100.7";
constexpr const char* kReal = "10.0.0.11";

// "is connection 198.51.100.7:1000 ESTABLISHED 900 s 2 packets"
std::string Line(const StreamEntry& e) {
  const bool is_template = e.kind == StreamKind::kTemplate;
  std::string text = e.event == StreamEvent::kGone ? "gone " : "is ";
  text += is_template ? "template " + e.client.ToString()
                      : "connection " + Endpoint{e.client, e.client_port}.ToString();
  text += " " + e.real.ToString();
  if (is_template) {
    text += (e.stream_flags & static_cast<uint8_t>(StreamFlag::kAssured)) != 0 ? " assured" : "";
    text += (e.stream_flags & static_cast<uint8_t>(StreamFlag::kPinned)) != 0 ? " pinned" : "";
    return text;
  }
  return text + " " + std::string(NameOf(static_cast<Transport>(e.protocol), e.state)) + " " +
         std::to_string(e.left_ms / 1000) + " s " + std::to_string(e.packets) + " packets";
}

class StreamTell : public testing::TestWithParam<size_t> {
 protected:
  StreamTell() : side({.workers = GetParam()}) {}

  void Service(const ServiceSpec& spec = {}, ForwardMethod method = ForwardMethod::kNat) {
    service = side.d.AddService(spec);
    r1 = side.d.AddReal(service, kReal, 80, {.method = method});
    side.d.Publish();
    side.Tell();
  }
  void FromClient(uint8_t flags, uint16_t port = 1000) {
    side.d.Send(kOutside, Tcp(kClient, port, kVip, 80, flags));
  }
  void FromReal(uint8_t flags, uint16_t port = 1000) {
    side.d.Send(kInside, Tcp(kReal, 80, kClient, port, flags));
  }
  void Open(uint16_t port = 1000) {
    FromClient(kTcpSyn, port);
    FromReal(kTcpSyn | kTcpAck, port);
    FromClient(kTcpAck, port);
  }
  std::vector<std::string> News() {
    std::vector<std::string> lines;
    for (const StreamEntry& entry : side.News()) lines.push_back(Line(entry));
    return lines;
  }
  using Lines = std::vector<std::string>;

  StreamSide side;
  ServiceId service;
  RealId r1;
};

TEST_P(StreamTell, AConnectionWhenItIsEstablishedAndWhenItCloses) {
  Service();
  FromClient(kTcpSyn);
  FromReal(kTcpSyn | kTcpAck);
  EXPECT_EQ(News(), Lines{});  // the next director would see the SYN again
  FromClient(kTcpAck);
  EXPECT_EQ(News(), Lines{"is connection 198.51.100.7:1000 10.0.0.11 ESTABLISHED 900 s 2 packets"});
  FromClient(kTcpAck);
  FromReal(kTcpAck);
  EXPECT_EQ(News(), Lines{});
  FromReal(kTcpFin | kTcpAck);
  EXPECT_EQ(News(), Lines{"is connection 198.51.100.7:1000 10.0.0.11 FIN_WAIT 120 s 3 packets"});
  FromClient(kTcpFin | kTcpAck);
  EXPECT_EQ(News(), Lines{"is connection 198.51.100.7:1000 10.0.0.11 TIME_WAIT 120 s 4 packets"});
  side.d.Advance(130);  // its time says when it ends
  EXPECT_EQ(News(), Lines{});
}

TEST_P(StreamTell, OneThatGoesOnInEachPartOfItsTimeout) {
  Service();
  Open();
  News();
  size_t told = 0;
  uint32_t least_left = 0xffff'ffff;
  uint32_t left_there = 900'000;
  for (int i = 0; i < 400; ++i) {  // 20 minutes, replies and packets of the client in turn
    side.d.Advance(3);
    left_there -= 3'000;
    i % 2 == 0 ? FromClient(kTcpAck) : FromReal(kTcpAck);
    least_left = std::min(least_left, left_there);
    for (const StreamEntry& entry : side.News()) {
      ++told;
      left_there = entry.left_ms;
    }
  }
  // A part is 163.84 s here.
  EXPECT_GE(told, 6u);
  EXPECT_LE(told, 9u);
  EXPECT_GE(least_left, 900'000u - 163'840u - 3'010u);
}

TEST_P(StreamTell, UdpFromItsSecondPacket) {
  Service({.port = 53, .protocol = kProtocolUdp});
  side.d.Send(kOutside, Udp(kClient, 1000, kVip, 53));
  side.d.Send(kInside, Udp(kReal, 80, kClient, 1000));
  EXPECT_EQ(News(), Lines{});
  side.d.Send(kOutside, Udp(kClient, 1000, kVip, 53));
  EXPECT_EQ(News(), Lines{"is connection 198.51.100.7:1000 10.0.0.11 UDP 300 s 2 packets"});
  side.d.Send(kOutside, Udp(kClient, 1000, kVip, 53));
  EXPECT_EQ(News(), Lines{});
}

TEST_P(StreamTell, AnEndThatIsNotItsTimes) {
  Service();
  Open(1000);
  Open(1001);
  FromClient(kTcpSyn, 1002);  // nobody knows of it
  News();
  for (size_t w = 0; w < side.d.worker_count(); ++w) {
    FlushConnections flush;
    side.d.RunCommand(w, &flush);
  }
  Lines news = News();
  std::ranges::sort(news);
  EXPECT_EQ(news,
            (Lines{"gone connection 198.51.100.7:1000 10.0.0.11 ESTABLISHED 900 s 2 packets",
                   "gone connection 198.51.100.7:1001 10.0.0.11 ESTABLISHED 900 s 2 packets"}));
}

TEST_P(StreamTell, ATemplateWhenItIsMadeAssuredRenewedAndFlushed) {
  Service({.persistence_seconds = 300});
  FromClient(kTcpSyn);
  EXPECT_EQ(News(), Lines{"is template 198.51.100.7 10.0.0.11"});
  FromReal(kTcpSyn | kTcpAck);
  FromClient(kTcpAck);
  Lines news = News();
  std::ranges::sort(news);
  EXPECT_EQ(news, (Lines{"is connection 198.51.100.7:1000 10.0.0.11 ESTABLISHED 900 s 2 packets",
                         "is template 198.51.100.7 10.0.0.11 assured"}));
  size_t told = 0;
  for (uint16_t port = 1001; port < 1061; ++port) {  // five minutes, a SYN each 5 s
    side.d.Advance(5);
    FromClient(kTcpSyn, port);
    told += static_cast<size_t>(
        std::ranges::count(News(), "is template 198.51.100.7 10.0.0.11 assured"));
  }
  EXPECT_GE(told, 6u);  // a part is 40.96 s here
  EXPECT_LE(told, 9u);
  for (size_t w = 0; w < side.d.worker_count(); ++w) {
    FlushTemplates flush;
    side.d.RunCommand(w, &flush);
  }
  EXPECT_EQ(News(), Lines{"gone template 198.51.100.7 10.0.0.11 assured"});
}

TEST_P(StreamTell, PinsAndMoves) {
  Service({.persistence_seconds = 300});
  const RealId r2 = side.d.AddReal(service, "10.0.0.12", 80);
  side.d.Publish();
  const auto pin = [&](RealId real) {
    for (size_t w = 0; w < side.d.worker_count(); ++w) {
      PinTemplate command;
      command.service = service;
      command.client = *IpAddress::Parse(kClient);
      command.real = real;
      side.d.RunCommand(w, &command);
    }
  };
  pin(r1);
  EXPECT_EQ(News(), Lines{"is template 198.51.100.7 10.0.0.11 pinned"});
  pin(r2);
  EXPECT_EQ(News(), (Lines{"gone template 198.51.100.7 10.0.0.11 pinned",
                           "is template 198.51.100.7 10.0.0.12 pinned"}));
  side.d.RemoveReal(r2);  // does not hold any more: the client is scheduled anew
  side.d.Publish();
  FromClient(kTcpSyn);
  EXPECT_EQ(News(), (Lines{"gone template 198.51.100.7 10.0.0.12 pinned",
                           "is template 198.51.100.7 10.0.0.11"}));
}

TEST_P(StreamTell, SaysAllThatTheRecordHas) {
  Service({.persistence_seconds = 300, .mask4 = 0xffffff00, .max_lifetime_seconds = 1000});
  side.d.Advance(10);
  FromClient(kTcpSyn);
  const StreamSide::Entries news = side.News();
  ASSERT_EQ(news.size(), 1u);
  const StreamEntry& e = news[0];
  EXPECT_EQ(e.client.ToString(), "198.51.100.0");
  EXPECT_EQ(e.client_bits, 24);
  EXPECT_EQ(e.virtual_address.ToString(), kVip);
  EXPECT_EQ(e.virtual_port.host(), 80);
  EXPECT_EQ(e.real_port.host(), 80);
  EXPECT_EQ(e.protocol, kProtocolTcp);
  EXPECT_EQ(e.timeout_ms, 300'000u);
  EXPECT_EQ(e.left_ms, 300'000u);
  EXPECT_EQ(e.lifetime_left_ms, 1'000'000u);
  EXPECT_EQ(e.created_ms, side.wall_ms + side.d.now().value * 10);
  EXPECT_EQ(e.creator, CreatorNumber("a"));
}

TEST_P(StreamTell, ARingIsMadeWhenWorkersAreToldToTell) {
  const auto& outboxes = side.d.fabric().stream_news;
  ASSERT_EQ(outboxes.size(), GetParam());
  const auto count = [&] {
    return std::ranges::count_if(outboxes, [](const auto& outbox) { return outbox != nullptr; });
  };
  side.Run();
  EXPECT_EQ(side.tables.TakeLostRanges(), std::vector<uint32_t>{});
  EXPECT_EQ(count(), 0);
  Service();
  const auto all = static_cast<std::ptrdiff_t>(GetParam());
  EXPECT_EQ(count(), all);
  Open();
  side.tables.Tell(false);
  side.Run();
  EXPECT_EQ(side.News().size(), 1u) << "what was told before is read";
  EXPECT_EQ(count(), all);
}

TEST_P(StreamTell, AFullRingMarksTheRange) {
  Service();
  for (const auto& outbox : side.d.fabric().stream_news) {
    while (outbox->ring.Push(StreamNews{})) {
    }
  }
  Open(1000);
  Open(1001);
  uint64_t lost = 0;
  for (size_t w = 0; w < side.d.worker_count(); ++w) {
    lost += side.d.worker(w).counters().stream_news_lost.value();
  }
  EXPECT_EQ(lost, 2u);
  std::vector<uint32_t> ranges;
  for (const uint16_t port : {uint16_t{1000}, uint16_t{1001}}) {
    ranges.push_back(RangeOf(StreamKind::kConnection, kProtocolTcp, *IpAddress::Parse(kClient),
                             Be16::FromHost(port), *IpAddress::Parse(kVip), Be16::FromHost(80)));
  }
  std::ranges::sort(ranges);
  EXPECT_EQ(side.tables.TakeLostRanges(), ranges);
  EXPECT_EQ(side.tables.TakeLostRanges(), std::vector<uint32_t>{});  // once
}

// What one turn leaves in the rings makes the next one come soon.
TEST_P(StreamTell, WhatATurnCannotReadMakesItBusy) {
  Service();
  News();
  auto& ring = side.d.fabric().stream_news.back()->ring;
  const size_t most = control::FabricStreamTables::kNewsATurn;
  for (size_t i = 0; i <= most; ++i) ring.Push(StreamNews{});
  side.tables.Turn();
  EXPECT_EQ(ring.size(), 1u);
  EXPECT_TRUE(side.tables.is_busy());
  side.tables.Turn();
  EXPECT_EQ(ring.size(), 0u);
  EXPECT_FALSE(side.tables.is_busy());
}

TEST_P(StreamTell, NothingUnlessAsked) {
  Service();
  side.Tell(false);
  Open();
  EXPECT_EQ(News(), Lines{});
  EXPECT_EQ(side.Walk(0).size(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Workers, StreamTell, testing::Values(1, 3));

}  // namespace
}  // namespace fairlead::sync::stream_tell_test
