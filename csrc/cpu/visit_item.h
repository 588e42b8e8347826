// Moves need only the size of an element.
#pragma once
#include <cstdint>

namespace flambeau {

struct Item16 { int64_t part[2]; };

// Calls f.operator()<T>() with a type of `item` bytes: 1, 2, 4, 8 or 16.
template <class F>
decltype(auto) visit_item(int64_t item, F&& f) {
  switch (item) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    case 8: return f.template operator()<uint64_t>();
    default: return f.template operator()<Item16>();
  }
}

}  // namespace flambeau
