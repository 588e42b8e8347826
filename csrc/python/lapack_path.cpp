// Where the LAPACK library lies is Python's to know.
#include "cpu/lapack.h"
#include "python/module.h"

namespace flambeau::python {

void init_lapack() {
  lapack_path = [] {
    PyRef module(check_py(PyImport_ImportModule("flambeau._lapack")));
    PyRef path(check_py(PyObject_CallMethod(module.get(), "library_path", nullptr)));
    const char* text = PyUnicode_AsUTF8(path.get());
    if (!text) throw_python_error();
    return std::string(text);
  };
}

}  // namespace flambeau::python
