// Where fragments come out otherwise than of the recorded kernel, on purpose. Each has a name, by
// which recordings_test.cc says how often it is needed.
#pragma once

namespace fairlead::golden::wire::fragment_exceptions {

inline constexpr const char* kCuts =
    "no reassembly: the kernel joins a datagram and cuts it anew; here each fragment keeps its "
    "size, and goes into a tunnel by itself. The datagrams that receivers put together are equal";
inline constexpr const char* kSooner =
    "no reassembly: fragments go as soon as the first is there, not when the last is; over the "
    "case the datagrams are equal";
inline constexpr const char* kNeverWhole =
    "no reassembly: of a datagram that never gets whole, or turns out to overlap, what followed "
    "its first fragment has gone on, and its connection is there; its receiver drops it";
inline constexpr const char* kNoTimeExceeded =
    "no reassembly: who puts together says that the time for it is over, and that is the receiver";
inline constexpr const char* kShorterTime =
    "the recorded kernel was told to wait 3 s for fragments; here it is always 30 s, 60 s in IPv6";
inline constexpr const char* kFits =
    "fragments with DF that each fit the next link are forwarded; the kernel refuses them, because "
    "the datagram that it has joined does not fit";
inline constexpr const char* kQuote =
    "no reassembly: an error quotes the first fragment as it came, not the joined datagram";
inline constexpr const char* kErrorSource =
    "frag needed and packet too big come from our address on the sender's side, as from any "
    "router; the kernel's come from the virtual address";
inline constexpr const char* kRateLimit =
    "one client draws six errors at once, then one a second; the recorded kernel had no limit";
inline constexpr const char* kTiny =
    "a first fragment without its whole TCP header is dropped, and so is its datagram (RFC 1858)";
inline constexpr const char* kCursors =
    "with several workers each has scheduler cursors of its own: another real server is as right";

struct Named {
  const char* name;
  const char* reason;
};
inline constexpr Named kAll[] = {
    {"cuts", kCuts},
    {"sooner", kSooner},
    {"never whole", kNeverWhole},
    {"no time exceeded", kNoTimeExceeded},
    {"shorter time", kShorterTime},
    {"fits", kFits},
    {"quote", kQuote},
    {"error source", kErrorSource},
    {"rate limit", kRateLimit},
    {"tiny", kTiny},
    {"cursors", kCursors},
};

}  // namespace fairlead::golden::wire::fragment_exceptions
