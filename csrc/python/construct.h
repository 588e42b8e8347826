// Making tensors from Python data and giving them back; tensor_type.cpp and module.cpp hook these
// in.
#pragma once
#include "python/py.h"

namespace flambeau::python {

// torch.tensor(): a new tensor from a number, nested sequences, NumPy data or a tensor. The dtype
// is found from the data when `dtype_or_none` is null or None. Ragged nesting raises ValueError.
Tensor tensor_from_data(PyObject* data, PyObject* dtype_or_none, Device device,
                        const char* op = "tensor");

extern PyMethodDef
    construct_functions[];  // tensor as_tensor asarray from_numpy frombuffer from_dlpack
extern PyMethodDef construct_methods[];  // of Tensor: numpy tolist item __array__ __dlpack__ ...

// For the number slots of the Tensor type (nb_float, nb_int, nb_index, nb_bool).
PyObject* tensor_float(PyObject* self);
PyObject* tensor_int(PyObject* self);
PyObject* tensor_index(PyObject* self);
int tensor_bool(PyObject* self);

// item(): the single element as a Python number. RuntimeError for other sizes and on meta.
PyObject* tensor_item(PyObject* self, PyObject* unused = nullptr);

}  // namespace flambeau::python
