// x[index], x[index] = value, iteration and `in`.
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "ops_index.h"
#include "ops_shape.h"
#include "python/arg_parser.h"
#include "python/array_view.h"
#include "python/construct.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"

namespace flambeau::python {

namespace {

// One part of an index, after conversion.
struct Item {
  enum Kind : uint8_t { Select, Slice, NewAxis, Ellipsis, Flag, Indices } kind;
  int64_t position = 0;       // Select; Flag: 0 or 1
  PyObject* slice = nullptr;  // Slice, borrowed
  Tensor indices;             // Indices
};

[[noreturn]] void fail_item(PyObject* o) {
  fail(ErrorKind::Index,
       "only integers, slices (`:`), ellipsis (`...`), None and long or byte "
       "Variables are valid indices (got ",
       Py_TYPE(o)->tp_name, ")");
}

bool is_list_like(PyObject* o) {
  return PyList_Check(o) || PyTuple_Check(o) || is_ndarray(o) ||
         (PySequence_Check(o) && !PyUnicode_Check(o) && !PyBytes_Check(o));
}

int64_t position_of(PyObject* o) {
  int overflow = 0;
  const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
  FB_CHECK_VALUE(!overflow,
                 "Overflow when unpacking long long: the index does not fit into 64 bits");
  if (v == -1 && PyErr_Occurred()) throw_python_error();
  return v;
}

// Sequences become int64 indices unless they hold bools or bytes.
Tensor indices_from_data(PyObject* data) {
  Tensor t = tensor_from_data(data, nullptr, kCpu, "index");
  const bool mask = t.dtype() == DType::Bool || t.dtype() == DType::UInt8;
  return mask || t.dtype() == DType::Int64 ? t : to_dtype(t, DType::Int64);
}

Item tensor_item(Tensor t) {
  FB_CHECK_INDEX(is_integral(t.dtype()) && t.dtype() != DType::Int8 && t.dtype() != DType::Int16,
                 "tensors used as indices must be long, int, byte or bool tensors, got ",
                 t.dtype());
  if (t.dim() == 0 && !t.is_meta()) {
    const int64_t v = item(t).to_int();
    if (t.dtype() == DType::Bool || t.dtype() == DType::UInt8)
      return {Item::Flag, v != 0, nullptr, {}};
    return {Item::Select, v, nullptr, {}};
  }
  return {Item::Indices, 0, nullptr, std::move(t)};
}

Item convert_item(PyObject* o) {
  if (PyLong_CheckExact(o)) return {Item::Select, position_of(o), nullptr, {}};
  if (PySlice_Check(o)) return {Item::Slice, 0, o, {}};
  if (o == Py_None) return {Item::NewAxis, 0, nullptr, {}};
  if (o == Py_Ellipsis) return {Item::Ellipsis, 0, nullptr, {}};
  if (PyBool_Check(o)) return {Item::Flag, o == Py_True, nullptr, {}};
  if (is_tensor(o)) return tensor_item(borrow_tensor(o));
  if (is_list_like(o)) return tensor_item(indices_from_data(o));
  if (!PyIndex_Check(o)) fail_item(o);
  PyRef index(check_py(PyNumber_Index(o)));
  return {Item::Select, position_of(index.get()), nullptr, {}};
}

// A list is a tuple of indices when it holds more than plain numbers.
bool stands_for_tuple(PyObject* o) {
  if (!PyList_Check(o) || PyList_GET_SIZE(o) >= 32) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); ++i) {
    PyObject* item = PyList_GET_ITEM(o, i);
    if (is_tensor(item) || PySlice_Check(item) || item == Py_Ellipsis || item == Py_None ||
        is_list_like(item)) {
      return true;
    }
  }
  return false;
}

// The window that the numbers and slices choose, while dimensions are consumed from the left.
class WindowBuilder {
 public:
  explicit WindowBuilder(const TensorImpl& t)
      : t_(t), dense_(t.contiguous ? t.strides : contiguous_strides(t.sizes)), offset_(t.offset) {}

  void select(int64_t index) {
    const int64_t size = t_.sizes[dim_];
    const int64_t at = index < 0 ? index + size : index;
    FB_CHECK_INDEX(at >= 0 && at < size, "index ", index, " is out of bounds for dimension ", dim_,
                   " with size ", size);
    shift(at);
    ++dim_;
    changed_ = true;
  }
  void slice(PyObject* o) {
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(o, &start, &stop, &step) < 0) throw_python_error();
    FB_CHECK_VALUE(step > 0, "step must be greater than zero");
    const int64_t size = t_.sizes[dim_];
    const int64_t n = PySlice_AdjustIndices(size, &start, &stop, step);
    changed_ |= n != size;
    shift(start);
    add(n, step);
    ++dim_;
  }
  void whole() {
    add(t_.sizes[dim_], 1);
    ++dim_;
  }
  void new_axis() {
    sizes_.push_back(1);
    strides_.push_back(0);
    dense_strides_.push_back(0);
    changed_ = true;
  }
  int64_t dim() const { return dim_; }
  int64_t result_dims() const { return static_cast<int64_t>(sizes_.size()); }
  bool changed() const { return changed_; }

  Tensor record(const Tensor& self) const {
    return ops::_window(self, sizes_, strides_, offset_, dense_strides_, dense_offset_);
  }
  Tensor plain(const Tensor& self) const {
    FB_CHECK(result_dims() <= kMaxDims, "index: ", result_dims(), " dimensions asked for, at most ",
             kMaxDims, " are supported");
    return alias(self, sizes_, strides_, offset_);
  }

 private:
  void shift(int64_t by) {
    offset_ += by * t_.strides[dim_];
    dense_offset_ += by * dense_[dim_];
  }
  void add(int64_t size, int64_t step) {
    sizes_.push_back(size);
    int64_t stride = 0, dense = 0;
    // A step beyond the end is never taken.
    if (size > 1)
      stride = t_.strides[dim_] * step, dense = dense_[dim_] * step;
    else if (step == 1)
      stride = t_.strides[dim_], dense = dense_[dim_];
    strides_.push_back(stride);
    dense_strides_.push_back(dense);
  }

  const TensorImpl& t_;
  const Dims dense_;
  int64_t dim_ = 0, offset_ = 0, dense_offset_ = 0;
  Dims sizes_, strides_, dense_strides_;
  bool changed_ = false;
};

// An index taken apart: a window, and tensors of indices into it.
struct ParsedIndex {
  WindowBuilder window;
  TensorList indices;  // by dimension of the window; empty without tensors

  explicit ParsedIndex(const TensorImpl& t) : window(t) {}
};

int64_t dims_used(const Item& item) {
  switch (item.kind) {
    case Item::Select:
    case Item::Slice: return 1;
    case Item::Indices: {
      const DType t = item.indices.dtype();
      return t == DType::Bool || t == DType::UInt8 ? item.indices.dim() : 1;
    }
    default: return 0;
  }
}

void apply(const Item& item, int64_t rest, ParsedIndex& out) {
  WindowBuilder& window = out.window;
  switch (item.kind) {
    case Item::Select: window.select(item.position); return;
    case Item::Slice: window.slice(item.slice); return;
    case Item::NewAxis: window.new_axis(); return;
    case Item::Ellipsis:
      for (int64_t i = 0; i < rest; ++i) window.whole();
      return;
    case Item::Flag: {
      out.indices.resize(static_cast<size_t>(window.result_dims()) + 1);
      out.indices.back() = empty({item.position}, DType::Int64);
      if (item.position) *out.indices.back().data<int64_t>() = 0;
      window.new_axis();
      return;
    }
    case Item::Indices: {
      out.indices.resize(static_cast<size_t>(window.result_dims()) + 1);
      out.indices.back() = item.indices;
      const int64_t used = dims_used(item);
      for (int64_t i = 0; i < used; ++i) window.whole();
      // A mask of several dimensions stands for as many index tensors.
      return;
    }
  }
}

void parse(const TensorImpl& t, PyObject* index, ParsedIndex& out) {
  SmallVec<Item, 6> items;
  if (PyTuple_Check(index) || stands_for_tuple(index)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(index);
    for (Py_ssize_t i = 0; i < n; ++i)
      items.push_back(convert_item(PySequence_Fast_GET_ITEM(index, i)));
  } else {
    items.push_back(convert_item(index));
    FB_CHECK_INDEX(!(PyLong_Check(index) && t.sizes.empty() && !PyBool_Check(index)),
                   "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or "
                   "`tensor.item<T>()` in C++ to convert a 0-dim tensor to a number");
  }
  int64_t used = 0;
  for (const Item& item : items) used += dims_used(item);
  const int64_t ndim = static_cast<int64_t>(t.sizes.size());
  FB_CHECK_INDEX(used <= ndim, "too many indices for tensor of dimension ", ndim);
  int64_t rest = ndim - used;
  for (const Item& item : items) {
    apply(item, rest, out);
    if (item.kind == Item::Ellipsis) rest = 0;
  }
  while (out.window.dim() < ndim) out.window.whole();
}

// The indices in the form that operators take: a mask of k dimensions fills k places by itself.
TensorList dense_indices(const TensorList& by_dim) {
  TensorList list;
  for (size_t d = 0; d < by_dim.size();) {
    const Tensor& t = by_dim[d];
    list.push_back(t);
    const bool mask = t.defined() && (t.dtype() == DType::Bool || t.dtype() == DType::UInt8);
    d += mask ? static_cast<size_t>(t.dim()) : 1;
  }
  return list;
}

// __torch_function__ of subclasses, for the tensor and for what stands inside the index.
PyObject* overridden(const char* name, PyObject* const* args, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!may_override(args[i])) continue;
    static Overloads get{"__getitem__", nullptr, 0}, set{"__setitem__", nullptr, 0};
    return call_torch_function(name[2] == 'g' ? get : set, args, n, nullptr);
  }
  return nullptr;
}

PyObject* get(PyObject* self, PyObject* index) {
  const Tensor t = borrow_tensor(self);
  if (PyLong_CheckExact(index) && !t->sizes.empty()) {
    WindowBuilder window(*t.get());
    window.select(position_of(index));
    while (window.dim() < t.dim()) window.whole();
    return wrap(window.record(t));
  }
  ParsedIndex parsed(*t.get());
  parse(*t.get(), index, parsed);
  if (parsed.indices.empty()) return wrap(parsed.window.record(t));
  const Tensor view = parsed.window.changed() ? parsed.window.record(t) : t;
  return wrap(ops::index(view, dense_indices(parsed.indices)));
}

// ---- assignment

bool is_plain_number(PyObject* o) {
  if (PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o)) return true;
  const PyNumberMethods* n = Py_TYPE(o)->tp_as_number;
  return n && (n->nb_index || n->nb_float) && !PySequence_Check(o);
}

Tensor without_leading_ones(const Tensor& value, int64_t ndim) {
  int64_t extra = 0;
  while (value.dim() - extra > ndim && value.size(extra) == 1) ++extra;
  if (!extra) return value;
  return ops::view(value, Dims(value.sizes().begin() + extra, value.sizes().end()));
}

void check_number(const Scalar& v, DType t) {
  FB_CHECK(!v.is_complex() || is_complex(t), "value cannot be converted to type ", t,
           " without overflow");
}

// A number into a window.
void assign_number(const Tensor& self, const WindowBuilder& window, const Scalar& v) {
  check_number(v, self.dtype());
  if (needs_grad(self)) {
    ops::copy_(window.record(self), number_tensor(v));
    return;
  }
  const Tensor view = window.plain(self);
  if (!view.is_meta()) fill_elements(view, v);
  bump_version(self);
}

void assign_tensor(const Tensor& self, const WindowBuilder& window, const Tensor& value) {
  const Tensor v = without_leading_ones(value, window.result_dims());
  if (needs_grad(self, v)) {
    ops::copy_(window.record(self), v);
    return;
  }
  const Tensor view = window.plain(self);
  if (!view.is_meta()) copy_elements(view, v, "setitem");
  bump_version(self);
}

bool is_mask_of(const Tensor& view, const TensorList& indices) {
  return indices.size() == 1 && indices[0].defined() && indices[0].dtype() == DType::Bool &&
         indices[0].sizes() == view.sizes();
}

void assign_indices(const Tensor& self, const ParsedIndex& parsed, PyObject* value) {
  const Tensor view = parsed.window.changed() ? parsed.window.record(self) : self;
  const TensorList indices = dense_indices(parsed.indices);
  const bool mask = is_mask_of(view, indices);
  if (!is_tensor(value)) {
    const Scalar v = as_scalar(value);
    check_number(v, self.dtype());
    if (mask) {
      ops::masked_fill_(view, indices[0], v);
    } else {
      ops::index_put_(view, indices, scalar_tensor(v, self.dtype(), self.device()));
    }
    return;
  }
  const Tensor v = borrow_tensor(value);
  if (mask && v.numel() == 1) {
    ops::masked_fill_Tensor_(view, indices[0], v.dim() ? ops::view(v, Dims()) : v);
    return;
  }
  ops::index_put_(view, indices,
                  without_leading_ones(
                      v, kMaxDims < v.dim() ? 0 : [&] {
                        // The result has the dimensions of the window, with those of the indices
                        // merged in.
                        int64_t longest = 0, taken = 0;
                        for (const Tensor& t : indices) {
                          if (!t.defined()) continue;
                          const bool is_mask =
                              t.dtype() == DType::Bool || t.dtype() == DType::UInt8;
                          longest = std::max(longest, is_mask ? int64_t{1} : t.dim());
                          taken += is_mask ? t.dim() : 1;
                        }
                        return view.dim() - taken + longest;
                      }()));
}

void set(PyObject* self, PyObject* index, PyObject* value) {
  const Tensor t = borrow_tensor(self);
  const bool number = !is_tensor(value);
  FB_CHECK_TYPE(!number || is_plain_number(value), "can't assign a ", Py_TYPE(value)->tp_name,
                " to a torch.", type_name(t.dtype()), "Tensor; make it a tensor first");
  FB_CHECK(!has_internal_overlap(t),
           "setitem: unsupported operation: more than one element of the "
           "written-to tensor refers to a single memory location. Please clone() the tensor before "
           "performing the operation.");
  ParsedIndex parsed(*t.get());
  parse(*t.get(), index, parsed);
  if (!parsed.indices.empty()) {
    assign_indices(t, parsed, value);
  } else if (number) {
    assign_number(t, parsed.window, as_scalar(value));
  } else {
    assign_tensor(t, parsed.window, borrow_tensor(value));
  }
}

}  // namespace

PyObject* tensor_getitem(PyObject* self, PyObject* index) {
  return guard([&]() -> PyObject* {
    if (!PyLong_CheckExact(index) || !is_exact_tensor(self)) {
      PyObject* args[] = {self, index};
      if (PyObject* answer = overridden("__getitem__", args, 2)) return answer;
    }
    return get(self, index);
  });
}

int tensor_setitem(PyObject* self, PyObject* index, PyObject* value) {
  return guard(
      [&]() -> int {
        FB_CHECK_TYPE(value, "Tensor does not support deleting items");
        PyObject* args[] = {self, index, value};
        if (PyObject* answer = overridden("__setitem__", args, 3)) {
          Py_DECREF(answer);
          return 0;
        }
        set(self, index, value);
        return 0;
      },
      -1);
}

PyObject* tensor_iter(PyObject* self) {
  return guard([&]() -> PyObject* {
    const Tensor t = borrow_tensor(self);
    FB_CHECK_TYPE(t.dim() > 0, "iteration over a 0-d tensor");
    const Py_ssize_t n = static_cast<Py_ssize_t>(t.size(0));
    // With a history all rows share one node, whose gradient is one stack().
    if (needs_grad(t)) {
      PyRef rows(check_py(wrap(ops::unbind(t, 0))));
      return check_py(PyObject_GetIter(rows.get()));
    }
    PyRef rows(check_py(PyTuple_New(n)));
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyRef position(check_py(PyLong_FromSsize_t(i)));
      PyTuple_SET_ITEM(rows.get(), i, check_py(tensor_getitem(self, position.get())));
    }
    return check_py(PyObject_GetIter(rows.get()));
  });
}

int tensor_contains(PyObject* self, PyObject* value) {
  return guard(
      [&]() -> int {
        FB_CHECK(is_tensor(value) || is_plain_number(value),
                 "Tensor.__contains__ only supports Tensor or "
                 "scalar, but you passed in a ",
                 Py_TYPE(value)->tp_name, ".");
        PyRef equal(check_py(PyObject_RichCompare(self, value, Py_EQ)));
        PyRef found(check_py(PyObject_CallMethod(equal.get(), "any", nullptr)));
        return check_py(PyObject_IsTrue(found.get()));
      },
      -1);
}

}  // namespace flambeau::python
