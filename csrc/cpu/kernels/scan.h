// Running sums and the like along lines of a block [outer][n][inner].
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

inline constexpr int64_t kScanTile = 128;  // lines side by side

enum class ScanOp : int { Sum, Prod, LogSumExp, Max, Min, Linear };
enum class ScanType : int { Float, Double, Int64, ComplexFloat, ComplexDouble };

// y along lines of n steps that are `inner` elements apart, for the first `width` lines of `outer`
// groups of `inner`.
// Linear: y[k] = a[k] y[k - 1] + x[k]. Max and Min also fill `index` with the last place of the
// extreme so far. `reverse` runs from the end. Sums of float are kept in double.
using ScanFn = void (*)(const void* x, const void* a, void* y, int64_t* index, int64_t outer,
                        int64_t n, int64_t inner, int64_t width, bool reverse);
FB_KERNEL(ScanFn, find_scan, (int op, int type));

}  // namespace flambeau
