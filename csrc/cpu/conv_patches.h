// Convolutions whose windows lie side by side, as where a transformer cuts its image into patches:
// each patch is copied into a row of a matrix, and all three maps are products with it.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// False for narrow ones, whose copies cost more than what they save.
bool conv_has_patches(const ConvGeometry& g);

// Meanings as in conv.h. T = float, double.
template <class T>
void conv_patches_forward(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                          const T* bias, const ConvImage<T>& y);
template <class T>
void conv_patches_adjoint(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                          const T* bias, const ConvImage<T>& x);
template <class T>
void conv_patches_weight_grad(const ConvGeometry& g, const ConvImage<const T>& y,
                              const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
