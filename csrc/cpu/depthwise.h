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

// The same for dense channels-last images and groups of one output channel.
template <class T>
void depthwise_last_forward(const ConvGeometry& g, const T* x, const T* weight, const T* bias,
                            T* y);
template <class T>
void depthwise_last_adjoint(const ConvGeometry& g, const T* y, const T* weight, const T* bias,
                            T* x);
template <class T>
void depthwise_last_weight_grad(const ConvGeometry& g, const T* y, const T* x, T* weight);

}  // namespace flambeau
