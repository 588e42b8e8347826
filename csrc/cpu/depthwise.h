// Convolutions whose groups have one input channel: every output channel reads one plane.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

template <class T>
void depthwise_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                       const T* bias, const ConvImage<T>& y);
template <class T>
void depthwise_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                       const T* bias, const ConvImage<T>& x);
template <class T>
void depthwise_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                           const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
