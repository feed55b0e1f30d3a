// Templates of the engine sip, as directors of the kernel are told of them: with the Call-ID.
#include <gtest/gtest.h>

#include "byte_director.h"
#include "control/sync/intake.h"
#include "control/sync/outgoing.h"
#include "sync/ipvs/datagram_reader.h"

namespace fairlead::sync::sip_tell_test {
namespace {

using namespace fairlead::dataplane;
using control::Outgoing;

constexpr const char* kVip = "192.0.2.10";

class Calls {
 public:
  explicit Calls(size_t workers) : d({.workers = workers}) {
    const ServiceId service = d.AddService({.address = kVip,
                                            .port = 5060,
                                            .protocol = kProtocolUdp,
                                            .persistence_seconds = 600,
                                            .is_one_packet = true});
    d.service(service).persistence.engine = PersistenceEngine::kSip;
    for (int i = 1; i <= 3; ++i) d.AddReal(service, "10.0.0.1" + std::to_string(i), 5060);
    d.draft().sync = {.is_on = true};
    d.Publish();
  }
  // The real server that a message of the call reaches.
  std::string Say(const std::string& call_id) {
    const auto sent = d.Send(
        kOutside, Datagram("198.51.100.7", ++port, kVip, 5060,
                           "INVITE sip:b@c SIP/2.0\r\nVia: x\r\nCall-ID: " + call_id + "\r\n\r\n"));
    if (sent.size() != 1) return "-";
    const std::string text = Text(sent[0].frame);
    return text.substr(0, text.find(" <-"));
  }
  // What workers have told, as datagrams.
  std::vector<std::vector<uint8_t>> Datagrams(int version = 1) {
    std::vector<std::vector<uint8_t>> all;
    control::IpvsSyncConfig config;
    config.version = version == 0 ? 0 : 1;
    config.syncid = 7;
    Outgoing outgoing(config, [&](size_t, std::span<const uint8_t> payload) {
      all.emplace_back(payload.begin(), payload.end());
      return true;
    });
    SyncNews news;
    size_t ring = 0;
    for (const auto& each : d.fabric().sync_news) {
      while (each->Pop(&news)) outgoing.Add(news, {}, ring);
      ++ring;
    }
    outgoing.FlushAll();
    unsaid = outgoing.counts().unsaid;
    return all;
  }
  void Hear(const std::vector<uint8_t>& payload) {
    std::vector<std::pair<size_t, Command*>> out;
    control::Intake intake(d.worker_count(), [&](size_t w, Command* c) { out.emplace_back(w, c); });
    intake.Use({.syncid = 7});
    intake.Add(payload);
    intake.Turn();
    while (!out.empty()) {
      const auto [worker, command] = out.front();
      out.erase(out.begin());
      d.RunCommand(worker, command);
      intake.TakeBack(worker);
    }
    taken += intake.counts().templates;
  }

  ByteDirector d;
  uint16_t port = 10000;
  uint64_t unsaid = 0, taken = 0;
};

class SipTell : public testing::TestWithParam<size_t> {};

TEST_P(SipTell, FieldByField) {
  Calls calls(GetParam());
  const std::string real = calls.Say("a84b4c76e66710@pc33");
  const auto datagrams = calls.Datagrams();
  ASSERT_FALSE(datagrams.empty());
  DatagramReader reader(datagrams.back(), 7);
  SyncEntry entry, last;
  size_t count = 0;
  for (; reader.Next(&entry); ++count) last = entry;
  EXPECT_GT(count, 0u);
  EXPECT_TRUE(last.is_template());
  EXPECT_EQ(last.protocol, kProtocolUdp);
  EXPECT_EQ(last.client.ToString(), "198.51.100.7");
  EXPECT_EQ(last.client_port, Be16{});
  EXPECT_EQ(last.virtual_address.ToString(), kVip);
  EXPECT_EQ(last.virtual_port.host(), 5060);
  EXPECT_EQ((Endpoint{last.real, last.real_port}.ToString()), real);
  EXPECT_EQ(last.engine_name, "sip");
  EXPECT_EQ(last.engine_data, "a84b4c76e66710@pc33");
  // The data stand before the name, as in the kernel's.
  const std::string tail(
      "\x02\x13"
      "a84b4c76e66710@pc33"
      "\x03\x03sip");
  const std::vector<uint8_t>& bytes = datagrams.back();
  EXPECT_EQ(std::string(bytes.end() - static_cast<std::ptrdiff_t>(tail.size()), bytes.end()), tail);
}

// What one tells, the other takes in: the call goes on to the same real server.
TEST_P(SipTell, AnotherDirectorKeepsTheCall) {
  Calls first(GetParam()), second(GetParam());
  const std::string longest(sync::kMostEngineDataBytes, 'x');
  const std::vector<std::string> calls{"a@x", "b@x", longest.substr(0, 48), longest.substr(0, 49),
                                       longest.substr(0, 200)};
  std::vector<std::string> reals;
  for (const std::string& call : calls) reals.push_back(first.Say(call));
  for (const auto& datagram : first.Datagrams()) second.Hear(datagram);
  EXPECT_GE(second.taken, calls.size());
  second.Say("other");  // the scheduler's next would be another
  for (size_t i = 0; i < calls.size(); ++i) EXPECT_EQ(second.Say(calls[i]), reals[i]) << calls[i];
}

TEST_P(SipTell, Version0HasNoWordsForIt) {
  Calls calls(GetParam());
  calls.Say("a@x");
  EXPECT_TRUE(calls.Datagrams(0).empty());
  EXPECT_GT(calls.unsaid, 0u);
}

// The ring is full in the middle of a text. Pieces that found room later would be added to it.
TEST_P(SipTell, NothingOfATextFollowsWhatWasLost) {
  for (const size_t room : {0u, 1u, 2u}) {
    Calls calls(GetParam());
    for (const auto& ring : calls.d.fabric().sync_news) {
      for (size_t i = 0; i + room < kSyncNews; ++i) ASSERT_TRUE(ring->Push(SyncNews{}));
    }
    calls.Say(std::string(200, 'c'));  // a template and five pieces
    uint64_t lost = 0;
    for (Shard* shard : calls.d.shards()) lost += shard->counters.sync_news_lost.value();
    EXPECT_EQ(lost, 1u) << room;
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, SipTell, testing::Values(1, 3));

// ---- pieces

TEST(SyncText, ComesWholeOrNotAtAll) {
  const std::string text(100, 'c');
  SyncNews told;
  told.mark = 5;
  SetTextBytes(text.size(), &told);
  const SyncNews first = TextPieceOf(text), second = TextPieceOf(text.substr(48)),
                 third = TextPieceOf(text.substr(96));
  SyncTextReader reader;
  EXPECT_FALSE(reader.Add(told, true));
  EXPECT_FALSE(reader.Add(first, false));
  EXPECT_FALSE(reader.Add(second, false));
  EXPECT_TRUE(reader.Add(third, false));
  EXPECT_EQ(reader.text(), text);
  EXPECT_EQ(reader.news().mark, 5u);
  EXPECT_EQ(reader.news().client_port, Be16{});
  // The last piece was lost.
  EXPECT_FALSE(reader.Add(told, true));
  EXPECT_FALSE(reader.Add(first, false));
  SyncNews other;
  other.client_port = Be16::FromHost(1234);
  EXPECT_TRUE(reader.Add(other, false));
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.news().client_port.host(), 1234);
  EXPECT_FALSE(reader.Add(third, false)) << "of no template";
}

}  // namespace
}  // namespace fairlead::sync::sip_tell_test
