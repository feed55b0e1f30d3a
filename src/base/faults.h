// What becomes of an exception that a thread did not expect: it is said and counted, and the thread
// goes on with its next piece of work.
//
//   try {
//     io.run();
//   } catch (...) {
//     NoteFault(Thread::kApi);             // only inside a catch block
//   }
//   FaultCount(Thread::kApi)               // fairlead_faults_total{thread="api"}
//
// Each is a bug of ours, or memory or descriptors that ran out. Of many in a row one a second is
// said. Workers have no such barrier: their code throws nothing. Threads: any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace fairlead {

enum class Thread : uint8_t { kControl, kApi, kExceptionPath };
inline constexpr std::array<const char*, 3> kThreadNames{"control", "api", "exception_path"};

void NoteFault(Thread where) noexcept;
uint64_t FaultCount(Thread where) noexcept;

}  // namespace fairlead
