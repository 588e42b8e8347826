// Methods and properties of Tensor that are written by hand: types by name, transposes as
// attributes, new tensors of the same kind.
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "ops_complex.h"
#include "ops_shape.h"
#include "python/arg_parser.h"
#include "python/construct.h"
#include "python/fastcall.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

// ---- type()

constexpr const char* kTypeNames[kDTypes] = {
    "ByteTensor",         "CharTensor",          "ShortTensor", "IntTensor",
    "LongTensor",         "HalfTensor",          "FloatTensor", "DoubleTensor",
    "ComplexFloatTensor", "ComplexDoubleTensor", "BoolTensor",  "BFloat16Tensor"};

// "torch.FloatTensor", a class of that name, or a dtype.
DType named_dtype(PyObject* o) {
  if (is_dtype(o)) return to_dtype(o);
  PyRef text = PyRef::borrow(o);
  if (PyType_Check(o)) text = PyRef(check_py(PyObject_GetAttrString(o, "__name__")));
  FB_CHECK_TYPE(PyUnicode_Check(text.get()),
                "type(): dtype must be a type, str, or dtype object, not ", Py_TYPE(o)->tp_name);
  std::string wanted = as_str(text.get());
  if (wanted.rfind("torch.", 0) == 0) wanted = wanted.substr(6);
  if (PyType_Check(o) && wanted == "Tensor") return default_dtype();
  for (int i = 0; i < kDTypes; ++i) {
    if (wanted == kTypeNames[i]) return static_cast<DType>(i);
  }
  fail(ErrorKind::Value, "invalid type: '", as_str(text.get()),
       "': type() knows torch.FloatTensor and "
       "its like on the CPU");
}

PyObject* type_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    static FixedSignature<2> signature{"type", {"dtype", "non_blocking"}, 2, 0, {}};
    PyObject* a[2];
    signature.parse(args, n, kwnames, a);
    const Tensor t = borrow_tensor(self);
    if (!given(a[0]))
      return PyUnicode_FromFormat("torch.%s", kTypeNames[static_cast<int>(t.dtype())]);
    const DType dtype = named_dtype(a[0]);
    return dtype == t.dtype() ? Py_NewRef(self) : wrap(ops::_to_copy(t, dtype));
  });
}

// ---- new tensors of the same kind

PyObject* new_tensor_method(PyObject* self, PyObject* const* args, Py_ssize_t n,
                            PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    static FixedSignature<6> signature{
        "new_tensor",
        {"data", "dtype", "device", "requires_grad", "layout", "pin_memory"},
        1,
        1,
        {}};
    PyObject* a[6];
    signature.parse(args, n, kwnames, a);
    const Tensor t = borrow_tensor(self);
    PyRef dtype(given(a[1]) ? Py_NewRef(a[1]) : wrap_dtype(t.dtype()));
    FB_CHECK_TYPE(is_dtype(dtype.get()), "new_tensor(): argument 'dtype' must be torch.dtype, not ",
                  Py_TYPE(dtype.get())->tp_name);
    Tensor result = tensor_from_data(a[0], dtype.get(), given(a[2]) ? to_device(a[2]) : t.device(),
                                     "new_tensor");
    if (to_flag(a[3], "new_tensor", "requires_grad")) set_requires_grad(result, true);
    return wrap(result);
  });
}

// The old constructor: sizes or data, in the type of this tensor.
PyObject* new_method(PyObject* self, PyObject* args) {
  return guard([&]() -> PyObject* {
    const Tensor t = borrow_tensor(self);
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    if (n == 0) return wrap(empty({0}, t.dtype(), t.device()));
    PyObject* first = PyTuple_GET_ITEM(args, 0);
    if (n == 1 && is_tensor(first))
      return wrap(ops::_to_copy(detach(borrow_tensor(first)), t.dtype()));
    const bool size = PyTuple_Check(first) && !PyTuple_CheckExact(first);
    if (n == 1 && size) return wrap(empty(as_int_list(first), t.dtype(), t.device(), "new"));
    if (n == 1 && !PyLong_Check(first)) {
      PyRef dtype(wrap_dtype(t.dtype()));
      return wrap(tensor_from_data(first, dtype.get(), t.device(), "new"));
    }
    Dims sizes;
    for (Py_ssize_t i = 0; i < n; ++i) {
      FB_CHECK_TYPE(PyIndex_Check(PyTuple_GET_ITEM(args, i)), "new(): sizes must be ints, got ",
                    Py_TYPE(PyTuple_GET_ITEM(args, i))->tp_name);
      sizes.push_back(as_int(PyTuple_GET_ITEM(args, i)));
    }
    return wrap(empty(sizes, t.dtype(), t.device(), "new"));
  });
}

// Conjugates and negatives are computed at once here; no tensor waits for either.
PyObject* never(PyObject*, PyObject*) { Py_RETURN_FALSE; }

PyObject* itself(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* pin_memory(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_RuntimeError,
                  "pin_memory(): Cannot access accelerator device when none is "
                  "available; leave the call out on the CPU");
  return nullptr;
}

// f(element) and f(element, other element), one Python call each, in logical order.
void apply_elements(const Tensor& t, const Tensor& other, PyObject* f, const char* op) {
  FB_CHECK(!requires_grad(t), op,
           "(): a tensor that requires grad cannot be changed by a Python "
           "function; use detach()");
  FB_CHECK_TYPE(PyCallable_Check(f), op, "(): argument 'callable' must be callable, not ",
                Py_TYPE(f)->tp_name);
  FB_CHECK(!t.is_meta(), op, "(): a meta tensor has no elements");
  check_in_place(t, op);
  const Tensor values = contiguous(clone_elements(t));
  const Tensor second =
      other.defined() ? contiguous(to_dtype(ops::expand(other, t.sizes()), t.dtype())) : Tensor();
  for (int64_t i = 0; i < values.numel(); ++i) {
    char* place = static_cast<char*>(values.raw()) + i * values.itemsize();
    PyRef x(check_py(wrap(item_at(place, t.dtype()))));
    PyRef y;
    if (second.defined()) {
      const char* from = static_cast<const char*>(second.raw()) + i * second.itemsize();
      y = PyRef(check_py(wrap(item_at(from, t.dtype()))));
    }
    PyRef result(check_py(PyObject_CallFunctionObjArgs(f, x.get(), y.get(), nullptr)));
    FB_CHECK_TYPE(PyNumber_Check(result.get()), op, "(): the function must return a number, not ",
                  Py_TYPE(result.get())->tp_name);
    store_scalar(place, t.dtype(), as_scalar(result.get()));
  }
  copy_elements(t, values, op);
  bump_version(t);
}
PyObject* apply_method(PyObject* self, PyObject* f) {
  return guard([&]() -> PyObject* {
    apply_elements(borrow_tensor(self), Tensor(), f, "apply_");
    return Py_NewRef(self);
  });
}
PyObject* map_method(PyObject* self, PyObject* args) {
  return guard([&]() -> PyObject* {
    PyObject *other, *f;
    if (!PyArg_ParseTuple(args, "OO:map_", &other, &f)) return nullptr;
    FB_CHECK_TYPE(is_tensor(other), "map_(): argument 'tensor' must be Tensor, not ",
                  Py_TYPE(other)->tp_name);
    apply_elements(borrow_tensor(self), borrow_tensor(other), f, "map_");
    return Py_NewRef(self);
  });
}

// ---- attributes

template <class F>
PyObject* attribute(PyObject* self, F f) {
  return guard([&]() -> PyObject* { return wrap(f(borrow_tensor(self))); });
}

PyObject* get_transposed(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) -> Tensor {
    if (t.dim() == 2) return ops::transpose(t, 0, 1);
    if (warn_hook) {
      warn_hook(
          "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is "
          "deprecated and it will throw an error in a future release. Consider `x.mT` to "
          "transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
          "reverse the dimensions of a tensor.");
    }
    Dims order;
    for (int64_t d = t.dim() - 1; d >= 0; --d) order.push_back(d);
    return ops::permute(t, order);
  });
}
PyObject* get_matrix_transposed(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) {
    FB_CHECK(t.dim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ",
             t.dim(), "-D tensor.");
    return ops::transpose(t, -2, -1);
  });
}
PyObject* get_adjoint(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) {
    FB_CHECK(t.dim() == 0 || t.dim() == 2,
             "tensor.H is only supported on matrices (2-D tensors). Got ", t.dim(), "-D tensor.",
             t.dim() > 2 ? " For batches of matrices, consider using tensor.mH" : "");
    return t.dim() == 0 ? ops::conj(t) : ops::adjoint(t);
  });
}
PyObject* get_matrix_adjoint(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) {
    FB_CHECK(t.dim() >= 2, "tensor.mH is only supported on matrices or batches of matrices. Got ",
             t.dim(), "-D tensor.");
    return ops::adjoint(t);
  });
}
PyObject* get_real(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) { return ops::real(t); });
}
PyObject* get_imag(PyObject* self, void*) {
  return attribute(self, [](const Tensor& t) {
    FB_CHECK(is_complex(t.dtype()), "imag is not implemented for tensors with non-complex dtypes.");
    return ops::imag(t);
  });
}

int assign_part(PyObject* self, PyObject* value, const char* name, Tensor (*part)(const Tensor&)) {
  return guard(
      [&]() -> int {
        FB_CHECK(value, "can't delete ", name, " attribute");
        FB_CHECK_TYPE(is_tensor(value) || PyNumber_Check(value), name,
                      " must be set to a Tensor or number, "
                      "not ",
                      Py_TYPE(value)->tp_name);
        const Tensor to = part(borrow_tensor(self));
        ops::copy_(to, as_operand(value));
        return 0;
      },
      -1);
}
int set_real(PyObject* self, PyObject* value, void*) {
  return assign_part(self, value, "real", [](const Tensor& t) { return ops::real(t); });
}
int set_imag(PyObject* self, PyObject* value, void*) {
  return assign_part(self, value, "imag", [](const Tensor& t) {
    FB_CHECK(is_complex(t.dtype()), "imag is not implemented for tensors with non-complex dtypes.");
    return ops::imag(t);
  });
}

}  // namespace

PyMethodDef tensor_convert_methods[] = {
    {"type", FB_FASTCALL(type_method), kFastcall,
     "type(dtype=None, non_blocking=False): the name of the type, or the tensor in another type."},
    {"new_tensor", FB_FASTCALL(new_tensor_method), kFastcall,
     "new_tensor(data, *, dtype=None, device=None, requires_grad=False): data in this tensor's "
     "type."},
    {"is_conj", never, METH_NOARGS, "False: conjugates are computed at once."},
    {"is_neg", never, METH_NOARGS, "False: negatives are computed at once."},
    {"to_dense", itself, METH_NOARGS, "The tensor itself: all tensors are dense."},
    {"is_pinned", never, METH_NOARGS, "False: there is no accelerator to pin memory for."},
    {"pin_memory", pin_memory, METH_NOARGS, "Raises RuntimeError: there is no accelerator."},
    {"apply_", apply_method, METH_O, "Every element becomes callable(element), in place; slow."},
    {"map_", map_method, METH_VARARGS,
     "map_(tensor, callable): every element becomes callable(element, other element); slow."},
    {"new", new_method, METH_VARARGS, "new(*sizes) or new(data): the old constructor."},
    {nullptr, nullptr, 0, nullptr}};

PyGetSetDef tensor_convert_properties[] = {
    {"T", get_transposed, nullptr, "The dimensions in reverse order.", nullptr},
    {"mT", get_matrix_transposed, nullptr, "The last two dimensions swapped.", nullptr},
    {"H", get_adjoint, nullptr, "The matrix transposed and conjugated.", nullptr},
    {"mH", get_matrix_adjoint, nullptr, "The last two dimensions swapped, elements conjugated.",
     nullptr},
    {"real", get_real, set_real, "The real parts.", nullptr},
    {"imag", get_imag, set_imag, "The imaginary parts, of complex tensors.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace flambeau::python
