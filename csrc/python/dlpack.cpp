// Sharing memory with other array libraries by DLPack, both ways.
#include "python/dlpack.h"

#include "python/array_view.h"
#include "python/construct_parts.h"
#include "python/fastcall.h"

namespace flambeau::python {
namespace {

using namespace dlpack;

// ---- export ------------------------------------------------------------------------------------

template <class Managed>
struct Exported {
  Managed managed{};
  StorageRef storage;
  Dims shape, strides;
};

DLDataType dl_type(DType t) {
  const uint8_t bits = static_cast<uint8_t>(element_size(t) * 8);
  const uint8_t code = t == DType::Bool       ? Bool
                       : t == DType::BFloat16 ? Bfloat
                       : is_complex(t)        ? Complex
                       : is_floating(t)       ? Float
                       : info(t).is_signed    ? Int
                                              : UInt;
  return DLDataType{code, bits, 1};
}

// Consumers may call this on any thread, with or without the interpreter lock.
template <class Managed>
void delete_exported(Managed* managed) {
  if (!Py_IsInitialized()) return;
  const PyGILState_STATE state = PyGILState_Ensure();
  delete static_cast<Exported<Managed>*>(managed->manager_ctx);
  PyGILState_Release(state);
}

template <class Managed>
void destroy_capsule(PyObject* capsule) {
  const char* name = CapsuleNames<Managed>::fresh;
  if (!PyCapsule_IsValid(capsule, name)) return;  // taken: its consumer calls the deleter
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, name));
  if (managed->deleter) managed->deleter(managed);
}

template <class Managed>
PyObject* export_tensor(const Tensor& t, bool copied) {
  auto* e = new Exported<Managed>();
  e->storage = t->storage;
  e->shape = t.sizes();
  e->strides = t.strides();
  e->managed.manager_ctx = e;
  e->managed.deleter = delete_exported<Managed>;
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    e->managed.version = {1, 1};
    e->managed.flags = copied ? kIsCopied : 0;
  }
  DLTensor& d = e->managed.dl_tensor;
  d.data = t.numel() ? t.raw() : nullptr;
  d.device = {kCpuDevice, 0};
  d.ndim = static_cast<int32_t>(t.dim());
  d.dtype = dl_type(t.dtype());
  d.shape = e->shape.data();
  d.strides = e->strides.data();
  d.byte_offset = 0;
  pin_storage(t);
  PyObject* capsule =
      PyCapsule_New(&e->managed, CapsuleNames<Managed>::fresh, destroy_capsule<Managed>);
  if (!capsule) {
    delete e;
    throw_python_error();
  }
  return capsule;
}

// ---- import ------------------------------------------------------------------------------------

DType dtype_of_dl(DLDataType d, const char* op) {
  for (int i = 0; i < kDTypes; ++i) {
    const DLDataType ours = dl_type(static_cast<DType>(i));
    if (d.code == ours.code && d.bits == ours.bits && d.lanes == 1) return static_cast<DType>(i);
  }
  fail(ErrorKind::Type, op, "(): no dtype for DLPack elements with type code ", int{d.code}, ", ",
       int{d.bits}, " bits and ", d.lanes, " lanes; convert them in the other library first");
}

struct Imported {
  DType dtype;
  Dims sizes, strides;
  char* data;
  size_t nbytes;
};

Imported check_imported(const DLTensor& d, const char* op) {
  FB_CHECK_KIND(ErrorKind::Value, d.device.device_type == kCpuDevice, op,
                "(): the memory is on DLPack device type ", d.device.device_type,
                ", only the CPU (1) is supported; copy it to the CPU first");
  FB_CHECK_VALUE(d.ndim >= 0 && d.ndim <= kMaxDims, op, "(): ", d.ndim,
                 " dimensions, allowed are 0 to ", kMaxDims);
  FB_CHECK_VALUE(d.ndim == 0 || d.shape, op, "(): the DLPack tensor has no shape");
  Imported r;
  r.dtype = dtype_of_dl(d.dtype, op);
  r.sizes = Dims(d.shape, d.shape + d.ndim);
  const int64_t item = element_size(r.dtype);
  const int64_t n = checked_numel(r.sizes, item, op);
  r.strides = d.strides ? Dims(d.strides, d.strides + d.ndim) : contiguous_strides(r.sizes);
  for (size_t i = 0; i < r.sizes.size(); ++i) {
    if (n == 0 || r.sizes[i] == 1) r.strides[i] = contiguous_strides(r.sizes)[i];
    FB_CHECK_VALUE(r.strides[i] >= 0, op, "(): negative strides are not supported, got ", r.strides,
                   "; copy the array in the other library first");
  }
  r.nbytes = required_bytes(r.sizes, r.strides, 0, item, op);
  FB_CHECK_VALUE(n == 0 || d.data, op, "(): the DLPack tensor has no data");
  const uintptr_t address = reinterpret_cast<uintptr_t>(d.data) + d.byte_offset;
  r.data = reinterpret_cast<char*>(address);
  FB_CHECK_VALUE(
      n == 0 || address % static_cast<uintptr_t>(alignment_of(r.dtype)) == 0, op,
      "(): the data is not aligned to its element size; copy it in the other library first");
  return r;
}

template <class Managed>
void release_imported(void* context) {
  auto* managed = static_cast<Managed*>(context);
  if (managed->deleter && Py_IsInitialized()) managed->deleter(managed);
}

// All checks come before the capsule is marked as taken: until then it frees itself.
template <class Managed>
Tensor import_capsule(PyObject* capsule, const char* op) {
  using Names = CapsuleNames<Managed>;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, Names::fresh));
  if (!managed) throw_python_error();
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    FB_CHECK(managed->version.major == 1, op, "(): the tensor uses DLPack version ",
             managed->version.major, ", supported is version 1");
    if (managed->flags & kReadOnly) warn_readonly("DLPack tensor", op);
  }
  const Imported i = check_imported(managed->dl_tensor, op);
  check_py(PyCapsule_SetName(capsule, Names::used));
  StorageRef storage = borrow_storage(i.data, i.nbytes, release_imported<Managed>, managed);
  return tensor_from_storage(std::move(storage), i.dtype, i.sizes, i.strides, 0);
}

void check_device(PyObject* o, const char* op) {
  PyRef ask(PyObject_GetAttrString(o, "__dlpack_device__"));
  if (!ask) {  // added to the protocol later than __dlpack__
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw_python_error();
    PyErr_Clear();
    return;
  }
  PyRef device(check_py(PyObject_CallNoArgs(ask.get())));
  PyRef pair(check_py(PySequence_Tuple(device.get())));
  FB_CHECK_VALUE(PyTuple_GET_SIZE(pair.get()) == 2, op,
                 "(): __dlpack_device__ must give two numbers");
  const long type = PyLong_AsLong(PyTuple_GET_ITEM(pair.get(), 0));
  if (type == -1 && PyErr_Occurred()) throw_python_error();
  FB_CHECK_VALUE(type == kCpuDevice, op, "(): the memory is on DLPack device type ", type,
                 ", only the CPU (1) is supported; copy it to the CPU first");
}

PyRef request_capsule(PyObject* o, const char* op) {
  check_device(o, op);
  PyRef method(check_py(PyObject_GetAttrString(o, "__dlpack__")));
  PyRef kwargs(check_py(Py_BuildValue("{s(ii)}", "max_version", 1, 1)));
  PyRef none(check_py(PyTuple_New(0)));
  PyRef capsule(PyObject_Call(method.get(), none.get(), kwargs.get()));
  if (!capsule && PyErr_ExceptionMatches(PyExc_TypeError)) {
    PyErr_Clear();  // an exporter from before version 1 does not know the argument
    capsule = PyRef(PyObject_CallNoArgs(method.get()));
  }
  if (!capsule) throw_python_error();
  return capsule;
}

bool has_version_1(PyObject* max_version) {
  if (!given(max_version)) return false;
  PyRef pair(check_py(PySequence_Tuple(max_version)));
  FB_CHECK_VALUE(PyTuple_GET_SIZE(pair.get()) == 2,
                 "__dlpack__(): max_version must be a pair, "
                 "(major, minor)");
  const long major = PyLong_AsLong(PyTuple_GET_ITEM(pair.get(), 0));
  if (major == -1 && PyErr_Occurred()) throw_python_error();
  return major >= 1;
}

void check_export(const TensorImpl& t, PyObject* stream, PyObject* dl_device) {
  if (t.requires_grad) {
    PyErr_SetString(PyExc_BufferError,
                    "__dlpack__(): Can't export tensors that require gradient, use "
                    "tensor.detach()");
    throw_python_error();
  }
  if (t.device.is_meta()) {
    PyErr_SetString(PyExc_BufferError,
                    "__dlpack__(): Cannot pack tensors on meta, they have no data");
    throw_python_error();
  }
  if (given(stream)) {
    const long s = PyLong_AsLong(stream);
    if (s == -1 && PyErr_Occurred()) throw_python_error();
    FB_CHECK_VALUE(s == -1, "__dlpack__(): stream should be None on cpu, got ", s);
  }
  if (!given(dl_device)) return;
  PyRef pair(check_py(PySequence_Tuple(dl_device)));
  const long type =
      PyTuple_GET_SIZE(pair.get()) == 2 ? PyLong_AsLong(PyTuple_GET_ITEM(pair.get(), 0)) : 0;
  if (type == -1 && PyErr_Occurred()) throw_python_error();
  if (type != kCpuDevice) {
    PyErr_Format(PyExc_BufferError,
                 "__dlpack__(): cannot export to dl_device %R, only the CPU, (1, 0)", dl_device);
    throw_python_error();
  }
}

FixedSignature<4> dlpack_signature{
    "__dlpack__", {"stream", "max_version", "dl_device", "copy"}, 1, 0};
FixedSignature<3> from_dlpack_signature{"from_dlpack", {"ext_tensor", "device", "copy"}, 1, 1};

}  // namespace

bool is_dlpack(PyObject* o) {
  return PyCapsule_CheckExact(o) || PyObject_HasAttrString(o, "__dlpack__");
}

Tensor tensor_from_dlpack(PyObject* o, const char* op) {
  const bool direct = PyCapsule_CheckExact(o);
  FB_CHECK_TYPE(direct || is_dlpack(o), op,
                "(): expected an object with __dlpack__ or a DLPack "
                "capsule (got ",
                Py_TYPE(o)->tp_name, ")");
  const PyRef capsule = direct ? PyRef::borrow(o) : request_capsule(o, op);
  if (PyCapsule_IsValid(capsule.get(), CapsuleNames<DLManagedTensorVersioned>::fresh)) {
    return import_capsule<DLManagedTensorVersioned>(capsule.get(), op);
  }
  FB_CHECK(
      PyCapsule_IsValid(capsule.get(), CapsuleNames<DLManagedTensor>::fresh), op,
      "(): received an invalid capsule. Note that DLTensor capsules can be consumed only once, so "
      "you might have already constructed a tensor from it once");
  return import_capsule<DLManagedTensor>(capsule.get(), op);
}

PyObject* function_from_dlpack(PyObject*, PyObject* const* args, Py_ssize_t nargs,
                               PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    const char* op = "from_dlpack";
    PyObject* a[3];
    from_dlpack_signature.parse(args, nargs, kwnames, a);
    if (given(a[1])) {
      FB_CHECK(!to_device(a[1]).is_meta(), op, "(): device must be 'cpu', got meta");
    }
    const bool copy = given(a[2]) && to_flag(a[2], op, "copy");
    Tensor t = tensor_from_dlpack(a[0], op);
    return wrap(copy ? copy_view(view_of(t), t.dtype(), op) : t);
  });
}

PyObject* method_dlpack(PyObject* self, PyObject* const* args, Py_ssize_t nargs,
                        PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    PyObject* a[4];
    dlpack_signature.parse(args, nargs, kwnames, a);
    check_export(*impl(self), a[0], a[2]);
    const bool copy = given(a[3]) && to_flag(a[3], "__dlpack__", "copy");
    Tensor t = borrow_tensor(self);
    if (copy) t = copy_view(view_of(t), t.dtype(), "__dlpack__");
    return has_version_1(a[1]) ? export_tensor<DLManagedTensorVersioned>(t, copy)
                               : export_tensor<DLManagedTensor>(t, copy);
  });
}

PyObject* method_dlpack_device(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const Device d = impl(self)->device;
    FB_CHECK_VALUE(d == kCpu, "__dlpack_device__(): Unknown device type ", d, " for Dlpack");
    return check_py(Py_BuildValue("(ii)", kCpuDevice, 0));
  });
}

}  // namespace flambeau::python
