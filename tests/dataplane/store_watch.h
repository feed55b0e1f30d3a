// Looks at memory between any two stores to it: what a process that dies there leaves behind.
//
//   WatchStores(region, [&](const std::byte* at) { cuts.Keep(at); }, [&] { director.RandomTurn();
//   });
//
// `observe(at)` runs after each instruction of `work` that has stored into `region`, at `at` and
// behind it, however the compiler has ordered them. What is watched is the code as it is: there is
// no hook in it. Stores fault, since the region is read-only meanwhile; the instruction is then
// repeated alone, by the processor's trap flag (x86-64). Any other fault goes to whom it would have
// gone to, a sanitizer's report included. Threads: one, and one watch at a time. Precondition: the
// region is whole pages; `observe` may only do what a signal handler may, and reads the region.
#pragma once

#include <sys/mman.h>
#include <ucontext.h>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <span>

namespace fairlead::dataplane {

class StoreWatch {
 public:
  using Observe = std::function<void(const std::byte* at)>;

  StoreWatch(std::span<std::byte> region, Observe observe)
      : region_(region), observe_(std::move(observe)) {
    current_ = this;
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = OnFault;
    sigaction(SIGSEGV, &action, &before_segv_);
    action.sa_sigaction = OnStep;
    sigaction(SIGTRAP, &action, &before_trap_);
    Protect(PROT_READ);
  }
  ~StoreWatch() {
    Protect(PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &before_segv_, nullptr);
    sigaction(SIGTRAP, &before_trap_, nullptr);
    current_ = nullptr;
  }
  StoreWatch(const StoreWatch&) = delete;
  StoreWatch& operator=(const StoreWatch&) = delete;

 private:
  static constexpr greg_t kTrapFlag = 0x100;

  void Protect(int how) const {
    if (mprotect(region_.data(), region_.size(), how) != 0) std::abort();
  }
  static greg_t& Flags(void* context) {
    return static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL];
  }
  static void OnFault(int /*signal*/, siginfo_t* info, void* context) {
    const auto* at = static_cast<const std::byte*>(info->si_addr);
    StoreWatch& watch = *current_;
    const std::byte* begin = watch.region_.data();
    if (at < begin || at >= begin + watch.region_.size()) {
      sigaction(SIGSEGV, &watch.before_segv_, nullptr);  // a real one: it comes again
      return;
    }
    watch.at_ = at;
    watch.Protect(PROT_READ | PROT_WRITE);
    Flags(context) |= kTrapFlag;
  }
  static void OnStep(int /*signal*/, siginfo_t* /*info*/, void* context) {
    current_->Protect(PROT_READ);
    current_->observe_(current_->at_);
    Flags(context) &= ~kTrapFlag;
  }

  static inline StoreWatch* current_ = nullptr;
  std::span<std::byte> region_;
  Observe observe_;
  const std::byte* at_ = nullptr;
  struct sigaction before_segv_ = {}, before_trap_ = {};
};

template <typename Work>
void WatchStores(std::span<std::byte> region, StoreWatch::Observe observe, Work&& work) {
  const StoreWatch watch(region, std::move(observe));
  work();
}

}  // namespace fairlead::dataplane
