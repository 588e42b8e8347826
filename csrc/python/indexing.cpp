// x[index] and x[index] = value.
#include "python/arg_parser.h"
#include "python/tensor_type.h"

namespace flambeau::python {

PyObject* tensor_getitem(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_NotImplementedError, "indexing");
  return nullptr;
}
int tensor_setitem(PyObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_NotImplementedError, "indexing");
  return -1;
}

}  // namespace flambeau::python
