// 3x3 convolutions of stride 1 by Winograd's minimal filtering: 36 multiplications for 16 pixels of
// the output, where sums over the taps need 144. Rounding errors are some ten times theirs,
// about 1e-5 of the largest value. An infinity or NaN spreads over its tile of 4x4 pixels.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// Whether the functions below can do it and are faster than packing from the image.
bool conv_suits_winograd(const ConvGeometry& g);

// Meanings as in conv.h; both layouts.
void winograd_forward(const ConvGeometry& g, const ConvImage<const float>& x, const float* weight,
                      const float* bias, const ConvImage<float>& y);
void winograd_adjoint(const ConvGeometry& g, const ConvImage<const float>& y, const float* weight,
                      const float* bias, const ConvImage<float>& x);
void winograd_weight_grad(const ConvGeometry& g, const ConvImage<const float>& y,
                          const ConvImage<const float>& x, float* weight);

}  // namespace flambeau
