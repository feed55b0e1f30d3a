#include "dataplane/tables/tcp_state.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "dataplane/tables/timeouts.h"
#include "dataplane/wire/headers.h"

namespace fairlead::dataplane::tcp_state_test {
namespace {

// Two-letter names, in number order. "." in a table: the state stays.
const std::vector<std::string> kShort = {"NO", "ES", "SS", "SR", "FW", "TW",
                                         "CL", "CW", "LA", "LI", "SA"};

TcpState FromShort(const std::string& name) {
  for (size_t i = 0; i < kShort.size(); ++i) {
    if (kShort[i] == name) return static_cast<TcpState>(i);
  }
  ADD_FAILURE() << name;
  return TcpState::kNone;
}

// Columns: in, out, input-only; each SYN FIN ACK RST.
constexpr const char* kSpecification[] = {
    "NO SR CL ES CL SS TW ES CL SR CL ES CL", "ES . CW . CL . FW . CL . FW . CL",
    "SS ES . . CL . . . . ES . . CL",         "SR . TW ES . . TW ES CL . TW ES .",
    "FW SR TW . CL SS . . CL SR . . CL",      "TW SR . . CL SS . . . SR . . CL",
    "CL SR . . . SS . . . SR . . .",          "CW SR . . CL SS TW . CL SR . . CL",
    "LA SR . CL . SS . . CL SR . CL .",       "LI SR . . . . . ES CL SR . . .",
    "SA SR TW ES SR SR TW ES CL SR TW ES CL"};

// The same with secure_tcp.
constexpr const char* kSecure[] = {
    "NO SR CL ES CL SS TW ES CL SA CL ES CL", "ES . CW . CL . FW . CL . FW . CL",
    "SS ES . . CL . . . . ES . . CL",         "SR . TW . . SA TW ES CL . TW ES .",
    "FW SR TW . CL SS . . CL SA . . CL",      "TW SR . . CL SS . . . SA . . CL",
    "CL SR . . . SS . . . SA . . .",          "CW SR . . CL SS TW . CL SA . . CL",
    "LA SR . CL . SS . . CL SA . CL .",       "LI SR . . . . . ES CL SA . . .",
    "SA . . . CL . TW ES CL . TW ES CL"};

constexpr uint8_t kEvents[] = {kTcpSyn, kTcpFin, kTcpAck, kTcpRst};

void ExpectTable(const char* const (&rows)[kTcpStateCount], bool secure) {
  for (const char* row : rows) {
    std::istringstream words(row);
    std::string from, next;
    words >> from;
    for (int direction = 0; direction < 3; ++direction) {
      for (uint8_t flag : kEvents) {
        ASSERT_TRUE(words >> next) << row;
        EXPECT_EQ(kShort[static_cast<size_t>(NextTcpState(
                      FromShort(from), static_cast<TcpDirection>(direction), flag, secure))],
                  next == "." ? from : next)
            << from << " direction " << direction << " flag " << int{flag};
      }
    }
  }
}

TEST(TcpState, WhatKeepsEstablishedKeepsItByEveryTable) {
  for (unsigned flags = 0; flags < 256; ++flags) {
    for (const bool secure : {false, true}) {
      for (const auto direction :
           {TcpDirection::kIn, TcpDirection::kOut, TcpDirection::kInputOnly}) {
        const TcpState next =
            NextTcpState(TcpState::kEstablished, direction, static_cast<uint8_t>(flags), secure);
        if (KeepsEstablished(static_cast<uint8_t>(flags))) {
          EXPECT_EQ(next, TcpState::kEstablished) << "flags " << flags;
        }
      }
    }
  }
  EXPECT_TRUE(KeepsEstablished(kTcpAck | kTcpPsh));
  EXPECT_FALSE(KeepsEstablished(kTcpSyn));
  EXPECT_FALSE(KeepsEstablished(kTcpSyn | kTcpAck));
  EXPECT_FALSE(KeepsEstablished(kTcpAck | kTcpFin));
  EXPECT_FALSE(KeepsEstablished(kTcpAck | kTcpRst));
  EXPECT_FALSE(KeepsEstablished(0));
}

TEST(TcpState, EveryCellOfTheTable) { ExpectTable(kSpecification, false); }
TEST(TcpState, EveryCellWithSecureTcp) { ExpectTable(kSecure, true); }

TEST(TcpState, FlagsHaveAnOrderAndNoneCloses) {
  for (size_t state = 0; state < kTcpStateCount; ++state) {
    for (int direction = 0; direction < 3; ++direction) {
      const auto next = [&](uint8_t flags) {
        return NextTcpState(static_cast<TcpState>(state), static_cast<TcpDirection>(direction),
                            flags, false);
      };
      for (unsigned flags = 0; flags < 256; ++flags) {
        uint8_t decides = 0;
        for (uint8_t flag : {kTcpAck, kTcpFin, kTcpSyn, kTcpRst}) {
          if ((flags & flag) != 0) decides = flag;
        }
        EXPECT_EQ(next(static_cast<uint8_t>(flags)),
                  decides == 0 ? TcpState::kClose : next(decides));
      }
    }
  }
}

TEST(TcpState, ActiveStatesAndDefaultTimeouts) {
  const Timeouts timeouts;
  std::string text;
  for (size_t i = 0; i < kTcpStateCount; ++i) {
    const auto state = static_cast<TcpState>(i);
    text += std::string(NameOf(state)) + " " +
            std::to_string(timeouts.Of(state) / kTicksPerSecond) +
            (IsActive(state) ? " active\n" : "\n");
  }
  EXPECT_EQ(text,
            "NONE 2\nESTABLISHED 900 active\nSYN_SENT 120 active\nSYN_RECV 60 active\n"
            "FIN_WAIT 120\nTIME_WAIT 120\nCLOSE 10\nCLOSE_WAIT 60\nLAST_ACK 30\nLISTEN 120\n"
            "SYNACK 120 active\n");
  EXPECT_EQ(timeouts.udp, TicksFromSeconds(300));
}

TEST(TcpState, ThreeTimeoutsCanBeSet) {
  Timeouts timeouts;
  timeouts.set_tcp(1);
  timeouts.set_tcp_fin(2);
  timeouts.set_udp(3);
  EXPECT_EQ(timeouts.Of(TcpState::kEstablished), 1u);
  EXPECT_EQ(timeouts.Of(TcpState::kFinWait), 2u);
  EXPECT_EQ(timeouts.udp, 3u);
  EXPECT_EQ(timeouts.Of(TcpState::kTimeWait), TicksFromSeconds(120));
}

// What a Linux director was seen to do: see the head of the data file.
class Recording {
 public:
  Recording() {
    for (size_t i = 0; i < kTcpStateCount; ++i) {
      states_[std::string(NameOf(static_cast<TcpState>(i)))] = static_cast<TcpState>(i);
    }
  }
  TcpState State(const std::string& name) const { return states_.at(name); }

  // `event` as "in:FA"; client packets are input-only when the method hides the replies.
  static TcpState Step(TcpState from, const std::string& method, bool secure,
                       const std::string& event) {
    const size_t colon = event.find(':');
    uint8_t flags = 0;
    for (char c : event.substr(colon + 1)) {
      flags |= c == 'S' ? kTcpSyn : c == 'A' ? kTcpAck : c == 'F' ? kTcpFin : kTcpRst;
    }
    const TcpDirection direction = event[0] == 'o'   ? TcpDirection::kOut
                                   : method == "NAT" ? TcpDirection::kIn
                                                     : TcpDirection::kInputOnly;
    return NextTcpState(from, direction, flags, secure);
  }

 private:
  std::map<std::string, TcpState> states_;
};

TEST(TcpState, AgreesWithTheRecordingOfALinuxDirector) {
  std::ifstream file(FAIRLEAD_TEST_DATA "/recorded_tcp_states.txt");
  ASSERT_TRUE(file);
  const Recording recording;
  const Timeouts timeouts;
  std::map<std::string, int> seen;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string kind, method, state, event, next;
    int secure = 0;
    words >> kind >> method >> secure >> state;
    ++seen[kind];
    if (kind == "cell") {
      words >> event >> next;
      EXPECT_EQ(NameOf(Recording::Step(recording.State(state), method, secure != 0, event)), next)
          << line;
    } else if (kind == "timeout") {
      uint32_t seconds = 0;
      words >> seconds;
      EXPECT_EQ(timeouts.Of(recording.State(state)), TicksFromSeconds(seconds)) << line;
    } else {
      TcpState at = TcpState::kNone;
      while (words >> event) at = Recording::Step(at, method, secure != 0, event);
      EXPECT_EQ(NameOf(at), state) << line;
    }
  }
  EXPECT_EQ(seen, (std::map<std::string, int>{{"cell", 250}, {"path", 25}, {"timeout", 25}}));
}

}  // namespace
}  // namespace fairlead::dataplane::tcp_state_test
