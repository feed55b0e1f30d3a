// Why a datagram of the kernel's sync protocol, or an entry of it, was not taken: named once for
// counters, status and documentation.
//
//   refused[static_cast<size_t>(SyncRefusal::kSyncid)] += 1;
//   NameOf(SyncRefusal::kSyncid);     // "syncid"
//
// Threads: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::sync {

// Enumerator, name (a label of metrics) and sentence.
#define FAIRLEAD_SYNC_REFUSALS(X)                                                               \
  X(kShort, "short", "the datagram is shorter than its header")                                 \
  X(kSize, "size", "the size in the header is not that of the datagram")                        \
  X(kSyncid, "syncid", "the datagram is of another syncid")                                     \
  X(kTruncated, "truncated", "the datagram ends before its last entry does")                    \
  X(kEntryVersion, "entry_version", "an entry has a version that is not known here")            \
  X(kFamily, "family", "an entry has an address family that is not known here")                 \
  X(kEntrySize, "entry_size", "the size of an entry does not hold what the entry has")          \
  X(kOption, "option", "an option of an entry is unknown, stands twice, or has another length") \
  X(kEngine, "engine", "an entry names an engine that is not known here, or has data of none")  \
  X(kProtocol, "protocol", "an entry is of a protocol that is not balanced here")               \
  X(kState, "state", "a connection is in a state that its protocol does not have")              \
  X(kFlags, "flags", "an entry has flags that exclude each other")

enum class SyncRefusal : uint8_t {
#define X(enumerator, name, sentence) enumerator,
  FAIRLEAD_SYNC_REFUSALS(X)
#undef X
};

inline constexpr auto kSyncRefusalNames = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) name,
    FAIRLEAD_SYNC_REFUSALS(X)
#undef X
});
inline constexpr auto kSyncRefusalSentences = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) sentence,
    FAIRLEAD_SYNC_REFUSALS(X)
#undef X
});
inline constexpr size_t kSyncRefusalCount = kSyncRefusalNames.size();

constexpr std::string_view NameOf(SyncRefusal refusal) noexcept {
  return kSyncRefusalNames[static_cast<size_t>(refusal)];
}
constexpr std::string_view SentenceOf(SyncRefusal refusal) noexcept {
  return kSyncRefusalSentences[static_cast<size_t>(refusal)];
}

}  // namespace fairlead::sync
