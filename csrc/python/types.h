// Shared by the files that define the small value classes: dtype, device, Size, finfo and so on.
#pragma once
#include "python/py.h"

namespace flambeau::python {

// Finishes a zero-initialised static type whose slots have been filled in; adds it to `module`
// under the last part of its name.
void ready_type(PyTypeObject& type, PyObject* module);
// Adds a new or borrowed object to the module under a name.
void add_constant(PyObject* module, const char* name, PyObject* object);

void init_device_type(PyObject* module);
void init_size_type(PyObject* module);
void init_finfo_types(PyObject* module);

// Reads "cpu", "cuda:1" or an object, also devices that this build cannot use.
Device parse_device(PyObject* o);

inline PyObject* py_str(const std::string& s) {
  return check_py(PyUnicode_FromStringAndSize(s.data(), static_cast<Py_ssize_t>(s.size())));
}
inline std::string to_string(PyObject* unicode) {
  Py_ssize_t n;
  const char* s = PyUnicode_AsUTF8AndSize(unicode, &n);
  if (!s) throw_python_error();
  return std::string(s, static_cast<size_t>(n));
}

}  // namespace flambeau::python
