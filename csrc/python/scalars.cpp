// Tensor elements as Python numbers: item(), tolist() and the number protocol.
#include <cmath>
#include <cstring>

#include "python/construct_parts.h"

namespace flambeau::python {
namespace {

template <class T>
PyObject* number(const char* p) {
  if constexpr (std::is_same_v<T, bool>) {
    return PyBool_FromLong(*reinterpret_cast<const unsigned char*>(p) != 0);
  } else {
    T v;
    std::memcpy(&v, p, sizeof(T));
    if constexpr (is_complex_v<T>) {
      return PyComplex_FromDoubles(v.real(), v.imag());
    } else if constexpr (is_floating_v<T>) {
      return PyFloat_FromDouble(static_cast<compute_t<T>>(v));
    } else {
      return PyLong_FromLongLong(v);
    }
  }
}

template <class T>
PyRef nested_list(const TensorImpl& t, size_t d, const char* p) {
  const int64_t n = t.sizes[d], step = t.strides[d] * static_cast<int64_t>(sizeof(T));
  const bool last = d + 1 == t.sizes.size();
  PyRef list(check_py(PyList_New(n)));
  for (int64_t i = 0; i < n; ++i) {
    const char* at = p ? p + i * step : nullptr;
    PyObject* o = last ? check_py(number<T>(at)) : nested_list<T>(t, d + 1, at).release();
    PyList_SET_ITEM(list.get(), i, o);
  }
  return list;
}

PyObject* element(const Tensor& t) {
  const char* p = static_cast<const char*>(t.raw());
  return check_py(visit_dtype(t.dtype(), [&]<class T>() { return number<T>(p); }));
}

// The only element, for conversions by Python itself.
PyRef only_element(PyObject* self, const char* op) {
  const TensorImpl& t = *impl(self);
  FB_CHECK_VALUE(t.numel == 1, op,
                 "(): only one element tensors can be converted to Python scalars, "
                 "got size ",
                 t.sizes);
  FB_CHECK(!t.device.is_meta(), op, "(): Tensor.item() cannot be called on meta tensors");
  return PyRef(element(borrow_tensor(self)));
}

// A complex number whose imaginary part may be dropped.
PyRef real_element(PyObject* self, const char* op, const char* type) {
  PyRef v = only_element(self, op);
  if (!PyComplex_Check(v.get())) return v;
  const Py_complex z = PyComplex_AsCComplex(v.get());
  FB_CHECK(z.imag == 0, op, "(): value cannot be converted to type ", type,
           " without overflow: ", z.real, z.imag < 0 ? "" : "+", z.imag,
           "j has an imaginary part; use .real first");
  return PyRef(check_py(PyFloat_FromDouble(z.real)));
}

}  // namespace

PyObject* tensor_item(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const TensorImpl& t = *impl(self);
    FB_CHECK(t.numel == 1, "item(): a Tensor with ", t.numel,
             " elements cannot be converted to Scalar; use tolist() for many");
    FB_CHECK(!t.device.is_meta(), "item(): Tensor.item() cannot be called on meta tensors");
    return element(borrow_tensor(self));
  });
}

PyObject* method_tolist(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const Tensor t = borrow_tensor(self);  // keeps the memory while objects are made
    FB_CHECK_KIND(ErrorKind::NotImplemented, !t.is_meta(),
                  "tolist(): Cannot copy out of meta tensor; no data!");
    if (t.dim() == 0) return element(t);
    const char* p = static_cast<const char*>(t.raw());
    return visit_dtype(t.dtype(), [&]<class T>() { return nested_list<T>(*t.get(), 0, p); })
        .release();
  });
}

PyObject* tensor_float(PyObject* self) {
  return guard(
      [&] { return check_py(PyNumber_Float(real_element(self, "float", "double").get())); });
}

PyObject* tensor_int(PyObject* self) {
  return guard([&] { return check_py(PyNumber_Long(real_element(self, "int", "int64_t").get())); });
}

PyObject* tensor_index(PyObject* self) {
  return guard([&]() -> PyObject* {
    const TensorImpl& t = *impl(self);
    FB_CHECK_TYPE(t.numel == 1 && is_integral(t.dtype),
                  "__index__(): only integer tensors of a single "
                  "element can be converted to an index, got size ",
                  t.sizes, " and dtype ", t.dtype);
    const PyRef v = only_element(self, "__index__");
    return check_py(PyNumber_Long(v.get()));
  });
}

PyObject* method_complex(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const PyRef v = only_element(self, "complex");
    const Py_complex z = PyComplex_AsCComplex(v.get());
    if (z.real == -1.0 && PyErr_Occurred()) throw_python_error();
    return check_py(PyComplex_FromCComplex(z));
  });
}

int tensor_bool(PyObject* self) {
  return guard(
      [&] {
        const TensorImpl& t = *impl(self);
        FB_CHECK(t.numel != 0,
                 "bool(): Boolean value of Tensor with no values is ambiguous; ask for "
                 "numel() instead");
        FB_CHECK(t.numel == 1,
                 "bool(): Boolean value of Tensor with more than one value is ambiguous; "
                 "use any() or all()");
        return check_py(PyObject_IsTrue(only_element(self, "bool").get()));
      },
      -1);
}

}  // namespace flambeau::python
