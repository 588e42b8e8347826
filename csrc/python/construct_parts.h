// The functions behind the tables of construct.h, one group per file.
#pragma once
#include "python/construct.h"

namespace flambeau::python {

#define FB_FAST PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames
// construct.cpp
PyObject* function_tensor(FB_FAST);
PyObject* function_as_tensor(FB_FAST);
PyObject* function_asarray(FB_FAST);
// numpy_interop.cpp
PyObject* function_from_numpy(PyObject* self, PyObject* array);
PyObject* function_frombuffer(FB_FAST);
PyObject* method_numpy(FB_FAST);
PyObject* method_array(FB_FAST);
Tensor tensor_from_buffer(PyObject* buffer, DType dtype, int64_t count, int64_t offset,
                          const char* op);
// dlpack.cpp
PyObject* function_from_dlpack(FB_FAST);
PyObject* method_dlpack(FB_FAST);
PyObject* method_dlpack_device(PyObject* self, PyObject* unused);
bool is_dlpack(PyObject* o);  // a capsule not yet used, or an object with __dlpack__
Tensor tensor_from_dlpack(PyObject* o, const char* op);
// scalars.cpp
PyObject* method_tolist(PyObject* self, PyObject* unused);
PyObject* method_complex(PyObject* self, PyObject* unused);

// Turns requires_grad on for a new leaf. RuntimeError for integers.
void require_grad(const Tensor& t, const char* op);

}  // namespace flambeau::python
