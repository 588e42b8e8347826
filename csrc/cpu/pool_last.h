// Pooling of images whose pixels are rows of channels: what pool.h declares, for that layout.
#pragma once
#include "cpu/pool.h"

namespace flambeau {

template <class T>
void pool_last_max(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y);
template <class T>
void pool_last_indices(const PoolGeometry& g, const ConvImage<const T>& x, const ConvImage<T>& y,
                       const ConvImage<int64_t>& indices);
template <class T>
void pool_last_taps(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& x,
                    const ConvImage<T>& y, const ConvImage<uint8_t>& taps);
template <class T>
bool pool_last_spread(const PoolGeometry& g, const PoolKernel& k, const ConvImage<const T>& grad,
                      const ConvImage<const uint8_t>& taps, const ConvImage<T>& x_grad);
template <class T>
void pool_last_mean(const PoolGeometry& g, const PoolDivisor& divisor, const ConvImage<const T>& x,
                    const ConvImage<T>& y);
template <class T>
void pool_last_mean_grad(const PoolGeometry& g, const PoolDivisor& divisor,
                         const ConvImage<const T>& grad, const ConvImage<T>& x_grad);

}  // namespace flambeau
