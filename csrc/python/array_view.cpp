// Reading and copying strided memory of any owner, and the tensors that share it.
#include "python/array_view.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace flambeau::python {
namespace {

// ---- conversion loops --------------------------------------------------------------------------

using Loop = void (*)(char* dst, int64_t dst_step, const char* src, int64_t src_step, int64_t n);

template <class To, class From>
void convert_loop(char* dst, int64_t dst_step, const char* src, int64_t src_step, int64_t n) {
  constexpr int64_t size = sizeof(To);
  if constexpr (std::is_same_v<To, From> && !std::is_same_v<To, bool>) {
    if (dst_step == size && src_step == size) {
      std::memcpy(dst, src, static_cast<size_t>(n * size));
      return;
    }
  }
  for (int64_t i = 0; i < n; ++i, dst += dst_step, src += src_step) {
    // Foreign memory may be misaligned, and its booleans may hold other bytes than 0 and 1.
    std::conditional_t<std::is_same_v<From, bool>, uint8_t, From> in;
    std::memcpy(&in, src, sizeof(in));
    To out;
    if constexpr (std::is_same_v<From, bool>)
      out = convert<To, bool>(in != 0);
    else
      out = convert<To, From>(in);
    std::memcpy(dst, &out, sizeof(To));
  }
}

template <class To>
Loop loop_from(Source from) {
  switch (static_cast<int>(from)) {
    case static_cast<int>(Source::UInt16): return convert_loop<To, uint16_t>;
    case static_cast<int>(Source::UInt32): return convert_loop<To, uint32_t>;
    case static_cast<int>(Source::UInt64): return convert_loop<To, uint64_t>;
    default:
      return visit_dtype(dtype_of_source(from),
                         []<class From>() -> Loop { return convert_loop<To, From>; });
  }
}

void copy_level(const ArrayView& from, size_t d, const char* src, char* dst, const Dims& strides,
                Loop loop) {
  const int64_t n = from.sizes[d], src_step = from.strides[d], dst_step = strides[d];
  if (d + 1 == from.sizes.size()) return loop(dst, dst_step, src, src_step, n);
  for (int64_t i = 0; i < n; ++i, src += src_step, dst += dst_step) {
    copy_level(from, d + 1, src, dst, strides, loop);
  }
}

Dims scaled(const Dims& strides, int64_t item) {
  Dims out = strides;
  for (int64_t& s : out) s *= item;
  return out;
}

// ---- Python's buffer protocol ------------------------------------------------------------------

class Buffer {
 public:
  Buffer(PyObject* o, int flags) { check_py(PyObject_GetBuffer(o, &view_, flags)); }
  Buffer(const Buffer&) = delete;
  ~Buffer() { PyBuffer_Release(&view_); }
  const Py_buffer* operator->() const { return &view_; }

 private:
  Py_buffer view_;
};

[[noreturn]] void refuse_type(PyObject* array, const char* op) {
  PyErr_Clear();  // of the attempt to get the buffer, which is less clear than this one
  PyRef dtype(PyObject_GetAttrString(array, "dtype"));
  PyRef type(dtype ? PyObject_GetAttrString(dtype.get(), "type") : nullptr);
  PyErr_Clear();
  fail(ErrorKind::Type, op, "(): can't convert np.ndarray of type ",
       type && PyType_Check(type.get()) ? reinterpret_cast<PyTypeObject*>(type.get())->tp_name
                                        : Py_TYPE(array)->tp_name,
       ". The only supported types are: float64, float32, float16, complex64, complex128, int64, "
       "int32, int16, int8, uint8, and bool. Convert with astype() first");
}

// The kind of a struct-module format of one number: b(ool) i(nt) u(nsigned) f(loat) c(omplex), or
// 0.
char kind_of(const char* f) {
  if (*f == 'Z') return (f[1] == 'f' || f[1] == 'd') && !f[2] ? 'c' : 0;
  if (!*f || f[1]) return 0;
  return *f == '?'                   ? 'b'
         : std::strchr("bhilqn", *f) ? 'i'
         : std::strchr("BHILQN", *f) ? 'u'
         : std::strchr("efd", *f)    ? 'f'
                                     : 0;
}

// Returns false when no number type of ours or NumPy's has that kind and width.
bool find_source(char kind, Py_ssize_t size, Source* out) {
  const auto found = [&](DType t) {
    *out = source_of(t);
    return true;
  };
  switch (kind) {
    case 'b': return size == 1 && found(DType::Bool);
    case 'i':
      return size == 1   ? found(DType::Int8)
             : size == 2 ? found(DType::Int16)
             : size == 4 ? found(DType::Int32)
                         : size == 8 && found(DType::Int64);
    case 'u':
      if (size == 1) return found(DType::UInt8);
      *out = size == 2 ? Source::UInt16 : size == 4 ? Source::UInt32 : Source::UInt64;
      return size == 2 || size == 4 || size == 8;
    case 'f':
      return size == 2   ? found(DType::Float16)
             : size == 4 ? found(DType::Float32)
                         : size == 8 && found(DType::Float64);
    case 'c': return size == 8 ? found(DType::Complex64) : size == 16 && found(DType::Complex128);
    default: return false;
  }
}

// Dimensions of size one and empty arrays may come with any stride; theirs never matters.
void normalize_strides(ArrayView& v) {
  const Dims plain = scaled(contiguous_strides(v.sizes), v.itemsize);
  const bool empty = product(v.sizes) == 0;
  for (size_t d = 0; d < v.sizes.size(); ++d) {
    if (empty || v.sizes[d] == 1) v.strides[d] = plain[d];
  }
}

void release_owner(void* owner) {
  if (Py_IsInitialized()) Py_DECREF(static_cast<PyObject*>(owner));
}

NumpyTypes g_numpy;

// Exceptions leave the table unloaded; the next call tries again.
void load_numpy(PyObject* module) {
  static const char* const scalar_names[kSources] = {
      "uint8",     "int8",       "int16", "int32", "int64",  "float16", "float32", "float64",
      "complex64", "complex128", "bool_", nullptr, "uint16", "uint32",  "uint64"};
  NumpyTypes n;
  const auto type = [&](const char* name) {
    PyObject* o = check_py(PyObject_GetAttrString(module, name));
    FB_CHECK_TYPE(PyType_Check(o), "numpy.", name, " is not a type");
    return reinterpret_cast<PyTypeObject*>(o);
  };
  PyRef dtype(check_py(PyObject_GetAttrString(module, "dtype")));
  for (int i = 0; i < kSources; ++i) {
    if (!scalar_names[i]) continue;
    n.scalars[i] = type(scalar_names[i]);
    if (i < kDTypes) {
      n.dtypes[i] =
          check_py(PyObject_CallOneArg(dtype.get(), reinterpret_cast<PyObject*>(n.scalars[i])));
    }
  }
  n.generic = type("generic");
  n.ndarray = type("ndarray");
  g_numpy = n;
}

}  // namespace

// ---- NumPy's classes ---------------------------------------------------------------------------

const NumpyTypes& numpy_types() {
  if (!g_numpy.ndarray) {
    PyRef module(check_py(PyImport_ImportModule("numpy")));
    load_numpy(module.get());
  }
  return g_numpy;
}

const NumpyTypes* numpy_types_if_loaded() {
  if (g_numpy.ndarray) return &g_numpy;
  PyRef name(check_py(PyUnicode_FromString("numpy")));
  PyRef module(PyImport_GetModule(name.get()));
  if (!module) {
    if (PyErr_Occurred()) throw_python_error();
    return nullptr;
  }
  load_numpy(module.get());
  return &g_numpy;
}

bool is_ndarray(PyObject* o) {
  const NumpyTypes* n = numpy_types_if_loaded();
  return n && PyObject_TypeCheck(o, n->ndarray);
}

bool is_numpy_scalar(PyObject* o) {
  const NumpyTypes* n = numpy_types_if_loaded();
  return n && PyObject_TypeCheck(o, n->generic);
}

// ---- views -------------------------------------------------------------------------------------

bool ArrayView::can_share() const {
  if (!is_dtype_source(type) || swapped) return false;
  for (int64_t s : strides) {
    if (s < 0 || s % itemsize) return false;
  }
  return product(sizes) == 0 ||
         reinterpret_cast<uintptr_t>(data) % alignment_of(dtype_of_source(type)) == 0;
}

ArrayView view_of(const Tensor& t) {
  ArrayView v;
  v.data = static_cast<char*>(t.raw());
  v.type = source_of(t.dtype());
  v.itemsize = t.itemsize();
  v.sizes = t.sizes();
  v.strides = scaled(t.strides(), v.itemsize);
  return v;
}

ArrayView view_of_buffer(PyObject* array, const char* op) {
  ArrayView v;
  const auto read = [&] {
    Buffer b(array, PyBUF_STRIDED_RO | PyBUF_FORMAT);
    const char* format = b->format ? b->format : "B";
    const char order = *format;
    if (std::strchr("@=<>!|^", order) && order) ++format;
    const char kind = kind_of(format);
    if (!find_source(kind, b->itemsize, &v.type)) refuse_type(array, op);
    FB_CHECK(b->ndim <= kMaxDims, op, "(): at most ", kMaxDims, " dimensions are allowed, got ",
             b->ndim);
    v.swapped = b->itemsize > 1 && (order == '>' || order == '!');
    v.data = static_cast<char*>(b->buf);
    v.itemsize = b->itemsize;
    v.readonly = b->readonly;
    v.sizes = Dims(b->shape, b->shape + b->ndim);
    v.strides = b->strides ? Dims(b->strides, b->strides + b->ndim)
                           : scaled(contiguous_strides(v.sizes), v.itemsize);
  };
  try {
    read();
  } catch (const Error& e) {
    // NumPy refuses buffers of dates with ValueError.
    if (e.kind() == ErrorKind::Python && PyErr_ExceptionMatches(PyExc_ValueError)) {
      refuse_type(array, op);
    }
    throw;
  }
  normalize_strides(v);
  return v;
}

void copy_elements(const ArrayView& from, char* dst, DType dtype, const Dims& dst_strides) {
  FB_CHECK_VALUE(!from.swapped,
                 "given numpy array has byte order different from the native byte "
                 "order. Convert it with array.astype(array.dtype.newbyteorder('='))");
  const Loop loop = visit_dtype(dtype, [&]<class To>() { return loop_from<To>(from.type); });
  if (product(from.sizes) == 0) return;
  if (from.sizes.empty()) return loop(dst, 0, from.data, 0, 1);
  // One loop over everything when both sides are packed row by row.
  const int64_t item = element_size(dtype), n = product(from.sizes);
  const Dims plain = contiguous_strides(from.sizes);
  if (scaled(plain, item) == dst_strides && scaled(plain, from.itemsize) == from.strides) {
    return loop(dst, item, from.data, from.itemsize, n);
  }
  copy_level(from, 0, from.data, dst, dst_strides, loop);
}

Tensor copy_view(const ArrayView& from, DType dtype, const char* op) {
  bool dense = true;
  Dims strides = from.strides;
  for (int64_t& s : strides) {
    dense = dense && s % from.itemsize == 0;
    s /= from.itemsize;
  }
  dense = dense && is_dense(from.sizes, strides);
  Tensor t = dense ? empty_strided(from.sizes, strides, dtype, kCpu, op)
                   : empty(from.sizes, dtype, kCpu, op);
  if (dense && source_of(dtype) == from.type && dtype != DType::Bool && !from.swapped) {
    // The same order on both sides: the bytes as they lie.
    if (t.numel()) std::memcpy(t.raw(), from.data, static_cast<size_t>(t.numel() * from.itemsize));
    return t;
  }
  copy_elements(from, static_cast<char*>(t.raw()), dtype, scaled(t.strides(), t.itemsize()));
  return t;
}

void warn_readonly(const char* what, const char* op) {
  check_py(PyErr_WarnFormat(PyExc_UserWarning, 1,
                            "%s(): The given %s is not writable, but writing to the tensor that "
                            "shares its memory would change it all the same. Copy it first, or "
                            "make it writable.",
                            op, what));
}

Tensor share_array(PyObject* owner, const ArrayView& v, const char* op) {
  Dims strides = v.strides;
  for (int64_t& s : strides) s /= v.itemsize;
  const DType dtype = dtype_of_source(v.type);
  checked_numel(v.sizes, v.itemsize, op);
  const size_t nbytes = required_bytes(v.sizes, strides, 0, v.itemsize, op);
  StorageRef storage = borrow_storage(v.data, nbytes, release_owner, owner);
  Py_INCREF(owner);
  return tensor_from_storage(std::move(storage), dtype, v.sizes, strides, 0);
}

}  // namespace flambeau::python
