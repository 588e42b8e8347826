// Weighted sums of pixels at given positions, for T = float and double.
#pragma once
#include <cstdint>

namespace flambeau {

// Images (batch, channels, pixels), values (batch, channels, points); index and weight are (taps,
// batch, points). Positions are below `pixels`; negative ones stand for nothing.
struct SampleGeometry { int64_t batch, channels, pixels, points, taps; };

// values = sum over taps of weight * image[index].
template <class T>
void sample(const SampleGeometry& g, const T* image, const int32_t* index, const T* weight,
            T* values);
// image[index] += weight * values, from zero, tap after tap.
template <class T>
void sample_scatter(const SampleGeometry& g, const T* values, const int32_t* index, const T* weight,
                    T* image);
// weight = sum over channels of values * image[index].
template <class T>
void sample_dot(const SampleGeometry& g, const T* values, const T* image, const int32_t* index,
                T* weight);

}  // namespace flambeau
