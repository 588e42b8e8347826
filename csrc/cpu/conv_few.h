// Convolutions that read few input channels, as the first one of a network does: a panel of the
// blocked product would be mostly empty, or packed from crumbs.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// Whether the functions below are meant for it.
bool conv_has_few_channels(const ConvGeometry& g);

// Meanings as in conv.h; both layouts. T = float, double.
template <class T>
void conv_few_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                      const T* bias, const ConvImage<T>& y);
template <class T>
void conv_few_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                      const T* bias, const ConvImage<T>& x);
template <class T>
void conv_few_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                          const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
