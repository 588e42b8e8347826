// tensor(), as_tensor() and asarray().
#include "python/construct.h"

#include <optional>

#include "python/array_view.h"
#include "python/construct_parts.h"
#include "python/fastcall.h"
#include "python/sequence.h"

namespace flambeau::python {
namespace {

std::optional<DType> optional_dtype(PyObject* o, const char* op) {
  if (!given(o)) return std::nullopt;
  return dtype_argument(o, op);
}

Tensor from_tensor(const Tensor& source, std::optional<DType> dtype, Device device,
                   const char* op) {
  const DType t = dtype.value_or(source.dtype());
  if (device.is_meta()) {
    return is_dense(source.sizes(), source.strides())
               ? empty_strided(source.sizes(), source.strides(), t, device, op)
               : empty(source.sizes(), t, device, op);
  }
  FB_CHECK_KIND(ErrorKind::NotImplemented, !source.is_meta(), op,
                "(): Cannot copy out of meta tensor; no data!");
  return copy_view(view_of(source), t, op);
}

DType array_dtype(const ArrayView& view, std::optional<DType> dtype, const char* op) {
  if (dtype) return *dtype;
  FB_CHECK_TYPE(is_dtype_source(view.type), op,
                "(): can't convert np.ndarray of unsigned integers "
                "wider than 8 bits without a dtype; pass dtype=, such as dtype=torch.int64");
  return dtype_of_source(view.type);
}

Tensor from_array(PyObject* array, std::optional<DType> dtype, Device device, const char* op) {
  const ArrayView view = view_of_buffer(array, op);
  const DType t = array_dtype(view, dtype, op);
  return device.is_meta() ? empty(view.sizes, t, device, op) : copy_view(view, t, op);
}

Tensor from_nested(PyObject* data, std::optional<DType> dtype, Device device, const char* op) {
  const SequenceInfo info = inspect_data(data, !dtype, op);
  const DType t = dtype.value_or(info.dtype);
  Tensor result = empty(info.sizes, t, kCpu, op);
  fill_from_data(data, info.sizes, t, static_cast<char*>(result.raw()), op);
  return device.is_meta() ? empty(info.sizes, t, device, op) : result;
}

Tensor from_anything(PyObject* data, std::optional<DType> dtype, Device device, const char* op) {
  if (is_tensor(data)) return from_tensor(borrow_tensor(data), dtype, device, op);
  if (is_ndarray(data)) return from_array(data, dtype, device, op);
  return from_nested(data, dtype, device, op);
}

Device device_of(PyObject* device, PyObject* data) {
  if (given(device)) return to_device(device);
  return is_tensor(data) ? impl(data)->device : kCpu;
}

// Through the public method, so that the conversion is part of the graph.
PyRef call_to(PyObject* tensor, DType dtype, Device device) {
  PyRef to(check_py(PyObject_GetAttrString(tensor, "to")));
  PyRef args(check_py(PyTuple_New(0)));
  PyRef d(wrap_dtype(dtype)), where(wrap_device(device));
  PyRef kwargs(check_py(Py_BuildValue("{sOsO}", "dtype", d.get(), "device", where.get())));
  return PyRef(check_py(PyObject_Call(to.get(), args.get(), kwargs.get())));
}

PyRef call_method(PyObject* tensor, const char* name) {
  return PyRef(check_py(PyObject_CallMethod(tensor, name, nullptr)));
}

// What as_tensor and asarray may share; null when a copy is needed.
Tensor shared_array(PyObject* array, std::optional<DType> dtype, Device device, const char* op) {
  const ArrayView view = view_of_buffer(array, op);
  const bool same = !dtype || source_of(*dtype) == view.type;
  if (!same || device.is_meta() || !view.can_share()) return Tensor();
  if (view.readonly) warn_readonly("NumPy array", op);
  return share_array(array, view, op);
}

FixedSignature<5> tensor_signature{
    "tensor", {"data", "dtype", "device", "requires_grad", "pin_memory"}, 1, 1};
FixedSignature<3> as_tensor_signature{"as_tensor", {"data", "dtype", "device"}, 3, 1};
FixedSignature<5> asarray_signature{
    "asarray", {"obj", "dtype", "device", "copy", "requires_grad"}, 1, 1};

[[noreturn]] void refuse_alias(PyObject* o, std::optional<DType> dtype) {
  fail(ErrorKind::Value, "asarray(): can't alias the memory of '", Py_TYPE(o)->tp_name, "'",
       dtype ? str(" as ", *dtype) : std::string(), " without a copy; leave copy=False away");
}

// A tensor given to asarray: itself, or what `to`, `clone` and `detach` make of it.
PyRef asarray_tensor(PyObject* obj, std::optional<DType> dtype, Device device, PyObject* copy) {
  const TensorImpl& t = *impl(obj);
  const DType wanted = dtype.value_or(t.dtype);
  const bool same = wanted == t.dtype && device == t.device;
  if (copy == Py_False && !same) {
    FB_CHECK_VALUE(wanted == t.dtype, "asarray(): can't alias tensor with dtype '", t.dtype,
                   "' into dtype '", wanted, "'; leave copy=False away");
    refuse_alias(obj, dtype);
  }
  if (!same) return call_to(obj, wanted, device);
  return copy == Py_True ? call_method(obj, "clone") : PyRef::borrow(obj);
}

Tensor asarray_other(PyObject* obj, std::optional<DType> dtype, Device device, PyObject* copy) {
  const char* op = "asarray";
  const bool share = copy != Py_True;
  const bool array = is_ndarray(obj);
  if (array && share) {
    if (Tensor t = shared_array(obj, dtype, device, op)) return t;
  } else if (!array && !is_numpy_scalar(obj) && !device.is_meta()) {
    Tensor t;
    if (is_dlpack(obj)) {
      t = tensor_from_dlpack(obj, op);
      if (dtype && *dtype != t.dtype()) {
        if (copy == Py_False) refuse_alias(obj, dtype);
        return from_tensor(t, dtype, device, op);
      }
    } else if (PyObject_CheckBuffer(obj)) {
      t = tensor_from_buffer(obj, dtype.value_or(default_dtype()), -1, 0, op);
    }
    if (t) return share ? t : from_tensor(t, dtype, device, op);
  }
  if (copy == Py_False) refuse_alias(obj, dtype);
  return from_anything(obj, dtype, device, op);
}

}  // namespace

void require_grad(const Tensor& t, const char* op) {
  FB_CHECK(is_differentiable(t.dtype()), op,
           "(): Only Tensors of floating point and complex dtype can require gradients, got ",
           t.dtype());
  t->requires_grad = true;
}

Tensor tensor_from_data(PyObject* data, PyObject* dtype_or_none, Device device, const char* op) {
  return from_anything(data, optional_dtype(dtype_or_none, op), device, op);
}

PyObject* function_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    PyObject* a[5];
    tensor_signature.parse(args, nargs, kwnames, a);
    const bool grad = to_flag(a[3], "tensor", "requires_grad");
    FB_CHECK(!to_flag(a[4], "tensor", "pin_memory"),
             "tensor(): pin_memory=True requires a CUDA or "
             "other accelerator backend; leave it away");
    Tensor t = tensor_from_data(a[0], a[1], device_of(a[2], a[0]));
    if (grad) require_grad(t, "tensor");
    return wrap(std::move(t));
  });
}

PyObject* function_as_tensor(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                             PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    PyObject* a[3];
    as_tensor_signature.parse(args, nargs, kwnames, a);
    const auto dtype = optional_dtype(a[1], "as_tensor");
    const Device device = device_of(a[2], a[0]);
    if (is_tensor(a[0])) return asarray_tensor(a[0], dtype, device, nullptr).release();
    if (is_ndarray(a[0])) {
      if (Tensor t = shared_array(a[0], dtype, device, "as_tensor")) return wrap(std::move(t));
    }
    return wrap(from_anything(a[0], dtype, device, "as_tensor"));
  });
}

PyObject* function_asarray(PyObject*, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    PyObject* a[5];
    asarray_signature.parse(args, nargs, kwnames, a);
    const auto dtype = optional_dtype(a[1], "asarray");
    const Device device = device_of(a[2], a[0]);
    FB_CHECK_TYPE(!given(a[3]) || PyBool_Check(a[3]),
                  "asarray(): argument 'copy' must be bool, not ", Py_TYPE(a[3])->tp_name);
    const bool grad_given = given(a[4]),
               grad = grad_given && to_flag(a[4], "asarray", "requires_grad");
    if (is_tensor(a[0])) {
      PyRef result = asarray_tensor(a[0], dtype, device, a[3]);
      if (!grad_given || grad == impl(result.get())->requires_grad) return result.release();
      result = call_method(result.get(), "detach");
      if (grad) require_grad(borrow_tensor(result.get()), "asarray");
      return result.release();
    }
    Tensor t = asarray_other(a[0], dtype, device, a[3]);
    if (grad) require_grad(t, "asarray");
    return wrap(std::move(t));
  });
}

constexpr int kFast = METH_FASTCALL | METH_KEYWORDS;

PyMethodDef construct_functions[] = {
    {"tensor", as_method(function_tensor), kFast,
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n--\n\n"
     "A new tensor with a copy of the data: a number, nested sequences, NumPy arrays or scalars, "
     "or a\n"
     "tensor. Without dtype, Python floats become the default type, ints int64, and the rest "
     "keeps\n"
     "its own type; mixed data is promoted. Raises ValueError when the nesting is ragged or an "
     "int\n"
     "exceeds int64, RuntimeError when a value does not fit the dtype."},
    {"as_tensor", as_method(function_as_tensor), kFast,
     "as_tensor(data, dtype=None, device=None)\n--\n\n"
     "A tensor with the data, without a copy where possible: a tensor of the same type is "
     "returned\n"
     "itself, a NumPy array is shared. Other data is copied as tensor() does."},
    {"asarray", as_method(function_asarray), kFast,
     "asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None)\n--\n\n"
     "A tensor from a tensor, NumPy array, DLPack object, buffer (read as a flat array of dtype),\n"
     "number or sequence. Memory is shared when possible; copy=True always copies, copy=False "
     "raises\n"
     "ValueError when a copy would be needed."},
    {"from_numpy", function_from_numpy, METH_O,
     "from_numpy(ndarray, /)\n--\n\n"
     "A tensor that shares the memory of a NumPy array. Raises TypeError for element types without "
     "a\n"
     "dtype, ValueError for negative strides, foreign byte order and misaligned data. Warns when "
     "the\n"
     "array is not writable."},
    {"frombuffer", as_method(function_frombuffer), kFast,
     "frombuffer(buffer, *, dtype, count=-1, offset=0, requires_grad=False)\n--\n\n"
     "A 1-d tensor over the memory of an object with the buffer protocol: `count` elements (all "
     "if\n"
     "negative) from `offset` bytes on. Raises ValueError when that does not fit the buffer."},
    {"from_dlpack", as_method(function_from_dlpack), kFast,
     "from_dlpack(ext_tensor, *, device=None, copy=None)\n--\n\n"
     "A tensor that shares the memory of an object with __dlpack__, or of a DLPack capsule, which "
     "can\n"
     "be used once. CPU memory only. See the DLPack specification, version 1."},
    {}};

PyMethodDef construct_methods[] = {
    {"numpy", as_method(method_numpy), kFast,
     "numpy($self, *, force=False)\n--\n\n"
     "A NumPy array over the same memory. Raises RuntimeError when the tensor requires grad "
     "(force=True\n"
     "detaches it) and TypeError for bfloat16, which NumPy does not have."},
    {"__array__", as_method(method_array), kFast,
     "__array__($self, dtype=None, copy=None)\n--\n\nNumPy's conversion protocol."},
    {"__dlpack__", as_method(method_dlpack), kFast,
     "__dlpack__($self, *, stream=None, max_version=None, dl_device=None, copy=None)\n--\n\n"
     "A DLPack capsule over the same memory, versioned when max_version allows. Raises "
     "BufferError\n"
     "when the tensor requires grad or has no memory."},
    {"__dlpack_device__", method_dlpack_device, METH_NOARGS,
     "__dlpack_device__($self, /)\n--\n\nThe DLPack device type and number: (1, 0), the CPU."},
    {"tolist", method_tolist, METH_NOARGS,
     "tolist($self, /)\n--\n\nThe elements as nested lists of Python numbers; a number for 0-d "
     "tensors."},
    {"item", tensor_item, METH_NOARGS,
     "item($self, /)\n--\n\nThe only element as a Python number. Raises RuntimeError for other "
     "sizes."},
    {"__complex__", method_complex, METH_NOARGS, nullptr},
    {}};

}  // namespace flambeau::python
