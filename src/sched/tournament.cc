#include "sched/tournament.h"

#include <bit>
#include <new>

namespace fairlead::sched {

std::unique_ptr<Tournament> Tournament::Create(size_t reals) noexcept {
  if (reals == 0) return nullptr;
  std::unique_ptr<Tournament> t(new (std::nothrow) Tournament);
  if (t == nullptr) return nullptr;
  t->size_ = static_cast<uint32_t>(reals);
  t->width_ = std::bit_ceil(std::max(t->size_, 2u));
  // More touches than this between two picks, and reading all costs no more than playing each.
  t->touch_capacity_ = 64 + t->size_ / 8;
  t->keys_.reset(new (std::nothrow) Key[t->width_]);
  t->winners_.reset(new (std::nothrow) uint32_t[size_t{2} * t->width_]);
  t->touches_.reset(new (std::nothrow) uint32_t[t->touch_capacity_]);
  if (t->keys_ == nullptr || t->winners_ == nullptr || t->touches_ == nullptr) return nullptr;
  for (uint32_t i = 0; i < t->width_; ++i) t->winners_[t->width_ + i] = i;
  return t;
}

void Tournament::PlayAll() noexcept {
  for (uint32_t node = width_ - 1; node > 0; --node) {
    winners_[node] = Better(winners_[2 * node], winners_[2 * node + 1]);
  }
}

// A node that another real won and wins again tells the nodes above nothing new.
void Tournament::PlayUp(uint32_t position) noexcept {
  for (uint32_t node = (width_ + position) / 2; node > 0; node /= 2) {
    const uint32_t winner = Better(winners_[2 * node], winners_[2 * node + 1]);
    if (winner == winners_[node] && winner != position) return;
    winners_[node] = winner;
  }
}

}  // namespace fairlead::sched
