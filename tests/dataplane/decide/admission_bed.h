// What becomes of a first packet, foretold and seen, in the same words.
//
//   EXPECT_EQ(Seen(d, syn), Foretold(d, d.Explain(question), kProtocolTcp));   // "to 10.0.0.11"
//
// "to ADDRESS", "reset", "unreachable", "routed", "dropped"; an answer that a rate limit has
// swallowed is "limited".
#pragma once

#include <string>

#include "byte_director.h"

namespace fairlead::dataplane {

inline ExplainQuestion QuestionOf(const Endpoint& client, const Endpoint& to, uint8_t protocol) {
  return {.protocol = protocol, .client = client, .destination = to, .input_port = kOutside};
}

inline std::string Foretold(ByteDirector& d, const ExplainAnswer& answer, uint8_t protocol) {
  switch (answer.verdict) {
    case ExplainVerdict::kForward:
      return "to " + d.real(answer.real).address.ToString();
    case ExplainVerdict::kRefused:
      return answer.is_reset && protocol == kProtocolTcp ? "reset" : "unreachable";
    case ExplainVerdict::kDropped:
      return "dropped";
    case ExplainVerdict::kNotOurs:
      break;
  }
  return "routed";
}

// What came out of one frame, seen on the wires. Real servers are known by their MACs, whatever the
// method is.
inline std::string Seen(ByteDirector& d, const std::vector<Sent>& sent, uint64_t limited) {
  if (sent.empty()) return limited > 0 ? "limited" : "dropped";
  if (sent.size() > 1) return std::to_string(sent.size()) + " frames";
  const Frame& frame = sent[0].frame;
  const std::string text = Text(frame);
  if (text.find("BAD") != std::string::npos) return text;
  if (sent[0].port == kInside) {
    for (const RealView& real : d.draft().reals) {
      const std::string address = real.address.ToString();
      if (MacAddress::Load(frame.data()) == HostMac(address)) return "to " + address;
    }
    return "to nobody: " + text;
  }
  const size_t flags = text.find(" TCP ");
  if (flags != std::string::npos &&
      text.substr(flags + 5, text.find(' ', flags + 5) - flags - 5).find('R') !=
          std::string::npos) {
    return "reset";
  }
  return text.find(" ICMP ") != std::string::npos ? "unreachable" : "routed";
}

inline std::string Seen(ByteDirector& d, const Frame& frame) {
  const uint64_t limited = d.dropped(DropReason::kIcmpRateLimited);
  const std::vector<Sent> sent = d.Send(kOutside, frame);
  return Seen(d, sent, d.dropped(DropReason::kIcmpRateLimited) - limited);
}

// A first packet of this flow; with `call_id` a SIP message.
inline Frame FirstFrame(const Endpoint& client, const Endpoint& to, uint8_t protocol,
                        const std::string& call_id = "") {
  const std::string from = client.address.ToString(), at = to.address.ToString();
  if (protocol == kProtocolTcp) {
    return Tcp(from, client.port.host(), at, to.port.host(), kTcpSyn);
  }
  return Datagram(from, client.port.host(), at, to.port.host(),
                  call_id.empty() ? "hi" : "INVITE x SIP/2.0\r\nCall-ID: " + call_id + "\r\n\r\n");
}

// What a router on the client's side says of a packet that the service has sent to the client.
inline Frame ErrorAboutFlow(const Endpoint& client, const Endpoint& to, uint8_t protocol) {
  const std::string from = client.address.ToString(), at = to.address.ToString();
  const Frame seen = protocol == kProtocolTcp
                         ? Tcp(at, to.port.host(), from, client.port.host(), kTcpAck)
                         : Udp(at, to.port.host(), from, client.port.host());
  BytePacket packet(To(kOutside, seen));
  ParsedPacket parsed;
  Parse(packet, &parsed);
  const char* router = client.address.is_v4() ? "203.0.113.1" : "2001:db8:9::1";
  if (!BuildIcmpError(packet, &parsed, IcmpError::kHostUnreachable, *IpAddress::Parse(router))) {
    return {};
  }
  Frame frame(packet.frame().begin(), packet.frame().end());
  MacAddress{}.Store(frame.data());
  return frame;
}

template <typename Step>
bool Says(const ExplainAnswer& answer) {
  for (uint32_t i = 0; i < answer.step_count; ++i) {
    if (std::holds_alternative<Step>(answer.steps[i])) return true;
  }
  return false;
}

inline uint64_t Connections(ByteDirector& d) {
  uint64_t total = 0;
  for (size_t w = 0; w < d.worker_count(); ++w) {
    Shard& shard = d.worker(w).shard();
    total += shard.Connections<Ipv4Address>().size() + shard.Connections<Ipv6Address>().size();
  }
  return total;
}

}  // namespace fairlead::dataplane
