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

}  // namespace

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
