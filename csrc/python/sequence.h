// The shape, type and values of nested Python data.
#pragma once
#include "python/py.h"

namespace flambeau::python {

struct SequenceInfo {
  Dims sizes;
  DType dtype = DType::Float32;  // only when it was asked for
};

// Follows the first elements for the shape; finds the common type of all when `want_dtype`.
SequenceInfo inspect_data(PyObject* data, bool want_dtype, const char* op);
// Writes the values into packed memory of that shape. ValueError when the nesting is ragged.
void fill_from_data(PyObject* data, const Dims& sizes, DType dtype, char* out, const char* op);

}  // namespace flambeau::python
