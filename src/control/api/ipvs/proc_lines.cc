#include "control/api/ipvs/proc_lines.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>

#include "base/forward_method.h"
#include "base/transport.h"
#include "control/api/figures.h"
#include "control/api/ipvs/entries.h"
#include "control/api/name_index.h"
#include "control/view.h"
#include "dataplane/shard/fabric.h"
#include "dataplane/tables/transport_state.h"

namespace fairlead::ipvs {

namespace {

using dataplane::TrafficSum;

constexpr uint32_t kJiffiesPerSecond = 100;  // in which the kernel writes persistence timeouts
constexpr unsigned kInvalidPort = 65535;     // of a renamed template (ipvs.md, template validity)

__attribute__((format(printf, 2, 3))) void Append(std::string* text, const char* format, ...) {
  char line[256];
  va_list values;
  va_start(values, format);
  const int size = std::vsnprintf(line, sizeof line, format, values);
  va_end(values);
  if (size > 0) text->append(line, std::min(static_cast<size_t>(size), sizeof line - 1));
}

// "C000020A", or "2001:0db8:0000:…" with all its zeros.
void AppendAddress(const IpAddress& address, std::string* text) {
  if (address.is_v4()) return Append(text, "%08X", address.v4().Fold());
  const auto& b = address.bytes();
  for (size_t i = 0; i < b.size(); i += 2) {
    Append(text, i == 0 ? "%02x%02x" : ":%02x%02x", b[i], b[i + 1]);
  }
}

void AppendEndpoint(const IpAddress& address, unsigned port, std::string* text) {
  if (!address.is_v4()) *text += '[';
  AppendAddress(address, text);
  Append(text, address.is_v4() ? ":%04X" : "]:%04X", port);
}

const char* ProtocolWord(uint8_t protocol) {
  return IsTransport(protocol) ? TraitsOf(static_cast<Transport>(protocol)).listing_word.data()
                               : "IP";
}

// The kernel keeps a mask in network order and writes it turned round: of IPv6 it is a length.
uint32_t MaskOf(const control::ServiceInfo& service) {
  return service.family == Family::kIpv6 ? static_cast<uint32_t>(service.prefix_length) << 24
                                         : service.mask;
}

uint32_t SecondsOf(TickCount ticks) {
  if (ticks == dataplane::kForever) return kMostSeconds;
  return std::min(ticks / kTicksPerSecond, kMostSeconds);
}

// What connections and templates have in common, as the kernel sees them.
struct Line {
  const char* protocol;
  IpAddress client, virtual_address, real;
  unsigned client_port, virtual_port, real_port;
  std::string_view state;
  bool is_from_sync;
  uint32_t seconds;
};

void AppendLine(const Line& line, ConnectionStyle style, std::string* text) {
  Append(text, "%-3s ", line.protocol);
  AppendAddress(line.client, text);
  Append(text, " %04X ", line.client_port);
  AppendAddress(line.virtual_address, text);
  Append(text, " %04X ", line.virtual_port);
  AppendAddress(line.real, text);
  Append(text, " %04X %-11.*s ", line.real_port, static_cast<int>(line.state.size()),
         line.state.data());
  if (style == ConnectionStyle::kOrigin) {
    Append(text, "%-6s ", line.is_from_sync ? "SYNC" : "LOCAL");
  }
  Append(text, "%7u", line.seconds);
}

void AppendTraffic(const TrafficSum& sum, std::string* text) {
  Append(text, "%8" PRIX64 " %8" PRIX64 " %8" PRIX64 " %16" PRIX64 " %16" PRIX64 "\n",
         sum.connections, sum.in_packets, sum.out_packets, sum.in_bytes, sum.out_bytes);
}

// Where the mark of a template stands: in the first 32 bits of an address.
IpAddress MarkAddress(uint32_t mark, Family family) {
  const auto address = Ipv4Address::FromHost(mark);
  if (family == Family::kIpv4) return address;
  Ipv6Address wide;
  address.Store(wide.bytes.data());
  return wide;
}

}  // namespace

void AppendService(const control::ServiceInfo& service, std::string* text) {
  const bool is_mark = service.mark != 0;
  if (is_mark) {
    Append(text, "FWM  %08X", service.mark);
  } else {
    Append(text, "%s  ", ProtocolWord(service.protocol));
    AppendEndpoint(service.address, service.port.host(), text);
  }
  Append(text, " %s ", service.scheduler.c_str());
  if (is_mark || service.family == Family::kIpv4) {
    if (service.is_one_packet) *text += "ops ";
    if (!is_mark) *text += ' ';
  }
  if (service.is_persistent) {
    Append(text, "persistent %u %08X",
           std::min(service.persistence_seconds, kMostSeconds) * kJiffiesPerSecond,
           MaskOf(service));
  }
  *text += '\n';
}

void AppendReal(const dataplane::Fabric& fabric, const control::RealInfo& real, std::string* text) {
  const api::Figures figures = api::FiguresOf(fabric, real);
  const auto method = ForwardMethodOf(real.forward);
  *text += "  -> ";
  AppendEndpoint(real.endpoint.address, real.endpoint.port.host(), text);
  Append(text, "      %-7s %-6d %-10u %-10u\n",
         method ? TraitsOf(*method).listing_word.data() : "?", real.effective_weight,
         figures.active, figures.inactive);
}

std::string_view ConnectionsHead(ConnectionStyle style) {
  return style == ConnectionStyle::kPlain
             ? "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
             : "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Origin Expires\n";
}

void AppendConnection(const dataplane::ConnectionRow& row, ConnectionStyle style,
                      std::string* text) {
  using dataplane::ConnectionFlag;
  AppendLine({.protocol = ProtocolWord(row.protocol),
              .client = row.client.address,
              .virtual_address = row.virtual_endpoint.address,
              .real = row.real_endpoint.address,
              .client_port = row.client.port.host(),
              .virtual_port = row.virtual_endpoint.port.host(),
              .real_port = row.real_endpoint.port.host(),
              .state = dataplane::NameOf(static_cast<Transport>(row.protocol), row.state),
              .is_from_sync = (row.flags & static_cast<uint16_t>(ConnectionFlag::kFromSync)) != 0,
              .seconds = SecondsOf(row.remaining)},
             style, text);
  *text += '\n';
}

void AppendTemplate(const api::NameIndex& names, const dataplane::TemplateRow& row,
                    ConnectionStyle style, std::string* text) {
  const control::ServiceInfo* service = names.service(row.service);
  const api::NamedReal* real = names.real(row.real);
  Line line{.protocol = ProtocolWord(row.protocol),
            .client = row.client,
            .virtual_address = row.virtual_address,
            .real = real != nullptr ? real->info->endpoint.address : IpAddress(),
            .client_port = 0,
            .virtual_port = row.is_invalid ? kInvalidPort : row.virtual_port.host(),
            .real_port = row.is_invalid ? kInvalidPort : row.real_port.host(),
            .state = row.is_assured ? "ASSURED" : "NONE",
            .is_from_sync = false,
            .seconds = SecondsOf(row.remaining)};
  if (!row.client_group.is_none()) {
    line.client = row.family == Family::kIpv4 ? IpAddress() : IpAddress(Ipv6Address{});
  }
  if (row.protocol == 0) {
    const uint32_t mark = service != nullptr ? service->mark : row.virtual_address.Fold();
    line.virtual_address = MarkAddress(mark, row.family);
  }
  if (real == nullptr && row.family == Family::kIpv6) line.real = Ipv6Address{};
  AppendLine(line, style, text);
  if (style == ConnectionStyle::kPlain && row.engine_length > 0) {
    const auto shown = std::min<size_t>(row.engine_length, row.engine_text.size());
    *text += " sip ";
    text->append(row.engine_text.data(), shown);
  }
  *text += '\n';
}

std::string StatsText(const TrafficSum& total, const TrafficSum& rate) {
  std::string text =
      "   Total Incoming Outgoing         Incoming         Outgoing\n"
      "   Conns  Packets  Packets            Bytes            Bytes\n";
  AppendTraffic(total, &text);
  text += "\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n";
  AppendTraffic(rate, &text);
  return text;
}

std::string WorkerStatsText(std::span<const TrafficSum> workers, const TrafficSum& total,
                            const TrafficSum& rate) {
  std::string text =
      "       Total Incoming Outgoing         Incoming         Outgoing\n"
      "CPU    Conns  Packets  Packets            Bytes            Bytes\n";
  for (size_t i = 0; i < workers.size(); ++i) {
    Append(&text, "%3zX ", i);
    AppendTraffic(workers[i], &text);
  }
  text += "  ~ ";
  AppendTraffic(total, &text);
  text += "\n     Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n    ";
  AppendTraffic(rate, &text);
  return text;
}

}  // namespace fairlead::ipvs
