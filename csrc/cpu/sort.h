// Ordering rows of numbers: sorted positions, the k first, one of given rank. NaN counts as larger
// than every number; equal elements keep their order, so results never depend on threads.
#pragma once
#include "core/tensor.h"

namespace flambeau {

// `in` is contiguous, its rows are the last dimension; so are the results. Complex types are not
// ordered: the caller refuses them.

// positions (int64, like `in`): where the elements of each sorted row come from.
void sort_rows(const Tensor& in, bool descending, const Tensor& positions);
// positions (int64, rows of k): the k smallest, or largest, of each row, in order.
void top_rows(const Tensor& in, int64_t k, bool largest, const Tensor& positions);
// positions (int64, one per row): the element of rank k (0 is the smallest). With k < 0 the lower
// median, which is the first NaN where there is one unless `skip_nan`: then NaNs are left out, and
// rows of nothing but NaN give their first element.
void rank_rows(const Tensor& in, int64_t k, bool skip_nan, const Tensor& positions);
// positions (int64, one per row): the last occurrence of the most frequent value, the smallest of
// several.
void mode_rows(const Tensor& in, const Tensor& positions);

}  // namespace flambeau
