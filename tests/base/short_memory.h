// Memory that runs out when a test says so: replaces operator new of the whole program, so exactly
// one source file of a test program includes it.
//
//   g_allocations_left = 3;        // the fourth allocation of this thread throws bad_alloc
//   …
//   g_allocations_left = -1;       // as many as are wanted
//   EXPECT_EQ(g_allocations_alive, before) << "something has leaked";
//
// Threads: each has its own g_allocations_left; g_allocations_alive is of all.
#pragma once

#include <atomic>
#include <cstdlib>
#include <new>

namespace fairlead {

inline thread_local long g_allocations_left = -1;
inline std::atomic<long> g_allocations_alive = 0;

inline void* AllocateOrNull(size_t size) noexcept {
  if (g_allocations_left == 0) return nullptr;
  if (g_allocations_left > 0) --g_allocations_left;
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory != nullptr) ++g_allocations_alive;
  return memory;
}

inline void* AllocateOrThrow(size_t size) {
  void* memory = AllocateOrNull(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

inline void Free(void* memory) noexcept {
  if (memory != nullptr) --g_allocations_alive;
  std::free(memory);
}

}  // namespace fairlead

void* operator new(size_t size) { return fairlead::AllocateOrThrow(size); }
void* operator new[](size_t size) { return fairlead::AllocateOrThrow(size); }
// Those that do not throw go the same way, or AddressSanitizer's would meet the delete of here.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return fairlead::AllocateOrNull(size);
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return fairlead::AllocateOrNull(size);
}
void operator delete(void* memory) noexcept { fairlead::Free(memory); }
void operator delete[](void* memory) noexcept { fairlead::Free(memory); }
void operator delete(void* memory, size_t) noexcept { fairlead::Free(memory); }
void operator delete[](void* memory, size_t) noexcept { fairlead::Free(memory); }
