// NumPy both ways, and tensors over Python buffers.
//
// NumPy is reached through Python alone: arrays are read by the buffer protocol, and made by
// numpy.ndarray(shape, dtype, buffer), called straight through its type slot with cached dtypes.
// That takes 0.3 us, so nothing would be gained by NumPy's headers and their binary compatibility
// rules.
#include "python/array_view.h"
#include "python/construct_parts.h"
#include "python/fastcall.h"

namespace flambeau::python {
namespace {

// ---- tensors to arrays -------------------------------------------------------------------------

// What an array made from a tensor has as its base: keeps the storage, and shows it as a buffer.
struct MemoryObject {
  PyObject head;
  Storage* storage;  // owned
  void* data;
  Py_ssize_t nbytes;
};
PyTypeObject memory_type;

int memory_get(PyObject* self, Py_buffer* view, int flags) {
  auto* m = reinterpret_cast<MemoryObject*>(self);
  return PyBuffer_FillInfo(view, self, m->data, m->nbytes, 0, flags);
}

void memory_dealloc(PyObject* self) {
  StorageRef::steal(reinterpret_cast<MemoryObject*>(self)->storage);
  Py_TYPE(self)->tp_free(self);
}

PyBufferProcs memory_buffer = {memory_get, nullptr};

void ready_memory_type() {
  static const PyVarObject head[] = {PyVarObject_HEAD_INIT(nullptr, 0)};
  PyTypeObject& t = memory_type;
  t.ob_base = head[0];
  t.tp_name = "flambeau._TensorMemory";
  t.tp_doc = "The memory of a tensor, kept for a NumPy array.";
  t.tp_basicsize = sizeof(MemoryObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
  t.tp_dealloc = memory_dealloc;
  t.tp_as_buffer = &memory_buffer;
  check_py(PyType_Ready(&t));
}

PyRef memory_of(const Tensor& t, const char* op) {
  if (!memory_type.tp_dict) ready_memory_type();
  alignas(16) static char nothing[16];
  PyRef o(check_py(reinterpret_cast<PyObject*>(PyObject_New(MemoryObject, &memory_type))));
  auto* m = reinterpret_cast<MemoryObject*>(o.get());
  m->storage = t->storage.get();
  ++m->storage->refcount;
  m->data = t.numel() ? t.raw() : nothing;
  m->nbytes = static_cast<Py_ssize_t>(required_bytes(t.sizes(), t.strides(), 0, t.itemsize(), op));
  return o;
}

PyRef array_from(const Tensor& t, bool force, const char* op) {
  FB_CHECK_TYPE(!t.is_meta(), op,
                "(): can't convert meta device type tensor to numpy. Use "
                "Tensor.cpu() to copy the tensor to host memory first");
  FB_CHECK(force || !t.requires_grad(),
           "Can't call numpy() on Tensor that requires grad. Use "
           "tensor.detach().numpy() instead.");
  const NumpyTypes& n = numpy_types();
  PyObject* dtype = n.dtypes[static_cast<int>(t.dtype())];
  FB_CHECK_TYPE(dtype, op, "(): Got unsupported ScalarType BFloat16; convert with .float() first");
  const PyRef shape(wrap_dims(t.sizes())), memory = memory_of(t, op);
  PyRef args;
  if (t.is_contiguous()) {
    args = PyRef(check_py(PyTuple_Pack(3, shape.get(), dtype, memory.get())));
  } else {
    Dims bytes = t.strides();
    for (int64_t& s : bytes) s *= t.itemsize();
    const PyRef zero(check_py(PyLong_FromLong(0))), strides(wrap_dims(bytes));
    args = PyRef(
        check_py(PyTuple_Pack(5, shape.get(), dtype, memory.get(), zero.get(), strides.get())));
  }
  PyRef array(check_py(n.ndarray->tp_new(n.ndarray, args.get(), nullptr)));
  pin_storage(t);
  return array;
}

FixedSignature<1> numpy_signature{"numpy", {"force"}, 0, 0};
FixedSignature<2> array_signature{"__array__", {"dtype", "copy"}, 2, 0};
FixedSignature<5> frombuffer_signature{
    "frombuffer", {"buffer", "dtype", "count", "offset", "requires_grad"}, 1, 2};

// ---- buffers -----------------------------------------------------------------------------------

// Holding the view itself keeps a bytearray from moving its memory.
void release_buffer(void* context) {
  auto* view = static_cast<Py_buffer*>(context);
  if (Py_IsInitialized()) PyBuffer_Release(view);
  delete view;
}

int64_t index_argument(PyObject* o, int64_t absent) {
  if (!o) return absent;
  PyRef number(check_py(PyNumber_Index(o)));
  const int64_t v = PyLong_AsLongLong(number.get());
  if (v == -1 && PyErr_Occurred()) throw_python_error();
  return v;
}

// The number of elements that count and offset select.
int64_t buffer_count(int64_t length, int64_t item, int64_t count, int64_t offset, const char* op) {
  FB_CHECK_VALUE(length > 0 && count != 0, op, "(): both buffer length (", length, ") and count (",
                 count, ") must not be 0");
  FB_CHECK_VALUE(offset >= 0 && offset < length, op, "(): offset (", offset,
                 " bytes) must be non-negative and no greater than buffer length (", length,
                 " bytes) minus 1");
  if (count < 0) {
    FB_CHECK_VALUE((length - offset) % item == 0, op, "(): buffer length (", length - offset,
                   " bytes) after offset (", offset, " bytes) must be a multiple of element size (",
                   item, ")");
    return (length - offset) / item;
  }
  FB_CHECK_VALUE(count <= (length - offset) / item, op, "(): requested buffer length (", count,
                 " * ", item, " bytes) after offset (", offset,
                 " bytes) must not be greater than actual buffer length (", length, " bytes)");
  return count;
}

}  // namespace

Tensor tensor_from_buffer(PyObject* buffer, DType dtype, int64_t count, int64_t offset,
                          const char* op) {
  FB_CHECK_VALUE(PyObject_CheckBuffer(buffer), op,
                 "(): object does not implement Python buffer "
                 "protocol. (got ",
                 Py_TYPE(buffer)->tp_name, ")");
  auto* view = new Py_buffer();
  if (PyObject_GetBuffer(buffer, view, PyBUF_SIMPLE) < 0) {
    delete view;
    throw_python_error();
  }
  StorageRef storage =
      borrow_storage(nullptr, 0, release_buffer, view);  // releases it on errors too
  const int64_t n = buffer_count(view->len, element_size(dtype), count, offset, op);
  storage->data = static_cast<char*>(view->buf) + offset;
  storage->nbytes = static_cast<size_t>(n * element_size(dtype));
  FB_CHECK_VALUE(
      reinterpret_cast<uintptr_t>(storage->data) % static_cast<uintptr_t>(alignment_of(dtype)) == 0,
      op, "(): the data at offset ", offset, " is not aligned to the ", alignment_of(dtype),
      " bytes that ", dtype, " needs; pass a copy of that part of the buffer");
  if (view->readonly) warn_readonly("buffer", op);
  return tensor_from_storage(std::move(storage), dtype, {n}, {1}, 0);
}

PyObject* function_frombuffer(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                              PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    const char* op = "frombuffer";
    PyObject* a[5];
    frombuffer_signature.parse(args, nargs, kwnames, a);
    const DType dtype = dtype_argument(a[1], op);
    Tensor t =
        tensor_from_buffer(a[0], dtype, index_argument(a[2], -1), index_argument(a[3], 0), op);
    if (to_flag(a[4], op, "requires_grad")) require_grad(t, op);
    return wrap(std::move(t));
  });
}

PyObject* function_from_numpy(PyObject*, PyObject* array) {
  return guard([&]() -> PyObject* {
    const char* op = "from_numpy";
    FB_CHECK_TYPE(is_ndarray(array), op, "(): expected np.ndarray (got ", Py_TYPE(array)->tp_name,
                  ")");
    const ArrayView v = view_of_buffer(array, op);
    FB_CHECK_TYPE(is_dtype_source(v.type), op,
                  "(): can't convert np.ndarray of unsigned integers wider "
                  "than 8 bits. Convert with astype(), for example to numpy.int64, first");
    FB_CHECK_VALUE(!v.swapped, op,
                   "(): given numpy array has byte order different from the native "
                   "byte order. Convert it with array.astype(array.dtype.newbyteorder('='))");
    for (int64_t s : v.strides) {
      FB_CHECK_VALUE(s >= 0, op,
                     "(): At least one stride in the given numpy array is negative, and "
                     "tensors with negative strides are not currently supported. (You can work "
                     "around this by making a copy of your array with array.copy().)");
      FB_CHECK_VALUE(s % v.itemsize == 0, op,
                     "(): given numpy array strides not a multiple of the "
                     "element byte size. Copy the numpy array to reallocate the memory.");
    }
    FB_CHECK_VALUE(v.can_share(), op,
                   "(): given numpy array is not aligned to its element size. Copy "
                   "the numpy array to reallocate the memory.");
    if (v.readonly) warn_readonly("NumPy array", op);
    return wrap(share_array(array, v, op));
  });
}

PyObject* method_numpy(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    bool force = false;
    if (nargs || kwnames) {
      PyObject* a[1];
      numpy_signature.parse(args, nargs, kwnames, a);
      force = to_flag(a[0], "numpy", "force");
    }
    return array_from(borrow_tensor(self), force, "numpy").release();
  });
}

PyObject* method_array(PyObject* self, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    PyObject* a[2];
    array_signature.parse(args, nargs, kwnames, a);
    const PyRef array = array_from(borrow_tensor(self), false, "__array__");
    PyRef result = array;
    if (given(a[0])) {
      PyRef astype(check_py(PyObject_GetAttrString(array.get(), "astype")));
      PyRef positional(check_py(PyTuple_Pack(1, a[0])));
      PyRef keywords(check_py(Py_BuildValue("{sO}", "copy", Py_False)));
      result = PyRef(check_py(PyObject_Call(astype.get(), positional.get(), keywords.get())));
    }
    const bool fresh = result.get() != array.get();
    FB_CHECK_VALUE(!fresh || a[1] != Py_False,
                   "__array__(): Unable to avoid copy while creating an "
                   "array as requested.");
    if (!fresh && a[1] == Py_True) {
      result = PyRef(check_py(PyObject_CallMethod(result.get(), "copy", nullptr)));
    }
    return result.release();
  });
}

}  // namespace flambeau::python
