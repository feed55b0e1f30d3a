// A real server of any IP version that is told who its client is, of any version too.
#pragma once

#include <string>

#include "client_told_bed.h"
#include "mixed_bed.h"

namespace fairlead::dataplane::fullnat_bed {

class MixedToldBed : public MixedBed {
 protected:
  using Sending = client_told_bed::Sending;

  void ServeTelling(const Ends& ends, ClientAddress how, uint8_t protocol = kProtocolTcp) {
    Serve(ends, {.protocol = protocol}, {.client_address = how});
    client_ = {*IpAddress::Parse(ends.client), Be16::FromHost(1234)};
    vip_ = {*IpAddress::Parse(ends.vip), Be16::FromHost(80)};
    server_ = {*IpAddress::Parse(ends.real), Be16::FromHost(8080)};
  }
  static Frame Segment(const Endpoint& from, const Endpoint& to, const Sending& sending) {
    return client_told_bed::FrameOf(from, to, sending);
  }
  // What leaves on the other side, each in a line.
  std::string Through(PortId port, const Frame& frame) {
    std::string text;
    for (const Sent& sent : d_.Send(port, frame)) {
      EXPECT_NE(sent.port, port);
      if (port == kOutside) local_ = SourceOf(sent.frame);
      text += (text.empty() ? "" : "\n") + client_told_bed::SegmentText(sent.frame);
    }
    return text;
  }
  std::string Client(const Sending& s) { return Through(kOutside, Segment(client_, vip_, s)); }
  std::string Real(const Sending& s) { return Through(kInside, Segment(server_, local_, s)); }

  Endpoint client_, vip_, server_, local_;
};

}  // namespace fairlead::dataplane::fullnat_bed
