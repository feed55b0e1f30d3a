// Why bytes of the stream between directors were not taken, named once for counters, status,
// goodbyes and documentation.
//
//   refused[static_cast<size_t>(StreamRefusal::kName)] += 1;
//   NameOf(StreamRefusal::kName);     // "name"
//
// Those up to kWindow end the session, those behind it leave out one entry. A goodbye says the
// name, so a name is the protocol's: never rename. Threads: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead::sync {

// Enumerator, name (a label of metrics) and sentence.
#define FAIRLEAD_STREAM_REFUSALS(X)                                                              \
  X(kMagic, "magic", "the first bytes are not those of a Fairlead director")                     \
  X(kVersion, "version", "the directors speak no version in common; upgrade the older one")      \
  X(kName, "name", "the director says another name than sync.peers has for it")                  \
  X(kRanges, "ranges", "the directors divide their tables in different ways")                    \
  X(kFrameSize, "frame_size", "a frame is larger than any may be, or shorter than its parts")    \
  X(kFrameType, "frame_type", "a frame is of a critical type that is not known here")            \
  X(kHelloOption, "hello_option",                                                                \
    "an option of the hello is critical and unknown, stands twice, is missing, or has another "  \
    "length")                                                                                    \
  X(kOrder, "order", "a frame came where it may not be")                                         \
  X(kOldSequence, "old_sequence", "a sequence number came again")                                \
  X(kSequenceGap, "sequence_gap", "a sequence number was left out")                              \
  X(kAcknowledgement, "acknowledgement", "what was never sent is acknowledged")                  \
  X(kEntrySize, "entry_size", "the size of an entry does not hold what the entry has")           \
  X(kSilent, "silent", "nothing was heard for too long")                                         \
  X(kStalled, "stalled", "nothing was acknowledged for too long")                                \
  X(kUnfinished, "unfinished",                                                                   \
    "what the other director had at first came no nearer to its end for too long; see its load " \
    "and its log")                                                                               \
  X(kWindow, "window", "more is under way than was allowed")                                     \
  X(kShape, "shape", "an entry has a shape that is not known here")                              \
  X(kEntryOption, "entry_option",                                                                \
    "an option of an entry is critical and unknown, stands twice, or has another length")        \
  X(kProtocol, "protocol", "an entry is of a protocol that is not balanced here")                \
  X(kState, "state", "a connection is in a state that its protocol does not have")               \
  X(kFlags, "flags", "an entry has flags that exclude each other")                               \
  X(kMethod, "method", "an entry names a forwarding method that is not known here")              \
  X(kKey, "key", "the client of an entry is not what its netmask, port and groups say")

enum class StreamRefusal : uint8_t {
#define X(enumerator, name, sentence) enumerator,
  FAIRLEAD_STREAM_REFUSALS(X)
#undef X
};

inline constexpr auto kStreamRefusalNames = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) name,
    FAIRLEAD_STREAM_REFUSALS(X)
#undef X
});
inline constexpr auto kStreamRefusalSentences = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) sentence,
    FAIRLEAD_STREAM_REFUSALS(X)
#undef X
});
inline constexpr size_t kStreamRefusalCount = kStreamRefusalNames.size();
using StreamRefusals = std::array<uint64_t, kStreamRefusalCount>;

constexpr std::string_view NameOf(StreamRefusal refusal) noexcept {
  return kStreamRefusalNames[static_cast<size_t>(refusal)];
}
constexpr std::string_view SentenceOf(StreamRefusal refusal) noexcept {
  return kStreamRefusalSentences[static_cast<size_t>(refusal)];
}
constexpr std::optional<StreamRefusal> RefusalNamed(std::string_view name) noexcept {
  for (size_t i = 0; i < kStreamRefusalCount; ++i) {
    if (kStreamRefusalNames[i] == name) return static_cast<StreamRefusal>(i);
  }
  return std::nullopt;
}

}  // namespace fairlead::sync
