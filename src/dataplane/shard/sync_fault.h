// Why an entry of the kernel's sync protocol that makes sense was not taken in, named once for
// counters, status and documentation.
//
//   faults[static_cast<size_t>(SyncFault::kReal)] += 1;
//   kSyncFaultNames[i], kSyncFaultSentences[i]
//
// Threads: constants.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::dataplane {

// Enumerator, name (a label of metrics) and sentence.
#define FAIRLEAD_SYNC_FAULTS(X)                                                                 \
  X(kTransport, "transport", "the protocol is not balanced here")                               \
  X(kClient, "client", "the client is no host's address, or one of this director's own")        \
  X(kService, "unknown_service", "no service here has the virtual address and port")            \
  X(kReal, "unknown_real", "the service here has no such real server")                          \
  X(kUnknownFull, "unknown_full",                                                               \
    "there is no room for another real server that no configuration names")                     \
  X(kImpossibleReal, "impossible_real",                                                         \
    "the real server is no host's address, or one of this director's own, or has no port")      \
  X(kEngine, "no_engine", "the service's engine needs data that the entry lacks")               \
  X(kOtherReal, "other_real",                                                                   \
    "the connection is another real server's here, and the entry is inactive")                  \
  X(kNotPersistent, "not_persistent", "a template of a service that is not persistent here")    \
  X(kFullnat, "fullnat",                                                                        \
    "the real server is reached by FULLNAT here, and nothing says what the client has become")  \
  X(kTableFull, "table_full",                                                                   \
    "there is no room for another record; the last eighth of a table is for clients that come " \
    "here")

enum class SyncFault : uint8_t {
#define X(enumerator, name, sentence) enumerator,
  FAIRLEAD_SYNC_FAULTS(X)
#undef X
};

inline constexpr auto kSyncFaultNames = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) name,
    FAIRLEAD_SYNC_FAULTS(X)
#undef X
});
inline constexpr auto kSyncFaultSentences = std::to_array<std::string_view>({
#define X(enumerator, name, sentence) sentence,
    FAIRLEAD_SYNC_FAULTS(X)
#undef X
});
inline constexpr size_t kSyncFaultCount = kSyncFaultNames.size();

}  // namespace fairlead::dataplane
