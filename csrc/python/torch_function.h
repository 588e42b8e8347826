// __torch_function__: tensor subclasses and tensor-like objects that answer for operators.
#pragma once
#include "python/arg_parser.h"

namespace flambeau::python {

bool is_generator(PyObject* o);

// Everything that is not a plain tensor, number, string or container is looked at.
bool overrides(PyTypeObject* type);
inline bool may_override(PyObject* o) {
  PyTypeObject* type = Py_TYPE(o);
  if (type == tensor_type || type == parameter_type || PyLong_CheckExact(o) ||
      PyFloat_CheckExact(o) || PyBool_Check(o) || o == Py_None) {
    return false;
  }
  if (PyTuple_Check(o) || PyList_Check(o)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyTypeObject* inner = Py_TYPE(PySequence_Fast_GET_ITEM(o, i));
      if (inner != tensor_type && inner != parameter_type &&
          !PyType_FastSubclass(inner, Py_TPFLAGS_LONG_SUBCLASS) && overrides(inner)) {
        return true;
      }
    }
    return false;
  }
  return overrides(type);
}
// A new reference to the answer, or null when no argument wants to answer. Raises what they raise.
PyObject* call_torch_function(Overloads& o, PyObject* const* args, Py_ssize_t nargs,
                              PyObject* kwnames);
PyMethodDef* torch_function_functions();  // _disabled_torch_function and friends

}  // namespace flambeau::python
