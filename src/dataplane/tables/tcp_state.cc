#include "dataplane/tables/tcp_state.h"

#include <array>

#include "dataplane/wire/headers.h"

namespace fairlead::dataplane {
namespace {

constexpr TcpState NO = TcpState::kNone, ES = TcpState::kEstablished, SS = TcpState::kSynSent,
                   SR = TcpState::kSynRecv, FW = TcpState::kFinWait, TW = TcpState::kTimeWait,
                   CL = TcpState::kClose, CW = TcpState::kCloseWait, LA = TcpState::kLastAck,
                   LI = TcpState::kListen, SA = TcpState::kSynAck;

enum TcpEvent : uint8_t { kSyn, kFin, kAck, kRst, kTcpEventCount };

// next[direction · 4 + event], a row a state: 12 bytes that one cache line fetch brings.
using Row = std::array<TcpState, 3 * kTcpEventCount>;
using Table = std::array<Row, kTcpStateCount>;

constexpr Table kTable = {{
    // in                server                input-only
    // SYN FIN ACK RST   SYN FIN ACK RST       SYN FIN ACK RST
    {SR, CL, ES, CL, SS, TW, ES, CL, SR, CL, ES, CL},  // NO
    {ES, CW, ES, CL, ES, FW, ES, CL, ES, FW, ES, CL},  // ES
    {ES, SS, SS, CL, SS, SS, SS, SS, ES, SS, SS, CL},  // SS
    {SR, TW, ES, SR, SR, TW, ES, CL, SR, TW, ES, SR},  // SR
    {SR, TW, FW, CL, SS, FW, FW, CL, SR, FW, FW, CL},  // FW
    {SR, TW, TW, CL, SS, TW, TW, TW, SR, TW, TW, CL},  // TW
    {SR, CL, CL, CL, SS, CL, CL, CL, SR, CL, CL, CL},  // CL
    {SR, CW, CW, CL, SS, TW, CW, CL, SR, CW, CW, CL},  // CW
    {SR, LA, CL, LA, SS, LA, LA, CL, SR, LA, CL, LA},  // LA
    {SR, LI, LI, LI, LI, LI, ES, CL, SR, LI, LI, LI},  // LI
    {SR, TW, ES, SR, SR, TW, ES, CL, SR, TW, ES, CL},  // SA
}};

constexpr size_t At(TcpDirection direction, TcpEvent event) {
  return static_cast<size_t>(direction) * kTcpEventCount + event;
}

// What a SYN flood defence asks for: ESTABLISHED needs the server's acknowledgement.
constexpr Table SecureTable() {
  Table table = kTable;
  auto cell = [&table](TcpState state, TcpDirection direction, TcpEvent event) -> TcpState& {
    return table[static_cast<size_t>(state)][At(direction, event)];
  };
  cell(SA, TcpDirection::kIn, kSyn) = SA;
  cell(SA, TcpDirection::kIn, kFin) = SA;
  cell(SA, TcpDirection::kIn, kAck) = SA;
  cell(SA, TcpDirection::kIn, kRst) = CL;
  cell(SR, TcpDirection::kIn, kAck) = SR;
  cell(SR, TcpDirection::kOut, kSyn) = SA;
  cell(SA, TcpDirection::kOut, kSyn) = SA;
  for (TcpState state : {NO, FW, TW, CL, CW, LA, LI, SA}) {
    cell(state, TcpDirection::kInputOnly, kSyn) = SA;
  }
  return table;
}

constexpr Table kTables[2] = {kTable, SecureTable()};

constexpr std::array<std::string_view, kTcpStateCount> kNames = {
    "NONE",  "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT", "TIME_WAIT",
    "CLOSE", "CLOSE_WAIT",  "LAST_ACK", "LISTEN",   "SYNACK"};

}  // namespace

TcpState NextTcpState(TcpState state, TcpDirection direction, uint8_t flags,
                      bool secure_tcp) noexcept {
  TcpEvent event;
  if ((flags & kTcpRst) != 0) {
    event = kRst;
  } else if ((flags & kTcpSyn) != 0) {
    event = kSyn;
  } else if ((flags & kTcpFin) != 0) {
    event = kFin;
  } else if ((flags & kTcpAck) != 0) {
    event = kAck;
  } else {
    return CL;
  }
  return kTables[secure_tcp ? 1 : 0][static_cast<size_t>(state)][At(direction, event)];
}

std::string_view NameOf(TcpState state) noexcept { return kNames[static_cast<size_t>(state)]; }

}  // namespace fairlead::dataplane
