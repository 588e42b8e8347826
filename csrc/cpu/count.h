// How often integers of a small range occur.
#pragma once
#include "core/tensor.h"

namespace flambeau {

struct IntRange {
  int64_t low = 0, high = -1;  // of no elements
  // How many numbers it has; INT64_MAX where that is more than there are int64.
  int64_t size() const;
};
// Of a contiguous tensor of integers or bool.
IntRange range_of_integers(const Tensor& t);

// counts[v - low] = how often v occurs; int64, contiguous, range.size() elements.
void count_integers(const Tensor& t, const IntRange& range, const Tensor& counts);

}  // namespace flambeau
