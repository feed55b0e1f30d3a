// Entries of the stream for tests, and their text.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "sync/stream/entry.h"

namespace fairlead::sync {

inline StreamEntry ConnectionEntry(uint16_t client_port = 20001) {
  StreamEntry e;
  e.protocol = kProtocolTcp;
  e.state = 1;
  e.flags = 0x0023;
  e.client = *IpAddress::Parse("10.8.0.1");
  e.virtual_address = *IpAddress::Parse("192.0.2.80");
  e.real = *IpAddress::Parse("10.0.0.11");
  e.client_port = Be16::FromHost(client_port);
  e.virtual_port = Be16::FromHost(80);
  e.real_port = Be16::FromHost(8080);
  e.timeout_ms = 900'000;
  e.left_ms = 899'000;
  e.created_ms = 0x0102030405060708;
  e.creator = 0x1112131415161718;
  return e;
}

inline StreamEntry TemplateEntry6() {
  StreamEntry e = ConnectionEntry(0);
  e.kind = StreamKind::kTemplate;
  e.protocol = kProtocolOfMarks;
  e.flags = 0x1000;
  e.stream_flags = static_cast<uint8_t>(StreamFlag::kPinned);
  e.client = *IpAddress::Parse("2001:db8:1::");
  e.client_bits = 64;
  e.virtual_address = *IpAddress::Parse("0.0.0.7");
  e.virtual_port = Be16{};
  e.real = *IpAddress::Parse("2001:db8::11");
  e.mark = 7;
  e.lifetime_left_ms = 5000;
  return e;
}

inline std::string Print(const StreamEntry& e) {
  std::string text = fmt::format(
      "{}{} {} {}/{}:{} {}:{} {}:{} state {} flags {:x}/{:x} scope {} spread {} groups {}/{} mark "
      "{} "
      "time {}/{}/{} packets {} created {:x} by {:x}",
      e.kind == StreamKind::kTemplate ? "template" : "connection",
      e.event == StreamEvent::kGone ? " gone" : "", e.protocol, e.client.ToString(), e.client_bits,
      e.client_port.host(), e.virtual_address.ToString(), e.virtual_port.host(), e.real.ToString(),
      e.real_port.host(), e.state, e.flags, e.stream_flags, e.scope, e.spread, e.client_group,
      e.service_group, e.mark, e.timeout_ms, e.left_ms, e.lifetime_left_ms, e.packets, e.created_ms,
      e.creator);
  for (const SyncSequence& s : {e.to_real, e.to_client}) {
    text += fmt::format(" {}+{}/{}", s.initial, s.delta, s.previous_delta);
  }
  return text + " " + std::string(e.engine_data.data(), e.engine_length);
}

}  // namespace fairlead::sync
