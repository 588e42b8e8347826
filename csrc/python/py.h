// What every file of the Python layer needs: owned references, error translation, class access.
#pragma once
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string>
#include <utility>

#include "core/check.h"
#include "core/memory_format.h"
#include "core/tensor.h"

namespace flambeau::python {

// An owned Python reference.
class PyRef {
 public:
  PyRef() = default;
  explicit PyRef(PyObject* owned) : p_(owned) {}
  static PyRef borrow(PyObject* p) {
    Py_XINCREF(p);
    return PyRef(p);
  }
  PyRef(const PyRef& o) : p_(o.p_) { Py_XINCREF(p_); }
  PyRef(PyRef&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  PyRef& operator=(PyRef o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~PyRef() { Py_XDECREF(p_); }
  PyObject* get() const { return p_; }
  PyObject* release() { return std::exchange(p_, nullptr); }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  PyObject* p_ = nullptr;
};

// Thrown in C++ when a Python exception is already set; guard() leaves that exception in place.
[[noreturn]] inline void throw_python_error() { throw Error(ErrorKind::Python, "python error"); }
// Turns a null result of a CPython call into that C++ exception.
inline PyObject* check_py(PyObject* p) {
  if (!p) [[unlikely]]
    throw_python_error();
  return p;
}
inline int check_py(int status) {
  if (status < 0) [[unlikely]]
    throw_python_error();
  return status;
}

// Sets the Python exception for the C++ exception in flight (call inside catch (...)).
void translate_exception() noexcept;

// Runs f and returns its result; C++ exceptions become Python ones and `failure` is returned.
template <class F>
auto guard(F&& f, decltype(f()) failure = {}) noexcept -> decltype(f()) {
  try {
    return f();
  } catch (...) {
    translate_exception();
    return failure;
  }
}

// The Python classes. Tensor and Node objects *are* TensorImpl and Node structures.
extern PyTypeObject* tensor_type;     // flambeau.Tensor
extern PyTypeObject* parameter_type;  // flambeau.nn.Parameter once registered, else null

inline bool is_exact_tensor(PyObject* o) {
  return Py_TYPE(o) == tensor_type || Py_TYPE(o) == parameter_type;
}
inline bool is_tensor(PyObject* o) {
  return is_exact_tensor(o) || PyType_IsSubtype(Py_TYPE(o), tensor_type);
}
inline TensorImpl* impl(PyObject* o) { return reinterpret_cast<TensorImpl*>(o); }
inline Tensor borrow_tensor(PyObject* o) { return Tensor::borrow(impl(o)); }
inline PyObject* wrap(Tensor t) {
  if (!t.defined()) Py_RETURN_NONE;
  return reinterpret_cast<PyObject*>(t.release());
}
inline PyObject* wrap(bool v) { return PyBool_FromLong(v); }
inline PyObject* wrap(int64_t v) { return PyLong_FromLongLong(v); }
inline PyObject* wrap(double v) { return PyFloat_FromDouble(v); }
PyObject* wrap(const TensorList& list);  // a tuple
PyObject* wrap(const Scalar& s);         // bool, int, float or complex

// dtype, device, Size, layout and memory_format objects (types.cpp).
PyObject* wrap_dtype(DType t);  // new reference to the singleton
PyObject* wrap_device(Device d);
PyObject* wrap_size(const Dims& sizes);  // flambeau.Size
PyObject* wrap_dims(const Dims& dims);   // a plain tuple of ints
bool is_dtype(PyObject* o);              // also accepts the Python types float, int, bool, complex
DType to_dtype(PyObject* o);             // raises TypeError
bool is_device(PyObject* o);             // device objects, strings
Device to_device(PyObject* o);           // parses "cpu", "cuda:0" (RuntimeError: not available)
bool is_memory_format(PyObject* o);
MemoryFormat to_memory_format(PyObject* o);
PyObject* wrap_layout();            // torch.strided, new reference
bool is_layout(PyObject* o);        // strided only; others raise when used
void init_types(PyObject* module);  // adds dtype, device, Size, layout, memory_format

// Releases the interpreter lock while alive; only raw memory may be touched meanwhile.
class GilRelease {
 public:
  GilRelease() : state_(PyEval_SaveThread()) {}
  ~GilRelease() { PyEval_RestoreThread(state_); }

 private:
  PyThreadState* state_;
};

}  // namespace flambeau::python
