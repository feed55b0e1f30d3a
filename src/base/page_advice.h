// Whether records in a directory can lie on huge pages, and what to do when they cannot.
//
//   const auto remedy = HugePageRemedy("/dev/shm/fairlead-edge-1", ReadText("/proc/self/mounts"),
//                                      ReadText(kShmemEnabled));
//   if (remedy) LogWarning("…", {{"remedy", *remedy}});   // mount -o remount,huge=advise /dev/shm
//
// Threads: pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fairlead {

inline constexpr char kShmemEnabled[] = "/sys/kernel/mm/transparent_hugepage/shmem_enabled";

// `mounts`: as in /proc/self/mounts. `shmem_enabled`: "always within_size advise [never] deny
// force"; empty without such a file. Nothing: huge pages are possible, or nobody knows the file
// system.
std::optional<std::string> HugePageRemedy(std::string_view directory, std::string mounts,
                                          std::string_view shmem_enabled);

}  // namespace fairlead
