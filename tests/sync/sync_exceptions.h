// Where this director differs from the recorded kernel on purpose, or the recording shows what it
// does not have yet. Each is printed when it is used.
#pragma once

namespace fairlead::sync {

inline constexpr const char* kTemplatesOnChange =
    "a template is sent when something about it has changed (made, renewed by a new connection, "
    "assured), not with "
    "every packet of the client: its owner is another worker than the connection's, and a packet "
    "would cost a message";
inline constexpr const char* kOwnAtOnce =
    "a real server that is added has the connections that messages named before at once, not with "
    "the next message about them";
inline constexpr const char* kOwnerOnly =
    "with several workers a packet to no service is forwarded where it reaches the worker that has "
    "the connection";
inline constexpr const char* kNowhere =
    "a real server without an address or a port is refused: nothing could be sent to it";
inline constexpr const char* kTemplateOfNobody =
    "a template of a service that is not here is refused: nothing would ask for it";
inline constexpr const char* kNotPersistent =
    "a template of a service that is not persistent here is refused: nothing would ask for it";
inline constexpr const char* kUnrecorded =
    "packets that were not recorded: the shortest that lead to what was sent are played, and all "
    "of that is compared";
inline constexpr const char* kLateStart =
    "s1l records no packet of the connections that exist before the daemon starts";
inline constexpr const char* kCursors =
    "with several workers each has scheduler cursors of its own: another real server is as right";
inline constexpr const char* kNoSctp = "SCTP is not balanced by this version";
inline constexpr const char* kNoFtp =
    "the helper for FTP's data connections is not in this version";
inline constexpr const char* kNoMark =
    "the mark of a packet is sent for services of a mark only: a record does not keep what no "
    "look-up needs";
inline constexpr const char* kLongestTime =
    "no timeout is longer than 31 days, and one that overflows the kernel's timers is not copied";
inline constexpr const char* kTemplateState = "a template's state is none or assured";
inline constexpr const char* kNoIpvs =
    "without services the kernel's IPVS is off and its local stack answers; this director goes on";

// A test finds each of them used.
inline constexpr const char* kAllExceptions[] = {
    kTemplatesOnChange, kOwnAtOnce,     kOwnerOnly,  kNowhere,
    kTemplateOfNobody,  kNotPersistent, kUnrecorded, kLateStart,
    kCursors,           kNoSctp,        kNoFtp,      kNoMark,
    kLongestTime,       kTemplateState, kNoIpvs};

}  // namespace fairlead::sync
