// The factors of dropout: zeros, and 1 / (1 - p) for what stays, drawn as dropout() draws them.
#pragma once
#include "ops/op_types.h"

namespace flambeau {

Tensor dropout_mask(const Tensor& like, double p);
// Fills a dense tensor.
void draw_dropout_mask(const Tensor& mask, double p);

}  // namespace flambeau
