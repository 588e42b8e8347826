// Fresh tensors in a wanted order of elements.
#pragma once
#include "ops/op_types.h"

namespace flambeau {

// Uninitialised, in the shape of `self`; Preserve keeps the layout of a dense tensor.
Tensor empty_in_format(const Tensor& self, DType dtype, Device device, MemoryFormat format);
Dims strides_in_format(const Dims& sizes, MemoryFormat format, const char* op);

}  // namespace flambeau
