// The function that a program would have got without this library.
//
//   return FAIRLEAD_NEXT(sendmsg)(fd, message, flags);
//
// Found by name at the first use and kept. Threads: any.
#pragma once

#include <dlfcn.h>
#include <errno.h>

#include <atomic>

namespace fairlead::preload {

inline void* NextSymbol(std::atomic<void*>* slot, const char* name) {
  void* found = slot->load(std::memory_order_acquire);
  if (found == nullptr) {
    found = dlsym(RTLD_NEXT, name);
    slot->store(found, std::memory_order_release);
  }
  return found;
}

// Puts errno back at the end of a scope: a call that succeeds leaves it alone.
class ErrnoKeeper {
 public:
  ErrnoKeeper() : kept_(errno) {}
  ~ErrnoKeeper() { errno = kept_; }
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;
  [[nodiscard]] int kept() const { return kept_; }

 private:
  const int kept_;
};

}  // namespace fairlead::preload

#define FAIRLEAD_NEXT(name)                                                                  \
  ([]() {                                                                                    \
    static std::atomic<void*> slot{nullptr};                                                 \
    return reinterpret_cast<decltype(&::name)>(fairlead::preload::NextSymbol(&slot, #name)); \
  }())

// Visible to the programs; everything else of the library is hidden.
#define FAIRLEAD_HOOK extern "C" __attribute__((visibility("default")))
