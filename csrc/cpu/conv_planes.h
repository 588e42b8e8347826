// Convolutions whose groups have few channels: every output channel reads few planes, which stand
// in scratch memory while they are read.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// Whether the functions below are meant for it.
bool conv_has_small_groups(const ConvGeometry& g);
// The same for one group.
bool conv_is_small_group(const ConvGeometry& g);

// Meanings as in conv.h; the first two for images with their channels first. T = float, double.
template <class T>
void conv_planes_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                         const T* bias, const ConvImage<T>& y);
template <class T>
void conv_planes_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                         const T* bias, const ConvImage<T>& x);
template <class T>
void conv_planes_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                             const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
