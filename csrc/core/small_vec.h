// A vector with room for N elements inside itself: shapes and edges rarely need the heap.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

namespace flambeau {

template <class T, uint32_t N>
class SmallVec {
 public:
  SmallVec() = default;
  explicit SmallVec(size_t n) { resize(n); }
  SmallVec(size_t n, const T& value) { resize(n, value); }
  SmallVec(std::initializer_list<T> items) { append(items.begin(), items.end()); }
  template <class It>
    requires(!std::is_arithmetic_v<It>)
  SmallVec(It first, It last) {
    append(first, last);
  }
  SmallVec(const SmallVec& other) { append(other.begin(), other.end()); }
  SmallVec(SmallVec&& other) noexcept { steal(other); }
  SmallVec& operator=(const SmallVec& other) {
    if (this != &other) {
      clear();
      append(other.begin(), other.end());
    }
    return *this;
  }
  SmallVec& operator=(SmallVec&& other) noexcept {
    if (this != &other) {
      destroy();
      steal(other);
    }
    return *this;
  }
  ~SmallVec() { destroy(); }

  T* data() { return heap_ ? heap_ : inline_data(); }
  const T* data() const { return heap_ ? heap_ : inline_data(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }
  T& front() { return data()[0]; }
  const T& front() const { return data()[0]; }
  T& back() { return data()[size_ - 1]; }
  const T& back() const { return data()[size_ - 1]; }

  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  void push_back(T value) {
    if (size_ == capacity_) grow(size_ + 1);
    new (data() + size_) T(std::move(value));
    ++size_;
  }
  void pop_back() {
    --size_;
    data()[size_].~T();
  }
  void resize(size_t n, const T& value = T()) {
    reserve(n);
    while (size_ > n) pop_back();
    for (T* p = data(); size_ < n; ++size_) new (p + size_) T(value);
  }
  void clear() {
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (T& item : *this) item.~T();
    }
    size_ = 0;
  }
  template <class It>
  void append(It first, It last) {
    reserve(size_ + static_cast<size_t>(last - first));
    for (T* p = data(); first != last; ++first, ++size_) new (p + size_) T(*first);
  }
  void insert(size_t at, T value) {
    push_back(std::move(value));
    std::rotate(begin() + at, end() - 1, end());
  }
  void erase(size_t at) {
    std::rotate(begin() + at, begin() + at + 1, end());
    pop_back();
  }
  bool operator==(const SmallVec& other) const {
    return size_ == other.size_ && std::equal(begin(), end(), other.begin());
  }

 private:
  T* inline_data() { return std::launder(reinterpret_cast<T*>(room_)); }
  const T* inline_data() const { return std::launder(reinterpret_cast<const T*>(room_)); }

  void grow(size_t n) {
    const size_t capacity = std::max<size_t>(n, capacity_ * 2);
    T* fresh = static_cast<T*>(std::malloc(capacity * sizeof(T)));
    if (!fresh) throw std::bad_alloc();
    T* old = data();
    for (uint32_t i = 0; i < size_; ++i) {
      new (fresh + i) T(std::move(old[i]));
      old[i].~T();
    }
    std::free(heap_);
    heap_ = fresh;
    capacity_ = static_cast<uint32_t>(capacity);
  }
  void steal(SmallVec& other) noexcept {
    size_ = other.size_;
    heap_ = other.heap_;
    capacity_ = other.capacity_;
    if (!heap_) {
      T* from = other.inline_data();
      for (uint32_t i = 0; i < size_; ++i) {
        new (inline_data() + i) T(std::move(from[i]));
        from[i].~T();
      }
    }
    other.heap_ = nullptr;
    other.size_ = 0;
    other.capacity_ = N;
  }
  void destroy() {
    clear();
    std::free(heap_);
    heap_ = nullptr;
    capacity_ = N;
  }

  T* heap_ = nullptr;
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
  alignas(T) unsigned char room_[N * sizeof(T)];
};

// Sizes, strides and lists of dimensions.
using Dims = SmallVec<int64_t, 5>;

}  // namespace flambeau
