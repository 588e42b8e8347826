// The transforms of Winograd's minimal filtering F(4x4, 3x3), vectors along the channels.
//   V = B^T d B, U = G w G^T, y = A^T (sum over channels of U V) A
// (A. Lavin and S. Gray, Fast algorithms for convolutional neural networks, CVPR 2016). Everything
// but y and d is 6x6; element number e of 36 of what is transformed lies e * step further on.
#pragma once
#include <cstdint>

#include "cpu/dispatch.h"

namespace flambeau {

// input:       v[e * step + c] from 36 pixels of n channels. Writes whole vectors.
// output:      16 pixels of n channels, bias (or null) added; a null pixel is left out.
// gradient:    A dy A^T from the 16 pixels of the gradient of y. Writes whole vectors.
// weight:      U of n kernels, lane i at w + i * lane; tap t of 9 at w[t], or w[8 - t] if turned.
// 16
//              lanes are written, zeros in those behind n.
// weight_gradient: w[c * 9 + t] = G^T m G of n channels.
FB_KERNEL(void, winograd_input, (const float* const* pixel, int64_t n, float* v, int64_t step));
FB_KERNEL(void, winograd_output,
          (const float* m, int64_t step, int64_t n, const float* bias, float* const* pixel));
FB_KERNEL(void, winograd_gradient, (const float* const* pixel, int64_t n, float* p, int64_t step));
FB_KERNEL(void, winograd_weight,
          (const float* w, int64_t lane, bool turned, int64_t n, float* u, int64_t step));
FB_KERNEL(void, winograd_weight_gradient, (const float* m, int64_t step, int64_t n, float* w));

}  // namespace flambeau
