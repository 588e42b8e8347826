#include "cpu/kernels/rearrange.h"

#include "cpu/vec.h"

namespace flambeau::FB_ISA {

namespace {

using Bytes = Vec<int8_t>;
constexpr int64_t kBytes = Bytes::lanes;

inline void move(char* to, const char* from) {
  store(reinterpret_cast<int8_t*>(to), load(reinterpret_cast<const int8_t*>(from)));
}

struct Wide { uint64_t parts[2]; };

template <class T>
void reverse(char* to_bytes, const char* from_bytes, int64_t n) {
  // Plain loads and stores of elements at any address; the compiler turns whole vectors around.
  struct [[gnu::packed, gnu::may_alias]] Item { T value; };
  auto* to = reinterpret_cast<Item*>(to_bytes);
  const auto* from = reinterpret_cast<const Item*>(from_bytes) + n - 1;
  for (int64_t i = 0; i < n; ++i) to[i].value = from[-i].value;
}

template <class T>
T item_at(const char* from) {
  T value;
  __builtin_memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
void repeat_plain(char* to, const char* from, int64_t n) {
  const T value = item_at<T>(from);
  for (int64_t i = 0; i < n; ++i) __builtin_memcpy(to + i * int64_t{sizeof(T)}, &value, sizeof(T));
}

template <class T>
void repeat(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
            int64_t rows) {
  const int64_t bytes = n * int64_t{sizeof(T)};
  int64_t r = 0;
  if (bytes >= kBytes) {
    for (; r < rows; ++r, to += to_stride, from += from_stride) {
      const Vec<T> copies(item_at<T>(from));
      for (int64_t i = 0; i + kBytes <= bytes; i += kBytes)
        store(reinterpret_cast<T*>(to + i), copies);
      if (bytes % kBytes != 0) store(reinterpret_cast<T*>(to + bytes - kBytes), copies);
    }
  } else if (to_stride == bytes) {
    // A vector reaches into the rows behind, which come later.
    for (; (rows - r) * bytes >= kBytes; ++r, to += to_stride, from += from_stride)
      store(reinterpret_cast<T*>(to), Vec<T>(item_at<T>(from)));
  }
  for (; r < rows; ++r, to += to_stride, from += from_stride) repeat_plain<T>(to, from, n);
}

}  // namespace

void repeat_items(char* to, int64_t to_stride, const char* from, int64_t from_stride, int64_t n,
                  int64_t rows, int item) {
  switch (item) {
    case 1: return repeat<int8_t>(to, to_stride, from, from_stride, n, rows);
    case 2: return repeat<int16_t>(to, to_stride, from, from_stride, n, rows);
    case 4: return repeat<int32_t>(to, to_stride, from, from_stride, n, rows);
    case 8: return repeat<int64_t>(to, to_stride, from, from_stride, n, rows);
    default:
      for (int64_t r = 0; r < rows; ++r)
        repeat_plain<Wide>(to + r * to_stride, from + r * from_stride, n);
  }
}

void copy_row(char* to, const char* from, int64_t n) {
  if (n < kBytes) {
    __builtin_memcpy(to, from, static_cast<uint64_t>(n));
    return;
  }
  // A load just behind an earlier store, page offsets alone counted, waits for it: such rows are
  // copied from their end.
  const uint64_t ahead =
      (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from)) & 4095;
  if (ahead < 1024) {
    int64_t i = n;
    for (; i >= 4 * kBytes; i -= 4 * kBytes) {
      const Bytes a = load(reinterpret_cast<const int8_t*>(from) + i - kBytes);
      const Bytes b = load(reinterpret_cast<const int8_t*>(from) + i - 2 * kBytes);
      const Bytes c = load(reinterpret_cast<const int8_t*>(from) + i - 3 * kBytes);
      const Bytes d = load(reinterpret_cast<const int8_t*>(from) + i - 4 * kBytes);
      store(reinterpret_cast<int8_t*>(to) + i - kBytes, a);
      store(reinterpret_cast<int8_t*>(to) + i - 2 * kBytes, b);
      store(reinterpret_cast<int8_t*>(to) + i - 3 * kBytes, c);
      store(reinterpret_cast<int8_t*>(to) + i - 4 * kBytes, d);
    }
    for (; i >= kBytes; i -= kBytes) move(to + i - kBytes, from + i - kBytes);
    if (i) move(to, from);
    return;
  }
  int64_t i = 0;
  for (; i + 4 * kBytes <= n; i += 4 * kBytes) {
    const Bytes a = load(reinterpret_cast<const int8_t*>(from) + i);
    const Bytes b = load(reinterpret_cast<const int8_t*>(from) + i + kBytes);
    const Bytes c = load(reinterpret_cast<const int8_t*>(from) + i + 2 * kBytes);
    const Bytes d = load(reinterpret_cast<const int8_t*>(from) + i + 3 * kBytes);
    store(reinterpret_cast<int8_t*>(to) + i, a);
    store(reinterpret_cast<int8_t*>(to) + i + kBytes, b);
    store(reinterpret_cast<int8_t*>(to) + i + 2 * kBytes, c);
    store(reinterpret_cast<int8_t*>(to) + i + 3 * kBytes, d);
  }
  for (; i + kBytes <= n; i += kBytes) move(to + i, from + i);
  if (i < n) move(to + n - kBytes, from + n - kBytes);
}

void reverse_row(char* to, const char* from, int64_t n, int item) {
  switch (item) {
    case 1: return reverse<uint8_t>(to, from, n);
    case 2: return reverse<uint16_t>(to, from, n);
    case 4: return reverse<uint32_t>(to, from, n);
    case 8: return reverse<uint64_t>(to, from, n);
    default: return reverse<Wide>(to, from, n);
  }
}

}  // namespace flambeau::FB_ISA
