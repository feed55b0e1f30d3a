// Lists whose copies share what they hold, so that a copy costs little and comparing what has not
// been touched costs a pointer.
//
//   SharedList<ServiceConfig> services = running.services;   // one reference an item
//   services.Edit(3).scheduler = SchedulerKind::kMh;         // copies item 3, and only that
//   services == running.services;                            // looks into item 3, and only that
//
// A SharedList shares item by item, a SharedVector the whole. Reading looks as with std::vector; to
// change an item is spelled out, since it may copy. Threads: a value; items that several lists
// share are never written. Invariant: no item is null.
#pragma once

#include <algorithm>
#include <compare>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace fairlead {

template <typename T>
class SharedList {
 public:
  using Item = std::shared_ptr<const T>;
  using value_type = T;

  class Iterator {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = T;
    using difference_type = ptrdiff_t;
    using pointer = const T*;
    using reference = const T&;

    Iterator() = default;
    explicit Iterator(const Item* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return at_->get(); }
    reference operator[](difference_type n) const { return *at_[n]; }
    Iterator& operator++() { return *this += 1; }
    Iterator& operator--() { return *this += -1; }
    Iterator operator++(int) { return std::exchange(*this, *this + 1); }
    Iterator operator--(int) { return std::exchange(*this, *this - 1); }
    Iterator& operator+=(difference_type n) {
      at_ += n;
      return *this;
    }
    Iterator& operator-=(difference_type n) { return *this += -n; }
    friend Iterator operator+(Iterator i, difference_type n) { return i += n; }
    friend Iterator operator+(difference_type n, Iterator i) { return i += n; }
    friend Iterator operator-(Iterator i, difference_type n) { return i += -n; }
    friend difference_type operator-(const Iterator& a, const Iterator& b) { return a.at_ - b.at_; }
    friend auto operator<=>(const Iterator&, const Iterator&) = default;

   private:
    const Item* at_ = nullptr;
  };
  using const_iterator = Iterator;
  using iterator = Iterator;

  SharedList() = default;
  SharedList(std::initializer_list<T> items) {
    for (const T& item : items) push_back(item);
  }

  [[nodiscard]] size_t size() const { return items_.size(); }
  [[nodiscard]] bool empty() const { return items_.empty(); }
  const T& operator[](size_t i) const { return *items_[i]; }
  [[nodiscard]] const T& at(size_t i) const { return *items_.at(i); }
  [[nodiscard]] const T& back() const { return *items_.back(); }
  [[nodiscard]] Iterator begin() const { return Iterator(items_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(items_.data() + items_.size()); }
  // Equal pointers are equal items.
  [[nodiscard]] const Item& item(size_t i) const { return items_[i]; }

  void reserve(size_t n) { items_.reserve(n); }
  void clear() { items_.clear(); }
  void push_back(T item) { items_.push_back(std::make_shared<T>(std::move(item))); }
  void push_back(Item item) { items_.push_back(std::move(item)); }
  // The item to change, copied first when another list has it too. Good until the list is copied.
  T& Edit(size_t i) {
    if (items_[i].use_count() != 1) items_[i] = std::make_shared<T>(*items_[i]);
    return const_cast<T&>(*items_[i]);  // made by make_shared<T>, above or in push_back
  }
  void Set(size_t i, Item item) { items_[i] = std::move(item); }
  void Remove(size_t i) { items_.erase(items_.begin() + static_cast<ptrdiff_t>(i)); }
  // Item i of the result is item order[i] of this one. Precondition: indices, each once.
  [[nodiscard]] SharedList Reordered(const std::vector<size_t>& order) const {
    SharedList list;
    for (const size_t i : order) list.items_.push_back(items_[i]);
    return list;
  }

  // Whether both have the very same items, without a look into them.
  [[nodiscard]] bool is_copy_of(const SharedList& other) const { return items_ == other.items_; }
  friend bool operator==(const SharedList& a, const SharedList& b) {
    return std::ranges::equal(a.items_, b.items_,
                              [](const Item& x, const Item& y) { return x == y || *x == *y; });
  }

 private:
  std::vector<Item> items_;
};

// An immutable vector. Empty ones take no memory.
template <typename T>
class SharedVector {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  SharedVector() = default;
  SharedVector(std::vector<T> items)  // NOLINT(google-explicit-constructor): a vector is one
      : items_(items.empty() ? nullptr : std::make_shared<const std::vector<T>>(std::move(items))) {
  }
  SharedVector(std::initializer_list<T> items) : SharedVector(std::vector<T>(items)) {}

  [[nodiscard]] const std::vector<T>& vector() const {
    static const std::vector<T> kNone;
    return items_ == nullptr ? kNone : *items_;
  }
  [[nodiscard]] size_t size() const { return vector().size(); }
  [[nodiscard]] bool empty() const { return items_ == nullptr; }
  const T& operator[](size_t i) const { return (*items_)[i]; }
  [[nodiscard]] const_iterator begin() const { return vector().begin(); }
  [[nodiscard]] const_iterator end() const { return vector().end(); }

  friend bool operator==(const SharedVector& a, const SharedVector& b) {
    return a.items_ == b.items_ || a.vector() == b.vector();
  }

 private:
  std::shared_ptr<const std::vector<T>> items_;
};

}  // namespace fairlead
