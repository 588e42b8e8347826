// Arguments of functions written by hand: fixed parameter names, some positional, some by name
// only.
#pragma once
#include "python/py.h"

namespace flambeau::python {

template <int N>
struct FixedSignature {
  const char* function;
  const char* names[N];
  int positional;  // how many may be given by position
  int required;    // how many of the first must be given
  PyObject* interned[N] = {};

  // Fills `out` with borrowed references, null where an argument is absent. Raises TypeError.
  void parse(PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames, PyObject* (&out)[N]) {
    FB_CHECK_TYPE(nargs <= positional, function, "() takes ", positional, " positional argument",
                  positional == 1 ? "" : "s", " but ", nargs,
                  nargs == 1 ? " was given" : " were given");
    for (int i = 0; i < N; ++i) out[i] = i < nargs ? args[i] : nullptr;
    const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t k = 0; k < keywords; ++k) {
      PyObject* key = PyTuple_GET_ITEM(kwnames, k);
      const int i = find(key);
      if (i < 0) {
        PyErr_Format(PyExc_TypeError, "%s() got an unexpected keyword argument '%U'", function,
                     key);
        throw_python_error();
      }
      FB_CHECK_TYPE(!out[i], function, "() got multiple values for argument '", names[i], "'");
      out[i] = args[nargs + k];
    }
    for (int i = 0; i < required; ++i) {
      FB_CHECK_TYPE(out[i], function, "() missing 1 required positional arguments: \"", names[i],
                    "\"");
    }
  }

 private:
  int find(PyObject* key) {
    for (int i = 0; i < N; ++i) {
      if (!interned[i]) interned[i] = check_py(PyUnicode_InternFromString(names[i]));
      if (interned[i] == key) return i;
    }
    for (int i = 0; i < N; ++i) {
      if (PyUnicode_CompareWithASCIIString(key, names[i]) == 0) return i;
    }
    return -1;
  }
};

inline bool given(PyObject* o) { return o && o != Py_None; }

inline bool to_flag(PyObject* o, const char* function, const char* name) {
  if (!o) return false;
  FB_CHECK_TYPE(PyBool_Check(o), function, "(): argument '", name, "' must be bool, not ",
                Py_TYPE(o)->tp_name);
  return o == Py_True;
}

inline DType dtype_argument(PyObject* o, const char* function) {
  FB_CHECK_TYPE(is_dtype(o), function, "(): argument 'dtype' must be torch.dtype, not ",
                Py_TYPE(o)->tp_name);
  return to_dtype(o);
}

template <class F>
PyCFunction as_method(F* f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

}  // namespace flambeau::python
