// flambeau.UntypedStorage: the bytes behind tensors, and what tensors have to do with them.
#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <new>

#include "autograd/autograd.h"
#include "cpu/pointwise.h"
#include "python/arg_parser.h"
#include "python/fastcall.h"
#include "python/module.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

struct StorageObject { PyObject_HEAD StorageRef storage; };
PyTypeObject* storage_type = nullptr;

StorageRef& ref(PyObject* o) { return reinterpret_cast<StorageObject*>(o)->storage; }
Storage& of(PyObject* o) { return *ref(o).get(); }
bool is_storage(PyObject* o) { return PyObject_TypeCheck(o, storage_type); }

PyObject* wrap_storage(StorageRef storage, PyTypeObject* type = nullptr) {
  if (!type) type = storage_type;
  PyObject* o = check_py(type->tp_alloc(type, 0));
  new (&ref(o)) StorageRef(std::move(storage));
  return o;
}

uint8_t* bytes_of(PyObject* o, const char* op) {
  FB_CHECK(!of(o).device.is_meta(), op, "(): a storage on the meta device has no bytes");
  return static_cast<uint8_t*>(of(o).data);
}

size_t to_size(PyObject* o, const char* op) {
  PyRef index(check_py(PyNumber_Index(o)));
  const int64_t n = as_int(index.get());
  FB_CHECK(n >= 0, op, "(): a size must not be negative, got ", n);
  return static_cast<size_t>(n);
}

uint8_t to_byte(PyObject* o, const char* op) {
  PyRef index(check_py(PyNumber_Index(o)));
  const int64_t v = as_int(index.get());
  FB_CHECK(v >= 0 && v <= 255, op, "(): a byte lies in [0, 255], got ", v);
  return static_cast<uint8_t>(v);
}

PyObject* storage_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    static const char* names[] = {"size", "device", nullptr};
    PyObject *size = nullptr, *device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$O:UntypedStorage", const_cast<char**>(names),
                                     &size, &device)) {
      return nullptr;
    }
    const Device where = given(device) ? to_device(device) : kCpu;
    if (!size) return wrap_storage(new_storage(0, where), type);
    if (PyIndex_Check(size))
      return wrap_storage(new_storage(to_size(size, "UntypedStorage"), where), type);
    PyRef list(check_py(
        PySequence_Fast(size, "UntypedStorage(): expected a size or a sequence of bytes")));
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(list.get());
    PyRef result(wrap_storage(new_storage(static_cast<size_t>(n), where), type));
    uint8_t* p = bytes_of(result.get(), "UntypedStorage");
    for (Py_ssize_t i = 0; i < n; ++i) {
      p[i] = to_byte(PySequence_Fast_GET_ITEM(list.get(), i), "UntypedStorage");
    }
    return result.release();
  });
}

void storage_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  ref(self).~StorageRef();
  type->tp_free(self);
  Py_DECREF(type);
}

// ---- the buffer protocol: memory stays in place while someone looks at it

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  Storage& s = of(self);
  if (s.device.is_meta()) {
    PyErr_SetString(PyExc_BufferError, "a storage on the meta device has no bytes");
    return -1;
  }
  static uint8_t nothing;
  void* data = s.data ? s.data : &nothing;
  const int status =
      PyBuffer_FillInfo(view, self, data, static_cast<Py_ssize_t>(s.nbytes), 0, flags);
  if (status == 0) ++s.exports;
  return status;
}
void release_buffer(PyObject* self, Py_buffer*) { --of(self).exports; }

Py_ssize_t storage_length(PyObject* self) { return static_cast<Py_ssize_t>(of(self).nbytes); }

size_t checked_index(PyObject* self, PyObject* index) {
  const auto n = static_cast<int64_t>(of(self).nbytes);
  const int64_t i = as_int(index);
  FB_CHECK_INDEX(i >= -n && i < n, "UntypedStorage: index ", i,
                 " out of range for storage of size ", n);
  return static_cast<size_t>(i < 0 ? i + n : i);
}

PyObject* storage_subscript(PyObject* self, PyObject* index) {
  return guard([&]() -> PyObject* {
    const uint8_t* p = bytes_of(self, "UntypedStorage");
    if (PyIndex_Check(index)) return PyLong_FromLong(p[checked_index(self, index)]);
    FB_CHECK_TYPE(PySlice_Check(index), "can't index a storage with ", Py_TYPE(index)->tp_name);
    Py_ssize_t start, stop, step;
    check_py(PySlice_Unpack(index, &start, &stop, &step));
    const Py_ssize_t n = PySlice_AdjustIndices(storage_length(self), &start, &stop, step);
    FB_CHECK(step == 1, "UntypedStorage: slices must have step 1, got ", step);
    StorageRef part = new_storage(static_cast<size_t>(n));
    if (n) std::memcpy(part->data, p + start, static_cast<size_t>(n));
    return wrap_storage(std::move(part));
  });
}

int storage_assign(PyObject* self, PyObject* index, PyObject* value) {
  return guard(
      [&]() -> int {
        FB_CHECK_TYPE(value, "UntypedStorage: bytes cannot be deleted");
        uint8_t* p = bytes_of(self, "UntypedStorage");
        const uint8_t byte = to_byte(value, "UntypedStorage");
        if (PyIndex_Check(index)) {
          p[checked_index(self, index)] = byte;
          return 0;
        }
        FB_CHECK_TYPE(PySlice_Check(index), "can't index a storage with ", Py_TYPE(index)->tp_name);
        Py_ssize_t start, stop, step;
        check_py(PySlice_Unpack(index, &start, &stop, &step));
        const Py_ssize_t n = PySlice_AdjustIndices(storage_length(self), &start, &stop, step);
        for (Py_ssize_t i = 0; i < n; ++i) p[start + i * step] = byte;
        return 0;
      },
      -1);
}

PyObject* storage_repr(PyObject* self) {
  return guard([&]() -> PyObject* {
    const Storage& s = of(self);
    std::string text;
    const size_t shown = std::min<size_t>(s.data ? s.nbytes : 0, 1000);
    for (size_t i = 0; i < shown; ++i) {
      text += str(" ", static_cast<int>(static_cast<uint8_t*>(s.data)[i]), "\n");
    }
    if (s.data && shown < s.nbytes) text += " ...\n";
    text += str("[torch.storage.UntypedStorage(device=", s.device, ") of size ", s.nbytes, "]");
    return PyUnicode_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
  });
}

PyObject* storage_compare(PyObject* a, PyObject* b, int op) {
  if (!is_storage(b) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((ref(a) == ref(b)) == (op == Py_EQ));
}
Py_hash_t storage_hash(PyObject* self) { return _Py_HashPointer(ref(self).get()); }

// ---- methods

PyObject* nbytes(PyObject* self, PyObject*) { return PyLong_FromSize_t(of(self).nbytes); }
PyObject* data_ptr(PyObject* self, PyObject*) { return PyLong_FromVoidPtr(of(self).data); }
PyObject* element_size_method(PyObject*, PyObject*) { return PyLong_FromLong(1); }
PyObject* is_shared(PyObject* self, PyObject*) { return PyBool_FromLong(of(self).shared); }
PyObject* is_pinned(PyObject*, PyObject*) { Py_RETURN_FALSE; }
PyObject* itself(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyObject* resize(PyObject* self, PyObject* size) {
  return guard([&]() -> PyObject* {
    const size_t n = to_size(size, "resize_");
    checked_numel({static_cast<int64_t>(n)}, 1, "resize_");
    resize_storage(of(self), n);
    return Py_NewRef(self);
  });
}

PyObject* share_memory(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    share_storage(of(self));
    return Py_NewRef(self);
  });
}

PyObject* clone(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const Storage& s = of(self);
    StorageRef copy = new_storage(s.nbytes, s.device);
    if (s.data && s.nbytes) std::memcpy(copy->data, s.data, s.nbytes);
    return wrap_storage(std::move(copy));
  });
}
PyObject* deepcopy(PyObject* self, PyObject* memo) {
  PyRef key(PyLong_FromVoidPtr(ref(self).get()));
  if (!key) return nullptr;
  if (PyDict_Check(memo)) {
    PyObject* known = PyDict_GetItemWithError(memo, key.get());
    if (known) return Py_NewRef(known);
    if (PyErr_Occurred()) return nullptr;
  }
  PyRef copy(clone(self, nullptr));
  if (!copy || (PyDict_Check(memo) && PyDict_SetItem(memo, key.get(), copy.get()) < 0))
    return nullptr;
  return copy.release();
}

PyObject* copy_from(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    static FixedSignature<2> signature{"copy_", {"source", "non_blocking"}, 2, 1, {}};
    PyObject* a[2];
    signature.parse(args, n, kwnames, a);
    FB_CHECK_TYPE(is_storage(a[0]), "copy_(): expected an UntypedStorage, not ",
                  Py_TYPE(a[0])->tp_name);
    const Storage& from = of(a[0]);
    FB_CHECK(from.nbytes == of(self).nbytes, "copy_(): size mismatch, the storages have ",
             of(self).nbytes, " and ", from.nbytes, " bytes");
    uint8_t* to = bytes_of(self, "copy_");
    if (from.nbytes) std::memmove(to, bytes_of(a[0], "copy_"), from.nbytes);
    return Py_NewRef(self);
  });
}

PyObject* fill(PyObject* self, PyObject* value) {
  return guard([&]() -> PyObject* {
    uint8_t* p = bytes_of(self, "fill_");
    if (of(self).nbytes) std::memset(p, to_byte(value, "fill_"), of(self).nbytes);
    return Py_NewRef(self);
  });
}

PyObject* tolist(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const uint8_t* p = bytes_of(self, "tolist");
    PyRef list(check_py(PyList_New(storage_length(self))));
    for (Py_ssize_t i = 0; i < storage_length(self); ++i) {
      PyList_SET_ITEM(list.get(), i, check_py(PyLong_FromLong(p[i])));
    }
    return list.release();
  });
}

PyObject* reduce(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    const auto* p = reinterpret_cast<const char*>(bytes_of(self, "pickle"));
    PyRef rebuild(
        check_py(PyObject_GetAttrString(reinterpret_cast<PyObject*>(storage_type), "_from_bytes")));
    PyRef content(check_py(PyBytes_FromStringAndSize(p, storage_length(self))));
    return Py_BuildValue("(O(O))", rebuild.get(), content.get());
  });
}

// An open buffer of another object.
struct Buffer {
  Py_buffer view{};
  Buffer(PyObject* o, int flags) { check_py(PyObject_GetBuffer(o, &view, flags)); }
  ~Buffer() { PyBuffer_Release(&view); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
};

PyObject* from_bytes(PyObject*, PyObject* content) {
  return guard([&]() -> PyObject* {
    const Buffer b(content, PyBUF_SIMPLE);
    StorageRef s = new_storage(static_cast<size_t>(b.view.len));
    if (b.view.len) std::memcpy(s->data, b.view.buf, static_cast<size_t>(b.view.len));
    return wrap_storage(std::move(s));
  });
}

// A copy of part of a buffer, whose elements of `dtype` may be in the other byte order.
PyObject* from_buffer(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    static FixedSignature<5> signature{
        "from_buffer", {"buffer", "byte_order", "count", "offset", "dtype"}, 5, 1, {}};
    PyObject* a[5];
    signature.parse(args, n, kwnames, a);
    const Buffer b(a[0], PyBUF_SIMPLE);
    const int64_t item = given(a[4]) ? element_size(dtype_argument(a[4], "from_buffer")) : 1;
    const int64_t length = b.view.len, offset = given(a[3]) ? as_int(a[3]) : 0;
    int64_t count = given(a[2]) ? as_int(a[2]) : -1;
    FB_CHECK_VALUE(offset >= 0 && offset <= length,
                   "from_buffer(): offset must be non-negative and no "
                   "greater than buffer length (",
                   length, "), but got ", offset);
    if (count < 0) {
      FB_CHECK_VALUE((length - offset) % item == 0, "from_buffer(): buffer size (", length - offset,
                     ") must be a multiple of element size (", item, ")");
      count = (length - offset) / item;
    }
    FB_CHECK_VALUE(count <= (length - offset) / item, "from_buffer(): buffer has only ",
                   (length - offset) / item, " elements after offset ", offset,
                   ", but specified a size of ", count);
    bool swap = false;
    if (given(a[1])) {
      const std::string order = PyUnicode_Check(a[1]) ? as_str(a[1]) : "";
      FB_CHECK_VALUE(order == "native" || order == "little" || order == "big",
                     "from_buffer(): invalid "
                     "byte_order, use 'native', 'little' or 'big'");
      swap = order == (std::endian::native == std::endian::little ? "big" : "little");
    }
    StorageRef s = new_storage(static_cast<size_t>(count * item));
    auto* to = static_cast<uint8_t*>(s->data);
    if (count) std::memcpy(to, static_cast<uint8_t*>(b.view.buf) + offset, s->nbytes);
    for (int64_t i = 0; swap && i < count; ++i) std::reverse(to + i * item, to + (i + 1) * item);
    return wrap_storage(std::move(s));
  });
}

PyObject* get_device(PyObject* self, void*) {
  return guard([&] { return wrap_device(of(self).device); });
}
PyObject* get_dtype(PyObject*, void*) {
  return guard([] { return wrap_dtype(DType::UInt8); });
}
PyObject* get_address(PyObject* self, void*) { return PyLong_FromVoidPtr(ref(self).get()); }

PyMethodDef methods[] = {
    {"nbytes", nbytes, METH_NOARGS, "The number of bytes."},
    {"size", nbytes, METH_NOARGS, "The number of bytes."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first byte."},
    {"element_size", element_size_method, METH_NOARGS, "1: the elements are bytes."},
    {"resize_", resize, METH_O, "Another number of bytes; the common beginning stays."},
    {"is_shared", is_shared, METH_NOARGS, "Whether forked processes share the memory."},
    {"share_memory_", share_memory, METH_NOARGS,
     "Moves the bytes to memory that processes forked from now on share."},
    {"is_pinned", is_pinned, METH_NOARGS, nullptr},
    {"clone", clone, METH_NOARGS, "A copy."},
    {"cpu", itself, METH_NOARGS, "The storage itself."},
    {"untyped", itself, METH_NOARGS, "The storage itself."},
    {"copy_", FB_FASTCALL(copy_from), kFastcall,
     "Overwrites the bytes with those of another storage."},
    {"fill_", fill, METH_O, "Overwrites every byte."},
    {"tolist", tolist, METH_NOARGS, "The bytes as ints."},
    {"from_buffer", FB_FASTCALL(from_buffer), kFastcall | METH_STATIC,
     "from_buffer(buffer, byte_order='native', count=-1, offset=0, dtype=None): a copy of a "
     "buffer."},
    {"_from_bytes", from_bytes, METH_O | METH_STATIC, nullptr},
    {"__copy__", clone, METH_NOARGS, nullptr},
    {"__deepcopy__", deepcopy, METH_O, nullptr},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"device", get_device, nullptr, nullptr, nullptr},
                            {"dtype", get_dtype, nullptr, nullptr, nullptr},
                            {"_cdata", get_address, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

// ---- functions of the module

PyObject* storage_buffer(PyObject*, PyObject* storage) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(is_storage(storage), "_storage_buffer(): expected an UntypedStorage, not ",
                  Py_TYPE(storage)->tp_name);
    return PyMemoryView_FromObject(storage);
  });
}

// The bytes [begin, begin + nbytes) of a writable buffer, which stays open as long as the storage.
PyObject* storage_from_buffer(PyObject*, PyObject* args) {
  return guard([&]() -> PyObject* {
    PyObject* buffer;
    long long begin, size;
    if (!PyArg_ParseTuple(args, "OLL:_storage_from_buffer", &buffer, &begin, &size)) return nullptr;
    auto b = std::make_unique<Buffer>(buffer, PyBUF_WRITABLE);
    FB_CHECK_VALUE(begin >= 0 && size >= 0 && begin <= b->view.len && size <= b->view.len - begin,
                   "_storage_from_buffer(): bytes ", begin, " to ", begin, " + ", size,
                   " are not all in a buffer of ", b->view.len);
    char* data = static_cast<char*>(b->view.buf) + begin;
    StorageRef s = borrow_storage(
        data, static_cast<size_t>(size),
        [](void* context) { delete static_cast<Buffer*>(context); }, b.get());
    (void)b.release();
    return wrap_storage(std::move(s));
  });
}

// ---- methods of Tensor

PyObject* untyped_storage(PyObject* self, PyObject*) {
  return guard([&] { return wrap_storage(impl(self)->storage); });
}

// The old class with elements of a type lives in flambeau.storage.
PyObject* typed_storage(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    PyRef module(check_py(PyImport_ImportModule("flambeau.storage")));
    PyRef storage(wrap_storage(impl(self)->storage));
    PyRef dtype(wrap_dtype(impl(self)->dtype));
    return check_py(PyObject_CallMethod(module.get(), "_typed", "OO", storage.get(), dtype.get()));
  });
}

PyRef as_storage(PyObject* o) {
  if (is_storage(o)) return PyRef::borrow(o);
  PyRef inner(PyObject_GetAttrString(o, "_untyped_storage"));
  if (!inner || !is_storage(inner.get())) {
    PyErr_Clear();
    fail(ErrorKind::Type, "set_(): argument 'source' must be Tensor or Storage, not ",
         Py_TYPE(o)->tp_name);
  }
  return inner;
}

void take_storage(TensorImpl& t, StorageRef storage, const Dims& sizes, const Dims& strides,
                  int64_t offset) {
  t.device = storage->device;
  t.storage = std::move(storage);
  set_geometry(t, sizes, strides, offset);
}

void set_to_storage(const Tensor& self, PyObject* source, PyObject* const* a) {
  const PyRef holder = as_storage(source);
  StorageRef storage = ref(holder.get());
  const int64_t item = self.itemsize(), offset = given(a[1]) ? as_int(a[1]) : 0;
  FB_CHECK(offset >= 0, "set_(): Tensor: invalid storage offset ", offset);
  Dims sizes = given(a[2]) ? as_int_list(a[2]) : Dims{static_cast<int64_t>(storage->nbytes) / item};
  checked_numel(sizes, item, "set_");
  const bool own_strides = given(a[3]) && (sizes.empty() || !as_int_list(a[3]).empty());
  const Dims strides = own_strides ? as_int_list(a[3]) : contiguous_strides(sizes);
  FB_CHECK(strides.size() == sizes.size(),
           "set_(): mismatch in length of strides and shape: ", strides, " and ", sizes);
  for (int64_t s : strides)
    FB_CHECK(s >= 0, "set_(): Negative strides are not supported, got ", strides);
  const size_t bytes = required_bytes(sizes, strides, offset, item, "set_");
  if (bytes > storage->nbytes) {
    FB_CHECK(storage->resizable && !storage->exports, "set_(): setStorage: sizes ", sizes,
             ", strides ", strides, ", storage offset ", offset, ", and itemsize ", item,
             " requiring a storage size of ", bytes, " are out of bounds for storage of size ",
             storage->nbytes);
    resize_storage(*storage.get(), bytes);
  }
  take_storage(*self.get(), std::move(storage), sizes, strides, offset);
}

PyObject* set(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guard([&]() -> PyObject* {
    static FixedSignature<4> signature{
        "set_", {"source", "storage_offset", "size", "stride"}, 4, 0, {}};
    PyObject* a[4];
    signature.parse(args, n, kwnames, a);
    const Tensor t = borrow_tensor(self);
    FB_CHECK(!grad_enabled || !requires_grad(t),
             "set_(): a leaf Variable that requires grad is being "
             "used in an in-place operation. Use detach() or no_grad()");
    for (int i = 2; i < 4; ++i) {
      FB_CHECK_TYPE(!given(a[i]) || PyTuple_Check(a[i]) || PyList_Check(a[i]), "set_(): argument '",
                    signature.names[i], "' must be tuple of ints, not ", Py_TYPE(a[i])->tp_name);
    }
    if (!given(a[0])) {
      FB_CHECK_TYPE(!a[1] && !a[2] && !a[3], "set_(): missing argument 'source'");
      take_storage(*t.get(), new_storage(0, t.device()), {0}, {1}, 0);
    } else if (is_tensor(a[0])) {
      const Tensor source = borrow_tensor(a[0]);
      FB_CHECK(source.dtype() == t.dtype(), "set_(): Could not set tensor of type ",
               name(source.dtype()), " to a tensor of type ", name(t.dtype()));
      if (a[1] || a[2] || a[3]) {
        PyRef storage(wrap_storage(source->storage));
        set_to_storage(t, storage.get(), a);
      } else {
        take_storage(*t.get(), source->storage, source.sizes(), source.strides(), source.offset());
      }
    } else {
      set_to_storage(t, a[0], a);
    }
    bump_version(t);
    return Py_NewRef(self);
  });
}

PyObject* share_tensor(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    share_storage(*impl(self)->storage.get());
    return Py_NewRef(self);
  });
}

}  // namespace

PyMethodDef tensor_storage_methods[] = {
    {"untyped_storage", untyped_storage, METH_NOARGS, "The bytes behind this tensor."},
    {"storage", typed_storage, METH_NOARGS,
     "The memory behind this tensor as elements of its type."},
    {"set_", FB_FASTCALL(set), kFastcall,
     "set_(source=None, storage_offset=0, size=None, stride=None): takes the memory of a storage "
     "or "
     "tensor. Raises RuntimeError when the window does not fit."},
    {"share_memory_", share_tensor, METH_NOARGS,
     "Moves the elements to memory that processes forked from now on share."},
    {nullptr, nullptr, 0, nullptr}};

PyMethodDef storage_functions[] = {
    {"_storage_buffer", storage_buffer, METH_O, "A writable memoryview of a storage's bytes."},
    {"_storage_from_buffer", storage_from_buffer, METH_VARARGS,
     "_storage_from_buffer(buffer, begin, nbytes): a storage over part of a writable buffer."},
    {nullptr, nullptr, 0, nullptr}};

void init_storage_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(storage_new)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(storage_dealloc)},
                                {Py_tp_repr, reinterpret_cast<void*>(storage_repr)},
                                {Py_tp_richcompare, reinterpret_cast<void*>(storage_compare)},
                                {Py_tp_hash, reinterpret_cast<void*>(storage_hash)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {Py_mp_length, reinterpret_cast<void*>(storage_length)},
                                {Py_mp_subscript, reinterpret_cast<void*>(storage_subscript)},
                                {Py_mp_ass_subscript, reinterpret_cast<void*>(storage_assign)},
                                {Py_bf_getbuffer, reinterpret_cast<void*>(get_buffer)},
                                {Py_bf_releasebuffer, reinterpret_cast<void*>(release_buffer)},
                                {0, nullptr}};
  static PyType_Spec spec = {"flambeau.UntypedStorage", sizeof(StorageObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  storage_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&spec)));
  check_py(
      PyModule_AddObjectRef(module, "UntypedStorage", reinterpret_cast<PyObject*>(storage_type)));
}

}  // namespace flambeau::python
