// Nested Python data to packed memory: lists and tuples at the speed of their pointers, anything
// else through the sequence protocol, NumPy arrays inside them as blocks.
#include "python/sequence.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "python/array_view.h"

namespace flambeau::python {
namespace {

const char* type_name(PyObject* o) { return Py_TYPE(o)->tp_name; }

bool is_text(PyObject* o) { return PyUnicode_Check(o) || PyBytes_Check(o); }

// A tensor inside a list counts as one number.
bool is_nested(PyObject* o) {
  if (PyList_Check(o) || PyTuple_Check(o)) return true;
  if (PyFloat_Check(o) || PyLong_Check(o) || is_tensor(o) || is_text(o)) return false;
  return PySequence_Check(o) && !is_numpy_scalar(o);
}

// Walks over the items of a sequence. Lists may shrink while user code (__float__ and the like)
// runs: each step looks at the list anew.
class Items {
 public:
  Items(PyObject* o, const char* op) : op_(op) {
    seq_ = PyRef(PySequence_Fast(o, "not a sequence"));
    if (!seq_) throw_python_error();
    size_ = PySequence_Fast_GET_SIZE(seq_.get());
  }
  int64_t size() const { return size_; }
  // Borrowed: hold it while code of the user may run.
  PyObject* operator[](int64_t i) const {
    FB_CHECK(i < PySequence_Fast_GET_SIZE(seq_.get()), op_,
             "(): the sequence changed its length while it was read");
    return PySequence_Fast_GET_ITEM(seq_.get(), i);
  }

 private:
  PyRef seq_;
  int64_t size_;
  const char* op_;
};

// ---- shape -------------------------------------------------------------------------------------

Dims infer_sizes(PyObject* data, const char* op) {
  Dims sizes;
  PyRef current = PyRef::borrow(data);
  while (true) {
    PyObject* o = current.get();
    if (is_ndarray(o)) {
      const ArrayView v = view_of_buffer(o, op);
      sizes.append(v.sizes.begin(), v.sizes.end());
      break;
    }
    if (!is_nested(o)) {
      FB_CHECK_VALUE(sizes.empty() || !is_text(o), op, "(): too many dimensions '", type_name(o),
                     "'");
      FB_CHECK_TYPE(!is_text(o), op, "(): invalid data type '", type_name(o), "'");
      break;
    }
    FB_CHECK_VALUE(static_cast<int64_t>(sizes.size()) < kMaxDims, op, "(): too many dimensions '",
                   type_name(o), "', at most ", kMaxDims, " are allowed");
    const int64_t n = PySequence_Size(o);
    check_py(static_cast<int>(n < 0 ? -1 : 0));
    sizes.push_back(n);
    if (n == 0) break;
    current = PyRef(check_py(PySequence_GetItem(o, 0)));
  }
  FB_CHECK_VALUE(static_cast<int64_t>(sizes.size()) <= kMaxDims, op, "(): too many dimensions, ",
                 sizes.size(), ", at most ", kMaxDims, " are allowed");
  return sizes;
}

// ---- type --------------------------------------------------------------------------------------

class TypeFinder {
 public:
  explicit TypeFinder(const char* op) : op_(op) {}

  void visit(PyObject* o, int depth) {
    if (is_nested(o) && !is_ndarray(o)) {
      visit_items(o, depth);
    } else {
      add(o);
    }
  }
  DType result() const { return found_ ? dtype_ : default_dtype(); }

 private:
  void visit_items(PyObject* o, int depth) {
    FB_CHECK_VALUE(depth < kMaxDims, op_, "(): too many dimensions '", type_name(o), "'");
    const Items items(o, op_);
    PyTypeObject* last = nullptr;  // a plain number type whose dtype has been counted
    for (int64_t i = 0; i < items.size(); ++i) {
      PyObject* item = items[i];
      if (Py_TYPE(item) == last) continue;
      const PyRef hold = PyRef::borrow(item);
      if (add_plain(item)) {
        last = Py_TYPE(item);
      } else {
        visit(item, depth + 1);
      }
    }
  }
  void merge(DType t) {
    dtype_ = found_ ? promote(dtype_, t) : t;
    found_ = true;
  }
  // Numbers whose dtype follows from their class alone.
  bool add_plain(PyObject* o) {
    PyTypeObject* t = Py_TYPE(o);
    if (t == &PyFloat_Type)
      merge(default_dtype());
    else if (t == &PyLong_Type)
      merge(DType::Int64);
    else if (t == &PyBool_Type)
      merge(DType::Bool);
    else if (t == &PyComplex_Type)
      merge(to_complex(default_dtype()));
    else
      return false;
    return true;
  }
  void add(PyObject* o) {
    if (add_plain(o)) return;
    if (is_tensor(o)) return merge(impl(o)->dtype);
    if (is_ndarray(o)) {
      const ArrayView v = view_of_buffer(o, op_);
      return merge(known(v.type, o));
    }
    if (is_numpy_scalar(o)) return merge(numpy_scalar_type(o));
    if (PyFloat_Check(o)) return merge(default_dtype());
    if (PyLong_Check(o)) return merge(DType::Int64);
    if (PyComplex_Check(o)) return merge(to_complex(default_dtype()));
    FB_CHECK_TYPE(!is_text(o), op_, "(): invalid data type '", type_name(o), "'");
    fail(ErrorKind::Runtime, op_, "(): Could not infer dtype of ", type_name(o));
  }
  DType numpy_scalar_type(PyObject* o) {
    const NumpyTypes& n = numpy_types();
    for (int i = 0; i < kSources; ++i) {
      if (Py_TYPE(o) == n.scalars[i]) return known(static_cast<Source>(i), o);
    }
    return known(view_of_buffer(o, op_).type, o);
  }
  DType known(Source s, PyObject* o) {
    FB_CHECK_TYPE(is_dtype_source(s), op_, "(): ", type_name(o),
                  " of unsigned integers wider than 8 "
                  "bits has no dtype of its own here; pass dtype=, such as dtype=torch.int64");
    return dtype_of_source(s);
  }

  const char* op_;
  DType dtype_ = DType::Float32;
  bool found_ = false;
};

// ---- values ------------------------------------------------------------------------------------

template <class T>
[[noreturn]] void refuse_value(PyObject* o, const char* op) {
  PyRef text(check_py(PyObject_Str(o)));
  Py_ssize_t n;
  const char* s = PyUnicode_AsUTF8AndSize(text.get(), &n);
  if (!s) throw_python_error();
  fail(ErrorKind::Runtime, op, "(): value cannot be converted to type ", name(dtype_of<T>),
       " without overflow: ", s);
}

// Unsigned types also take the negative of what they hold, and wrap it.
template <class T>
bool fits(int64_t v) {
  if constexpr (sizeof(T) == 8) return true;
  const int64_t max = std::numeric_limits<T>::max();
  return v <= max && v >= (std::is_signed_v<T> ? std::numeric_limits<T>::min() : -max);
}

template <class T>
T integer_from(PyObject* o, const char* op) {
  if (PyFloat_Check(o)) {
    const double v = PyFloat_AS_DOUBLE(o);
    if (!(v >= -9223372036854775808.0 && v < 9223372036854775808.0) ||
        !fits<T>(static_cast<int64_t>(v))) {
      refuse_value<T>(o, op);
    }
    return static_cast<T>(static_cast<int64_t>(v));
  }
  PyRef number;
  if (PyLong_Check(o)) {
    number = PyRef::borrow(o);
  } else if (PyIndex_Check(o)) {
    number = PyRef(check_py(PyNumber_Index(o)));
  } else if (is_numpy_scalar(o) && !PyComplex_Check(o)) {
    PyRef plain(check_py(PyObject_CallMethod(o, "item", nullptr)));
    if (PyFloat_Check(plain.get()) || PyLong_Check(plain.get())) {
      return integer_from<T>(plain.get(), op);
    }
  }
  FB_CHECK_TYPE(number, op, "(): '", type_name(o), "' object cannot be interpreted as an integer");
  int overflow;
  const int64_t v = PyLong_AsLongLongAndOverflow(number.get(), &overflow);
  if (v == -1 && PyErr_Occurred()) throw_python_error();
  FB_CHECK_VALUE(!overflow, op,
                 "(): Overflow when unpacking long long; pass a floating point dtype "
                 "for integers beyond int64");
  if (!fits<T>(v)) refuse_value<T>(o, op);
  return static_cast<T>(v);
}

bool is_complex_number(PyObject* o) {
  if (PyComplex_Check(o)) return true;
  if (PyFloat_Check(o) || PyLong_Check(o)) return false;
  const NumpyTypes* n = numpy_types_if_loaded();
  return n && Py_TYPE(o) == n->scalars[static_cast<int>(DType::Complex64)];
}

// The value of one object that is not of the type's own plain Python class.
template <class T>
T value_from(PyObject* o, const char* op) {
  if (is_tensor(o)) {
    const TensorImpl& t = *impl(o);
    FB_CHECK_VALUE(t.numel == 1, op,
                   "(): only one element tensors can be converted to Python "
                   "scalars, got one of size ",
                   t.sizes, "; use torch.stack for a list of tensors");
    FB_CHECK_KIND(ErrorKind::NotImplemented, !t.device.is_meta(), op,
                  "(): Cannot copy out of meta tensor; no data!");
    return item(borrow_tensor(o)).to<T>();
  }
  if (is_ndarray(o)) {
    const ArrayView v = view_of_buffer(o, op);
    FB_CHECK_VALUE(v.sizes.empty(), op, "(): expected a number (got an array of shape ", v.sizes,
                   ")");
    T value;
    copy_elements(v, reinterpret_cast<char*>(&value), dtype_of<T>, {});
    return value;
  }
  if constexpr (std::is_same_v<T, bool>) {
    FB_CHECK_TYPE(!is_text(o) && !is_nested(o), op, "(): '", type_name(o),
                  "' object cannot be interpreted as a bool");
    return check_py(PyObject_IsTrue(o)) != 0;
  } else if constexpr (is_complex_v<T>) {
    const Py_complex z = PyComplex_AsCComplex(o);
    if (z.real == -1.0 && PyErr_Occurred()) throw_python_error();
    return convert<T>(Complex128(z.real, z.imag));
  } else if constexpr (is_floating_v<T>) {
    // NumPy's complex numbers have a __float__ that drops the imaginary part.
    FB_CHECK_TYPE(!is_complex_number(o), op, "(): must be real number, not ", type_name(o));
    const double v = PyFloat_AsDouble(o);
    if (v == -1.0 && PyErr_Occurred()) throw_python_error();
    return convert<T>(v);
  } else {
    return integer_from<T>(o, op);
  }
}

template <class T>
void fill_numbers(const Items& items, int64_t n, T* out, const char* op) {
  for (int64_t i = 0; i < n; ++i) {
    PyObject* o = items[i];
    if constexpr (std::is_same_v<T, bool>) {
      if (PyBool_Check(o)) {
        out[i] = o == Py_True;
        continue;
      }
    } else if constexpr (is_floating_v<T>) {
      if (PyFloat_CheckExact(o)) {
        out[i] = convert<T>(PyFloat_AS_DOUBLE(o));
        continue;
      }
    } else if constexpr (!is_complex_v<T>) {
      if (PyLong_CheckExact(o)) {
        int overflow;
        const int64_t v = PyLong_AsLongLongAndOverflow(o, &overflow);
        if (!overflow && fits<T>(v)) {
          out[i] = static_cast<T>(v);
          continue;
        }
      }
    }
    const PyRef hold = PyRef::borrow(o);
    out[i] = value_from<T>(o, op);
  }
}

template <class T>
class Filler {
 public:
  Filler(const Dims& sizes, const char* op)
      : sizes_(sizes), steps_(contiguous_strides(sizes)), op_(op) {}

  void fill(PyObject* o, size_t depth, T* out) {
    if (is_ndarray(o)) return fill_array(o, depth, out);
    if (depth == sizes_.size()) {
      *out = value_from<T>(o, op_);
      return;
    }
    FB_CHECK_TYPE(is_nested(o), op_, "(): not a sequence: expected one of length ", sizes_[depth],
                  " at dim ", depth, " (got ", type_name(o), ")");
    const Items items(o, op_);
    const int64_t n = sizes_[depth];
    FB_CHECK_VALUE(items.size() == n, op_, "(): expected sequence of length ", n, " at dim ", depth,
                   " (got ", items.size(), ")");
    if (depth + 1 == sizes_.size() && (n == 0 || !is_ndarray(items[0]))) {
      return fill_numbers<T>(items, n, out, op_);
    }
    for (int64_t i = 0; i < n; ++i) {
      const PyRef item = PyRef::borrow(items[i]);
      fill(item.get(), depth + 1, out ? out + i * steps_[depth] : nullptr);
    }
  }

 private:
  void fill_array(PyObject* o, size_t depth, T* out) {
    const ArrayView v = view_of_buffer(o, op_);
    const Dims expected(sizes_.begin() + depth, sizes_.end());
    for (size_t d = 0; d < std::min(v.sizes.size(), expected.size()); ++d) {
      FB_CHECK_VALUE(v.sizes[d] == expected[d], op_, "(): expected sequence of length ",
                     expected[d], " at dim ", depth + d, " (got ", v.sizes[d], ")");
    }
    FB_CHECK_VALUE(v.sizes == expected, op_, "(): expected an array of shape ", expected,
                   " at dim ", depth, " (got ", v.sizes, ")");
    Dims strides(steps_.begin() + depth, steps_.end());
    for (int64_t& s : strides) s *= static_cast<int64_t>(sizeof(T));
    copy_elements(v, reinterpret_cast<char*>(out), dtype_of<T>, strides);
  }

  const Dims& sizes_;
  Dims steps_;
  const char* op_;
};

}  // namespace

SequenceInfo inspect_data(PyObject* data, bool want_dtype, const char* op) {
  SequenceInfo info;
  info.sizes = infer_sizes(data, op);
  if (want_dtype) {
    TypeFinder finder(op);
    finder.visit(data, 0);
    info.dtype = finder.result();
  }
  return info;
}

void fill_from_data(PyObject* data, const Dims& sizes, DType dtype, char* out, const char* op) {
  visit_dtype(dtype,
              [&]<class T>() { Filler<T>(sizes, op).fill(data, 0, reinterpret_cast<T*>(out)); });
}

}  // namespace flambeau::python
