// Convolution of integers and complex numbers, sum by sum: rare types, for which exactness counts
// more than speed.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// For T = int64_t (wraps around) and std::complex<double>; meanings as in conv.h.
template <class T>
void conv_forward_plain(const ConvGeometry& g, const ConvImage<const T>& x, const T* weight,
                        const T* bias, const ConvImage<T>& y);
template <class T>
void conv_adjoint_plain(const ConvGeometry& g, const ConvImage<const T>& y, const T* weight,
                        const T* bias, const ConvImage<T>& x);
template <class T>
void conv_weight_grad_plain(const ConvGeometry& g, const ConvImage<const T>& y,
                            const ConvImage<const T>& x, T* weight);

}  // namespace flambeau
