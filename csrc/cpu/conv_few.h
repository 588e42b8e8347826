// Convolutions that read few input channels, as the first one of a network does: a panel of the
// blocked product would be mostly empty, or packed from crumbs.
#pragma once
#include "cpu/conv.h"

namespace flambeau {

// Whether the three maps below are meant for it.
bool conv_reads_few_channels(const ConvGeometry& g);
// Whether they are meant for its mirror image: a map of stride 1 is the adjoint of a map from its
// output to its input, whose weight has the taps in reverse.
bool conv_makes_few_channels(const ConvGeometry& g);
ConvGeometry conv_mirrored(const ConvGeometry& g);
// weight (o, c, t) of g to the weight (c, o, t) of the mirror image.
template <class T>
void conv_mirror_weight(const ConvGeometry& g, const T* weight, T* to);

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
