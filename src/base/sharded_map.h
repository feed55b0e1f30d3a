// A hash map whose copies share what has not been changed since.
//
//   ShardedMap<ServiceKey, ServiceId, KeyHash> next = snapshot.service_index;   // 256 references
//   next[{address, port, 6}] = id;                                              // copies one shard
//   if (const auto it = next.find(key); it != next.end()) …it->second…
//
// Looks like std::unordered_map as far as it goes; the element order is none. A look-up is one hop
// more. Threads: a value; shards that several maps share are never written, so a map that has been
// published may be read by all while its successor is made. Invariant: a shard that exists is not
// empty.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <unordered_map>
#include <utility>

namespace fairlead {

template <typename Key, typename Value, typename Hash = std::hash<Key>>
class ShardedMap {
  using Shard = std::unordered_map<Key, Value, Hash>;
  static constexpr size_t kShards = 256;
  using Shards = std::array<std::shared_ptr<const Shard>, kShards>;

 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = typename Shard::value_type;

  class const_iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = ShardedMap::value_type;
    using difference_type = ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return *inner_; }
    pointer operator->() const { return &*inner_; }
    const_iterator& operator++() {
      if (++inner_ == (*shards_)[shard_]->end()) *this = FirstFrom(shards_, shard_ + 1);
      return *this;
    }
    const_iterator operator++(int) {
      return std::exchange(*this, [this] {
        const_iterator next = *this;
        return ++next;
      }());
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.shard_ == b.shard_ && (a.shard_ == kShards || a.inner_ == b.inner_);
    }

   private:
    friend class ShardedMap;
    static const_iterator FirstFrom(const Shards* shards, size_t shard) {
      const_iterator it;
      it.shards_ = shards;
      while (shard < kShards && (*shards)[shard] == nullptr) ++shard;
      it.shard_ = shard;
      if (shard < kShards) it.inner_ = (*shards)[shard]->begin();
      return it;
    }

    const Shards* shards_ = nullptr;
    size_t shard_ = kShards;
    typename Shard::const_iterator inner_{};
  };
  using iterator = const_iterator;

  [[nodiscard]] size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const_iterator begin() const { return const_iterator::FirstFrom(&shards_, 0); }
  [[nodiscard]] const_iterator end() const noexcept { return {}; }

  [[nodiscard]] const_iterator find(const Key& key) const noexcept {
    const_iterator it;
    const size_t shard = ShardOf(key);
    const Shard* const there = shards_[shard].get();
    if (there == nullptr) return it;
    it.inner_ = there->find(key);
    if (it.inner_ == there->end()) return it;
    it.shards_ = &shards_;
    it.shard_ = shard;
    return it;
  }
  [[nodiscard]] bool contains(const Key& key) const noexcept {
    const Shard* const there = shards_[ShardOf(key)].get();
    return there != nullptr && there->contains(key);
  }
  [[nodiscard]] const Value& at(const Key& key) const {
    const auto it = find(key);
    if (it == end()) throw std::out_of_range("ShardedMap::at");
    return it->second;
  }

  // Good until the map is copied or changed.
  Value& operator[](const Key& key) {
    const auto [it, is_new] = Writable(ShardOf(key)).try_emplace(key);
    size_ += is_new ? 1 : 0;
    return it->second;
  }
  // False when the key is there already, which changes nothing.
  bool try_emplace(const Key& key, Value value) {
    if (contains(key)) return false;
    Writable(ShardOf(key)).emplace(key, std::move(value));
    ++size_;
    return true;
  }
  size_t erase(const Key& key) {
    if (!contains(key)) return 0;
    const size_t shard = ShardOf(key);
    --size_;
    if (shards_[shard]->size() == 1) {
      shards_[shard] = nullptr;
    } else {
      Writable(shard).erase(key);
    }
    return 1;
  }
  void clear() { *this = {}; }

 private:
  // The high bits of a product: the tables inside a shard use the low ones.
  static size_t ShardOf(const Key& key) noexcept {
    return static_cast<size_t>((Hash{}(key)*uint64_t{0x9e3779b97f4a7c15}) >> 56);
  }
  Shard& Writable(size_t index) {
    std::shared_ptr<const Shard>& shard = shards_[index];
    if (shard == nullptr) {
      shard = std::make_shared<Shard>();
    } else if (shard.use_count() != 1) {
      shard = std::make_shared<Shard>(*shard);
    }
    return const_cast<Shard&>(*shard);  // made by make_shared<Shard>, above
  }

  Shards shards_{};
  size_t size_ = 0;
};

}  // namespace fairlead
