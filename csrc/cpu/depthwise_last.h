// Convolutions of channels-last images whose groups have one channel on both sides: a pixel is a
// row of channels.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// Meanings as in conv.h; images are dense.
template <class T>
void depthwise_last_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias,
                            T* y);
template <class T>
void depthwise_last_adjoint(const ConvGeometry& g, const T* y, const T* weight, const T* bias,
                            T* x);
template <class T>
void depthwise_last_weight_grad(const ConvGeometry& g, const T* y, const T* x, T* weight);

}  // namespace flambeau
