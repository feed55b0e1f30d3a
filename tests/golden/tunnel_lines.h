// A packet that came out of a director with tunnels, as a line to compare.
//
//   TunnelLine line = LineOfTunnel(packet);
//   line.text, line.source_port, line.problem
//
// Left out is what each director chooses: the identification of headers that it makes, the flow
// label of its errors and the UDP source port of GUE, and so the checksums over them, whose
// rightness is looked at instead. Byte by byte; shares no code with the product. Threads: pure.
#pragma once

#include <optional>
#include <string>

#include "wire_datagrams.h"

namespace fairlead::golden::wire {

struct TunnelLine {
  std::string text;
  std::optional<uint16_t> source_port;  // of GUE
  std::string problem;                  // a wrong checksum, an impossible port; else empty
};

// `hides_source`: whose address an error comes from is left out too, and what follows from it and
// from who makes errors: its DF, and the TTL of what it quotes.
TunnelLine LineOfTunnel(const WirePacket& packet, bool hides_source);

}  // namespace fairlead::golden::wire
