// The constructor of the class: Tensor(), Tensor(2, 3), Tensor([1., 2.]), Tensor(other).
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "python/arg_parser.h"
#include "python/construct.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

// Old rules: integers are sizes and the elements stay uninitialised; anything else is data, always
// of the default type.
Tensor legacy_tensor(PyObject* args) {
  const Py_ssize_t n = PyTuple_GET_SIZE(args);
  if (n == 0) return empty({0}, default_dtype());
  PyObject* first = PyTuple_GET_ITEM(args, 0);
  if (n == 1 && is_tensor(first)) return detach(borrow_tensor(first));
  const bool size = PyTuple_Check(first) && !PyTuple_CheckExact(first);
  if (n == 1 && size) return empty(as_int_list(first), default_dtype(), kCpu, "Tensor");
  if (n > 1 || (PyLong_Check(first) && !PyBool_Check(first))) {
    Dims sizes;
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PyTuple_GET_ITEM(args, i);
      FB_CHECK_TYPE(PyIndex_Check(item), "Tensor(): sizes must be ints, got ",
                    Py_TYPE(item)->tp_name);
      sizes.push_back(as_int(item));
    }
    return empty(sizes, default_dtype(), kCpu, "Tensor");
  }
  FB_CHECK_TYPE(PySequence_Check(first), "Tensor(): data must be a sequence (got ",
                Py_TYPE(first)->tp_name, "); torch.tensor() makes a tensor from a number");
  PyRef dtype(wrap_dtype(default_dtype()));
  return tensor_from_data(first, dtype.get(), kCpu, "Tensor");
}

}  // namespace

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    Device device = kCpu;
    if (kwargs && PyDict_Size(kwargs)) {
      PyObject* given = PyDict_GetItemString(kwargs, "device");
      FB_CHECK_TYPE(given && PyDict_Size(kwargs) == 1,
                    "Tensor(): the only keyword argument is "
                    "device; use torch.tensor(data, dtype=...) to choose a type");
      device = to_device(given);
    }
    const Tensor t = legacy_tensor(args);
    FB_CHECK(device == kCpu, "Tensor(): legacy constructor expects device type cpu");
    return make_subclass(type, t);
  });
}

}  // namespace flambeau::python
