// A real server that is told who its client is, on bytes, and one client: segments in, and as lines
// of text what comes out.
//
//   Serve(ClientAddress::kToa);
//   EXPECT_EQ(Client({kSyn, 1000}), "S 1000 0");        // what the real gets
//   EXPECT_EQ(Real({kSynAck, 5000, 1001}), "SA 5000 1001");
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "byte_director.h"
#include "byte_fragments.h"
#include "dataplane/wire/headers.h"
#include "wire/frames.h"

namespace fairlead::dataplane::client_told_bed {

using test::Bytes;
using test::Hex;

inline constexpr uint8_t kAck = kTcpAck, kSyn = kTcpSyn, kSynAck = kTcpSyn | kTcpAck;
inline constexpr uint8_t kFinAck = kTcpFin | kTcpAck, kRst = kTcpRst | kTcpAck;
inline const char kMss[] = "020405b4";
inline const char kSack[] = "0101050a";
inline const char kToa[] = "fe0804d2c6336407";
inline const std::string kLine = "PROXY TCP4 198.51.100.7 192.0.2.10 1234 80\r\n";
inline const auto kLength = static_cast<uint32_t>(kLine.size());

inline Bytes BytesOf(const std::string& text) { return {text.begin(), text.end()}; }

// "flags sequence acknowledgement [options] data"; the checksums are right.
inline std::string SegmentText(const Frame& frame) {
  EXPECT_EQ(test::ChecksumProblem(frame), "");
  const uint32_t l4 = frame[14] >> 4 == 4 ? 34 : 54;
  const auto* tcp = HeaderAt<TcpHeader>(frame.data(), l4);
  std::string text;
  for (const auto& [bit, letter] :
       {std::pair(kTcpSyn, 'S'), {kTcpFin, 'F'}, {kTcpRst, 'R'}, {kTcpPsh, 'P'}, {kTcpAck, 'A'}}) {
    if ((tcp->flags & bit) != 0) text += letter;
  }
  text += " " + std::to_string(tcp->sequence.get().host()) + " " +
          std::to_string(tcp->acknowledgement.get().host());
  const auto options = std::span(frame).subspan(l4 + 20, tcp->header_length() - 20);
  if (!options.empty()) text += " [" + test::ToHex(options) + "]";
  const std::string data(frame.begin() + l4 + tcp->header_length(), frame.end());
  return data.empty() ? text : text + " " + data;
}

struct Sending {
  uint8_t flags;
  uint32_t sequence, acknowledgement = 0;
  std::string options = "", data = "";
};
inline Frame FrameOf(const Endpoint& from, const Endpoint& to, const Sending& s) {
  Frame frame =
      test::Tcp(from, to, s.flags, BytesOf(s.data), s.sequence, s.acknowledgement, Hex(s.options));
  std::fill_n(frame.begin(), 6, uint8_t{0});  // the port's MAC goes there
  return frame;
}

class ClientToldBed : public testing::TestWithParam<size_t> {
 protected:
  ClientToldBed() : d_({.workers = GetParam()}) {}

  void Serve(ClientAddress how, const std::string& vip = "192.0.2.10",
             const std::string& real = "10.0.0.11", uint8_t protocol = kProtocolTcp) {
    const bool is_v4 = vip[0] == '1';
    client_ = {*IpAddress::Parse(is_v4 ? "198.51.100.7" : "2001:db8:7::7"), Be16::FromHost(1234)};
    vip_ = {*IpAddress::Parse(vip), Be16::FromHost(80)};
    real_ = {*IpAddress::Parse(real), Be16::FromHost(8080)};
    service_ = d_.AddService({.address = vip, .protocol = protocol});
    real_id_ = d_.AddReal(service_, real, 8080,
                          {.method = ForwardMethod::kFullnat, .client_address = how});
    d_.Publish();
  }
  // What the real gets of this, each in a line.
  std::string Client(const Sending& s) {
    std::string text;
    for (const Sent& sent : d_.Send(kOutside, FrameOf(client_, vip_, s))) {
      EXPECT_EQ(sent.port, kInside);
      local_ = SourceOf(sent.frame);
      text += (text.empty() ? "" : "\n") + SegmentText(sent.frame);
    }
    return text;
  }
  // What the client gets.
  std::string Real(const Sending& s) {
    std::string text;
    for (const Sent& sent : d_.Send(kInside, FrameOf(real_, local_, s))) {
      EXPECT_EQ(sent.port, kOutside);
      text += (text.empty() ? "" : "\n") + SegmentText(sent.frame);
    }
    return text;
  }
  void ShakeHands() {
    Client({kSyn, 1000});
    Real({kSynAck, 5000, 1001});
    Client({kAck, 1001, 5001});
  }
  static Endpoint SourceOf(const Frame& f) {
    if (f[14] >> 4 == 4) return {Ipv4Address::Load(&f[26]), Be16::Load(&f[34])};
    return {Ipv6Address::Load(&f[22]), Be16::Load(&f[54])};
  }

  ByteDirector d_;
  Endpoint client_, vip_, real_, local_;
  ServiceId service_;
  RealId real_id_;
};

}  // namespace fairlead::dataplane::client_told_bed
