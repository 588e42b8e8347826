// Arguments of generated operators: chooses the overload, then converts each argument by its type.
#pragma once
#include <array>
#include <optional>
#include <tuple>
#include <vector>

#include "ops/op_types.h"
#include "python/py.h"

namespace flambeau::python {

enum class ArgKind : uint8_t {
  Tensor,
  Operand,
  OptTensor,
  OptOperand,
  TensorList,
  OptTensorList,
  Scalar,
  OptScalar,
  Int,
  OptInt,
  IntList,
  OptIntList,
  Float,
  OptFloat,
  FloatList,
  OptFloatList,
  Bool,
  OptBool,
  Str,
  OptStr,
  DType,
  OptDType,
  OptDevice,
  OptLayout,
  MemoryFormat,
  OptMemoryFormat,
  OptGenerator
};

struct Param {
  const char* name;
  const char* alias;  // another accepted keyword (axis for dim), or null
  ArgKind kind;
  bool has_default;
  int expand;  // int[2]: a single int stands for that many; 0: no
};

struct Signature {
  const char* text;  // for errors
  const Param* params;
  int count;
  int positional;  // how many may be given by position
  bool varargs;    // view(2, 3) as well as view((2, 3))
};

struct Overloads {
  const char* name;
  const Signature* const* list;
  int count;
  PyObject* function = nullptr;  // for __torch_function__: found on first need
};

inline constexpr int kMaxArgs = 24;
#define FB_FASTCALL(f) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f))
inline constexpr int kFastcall = METH_FASTCALL | METH_KEYWORDS;

// Fills `slots` with borrowed references (null where the default applies) and returns the index of
// the overload. Returns -1 with slots[0] a new reference when an argument's __torch_function__ has
// answered. Raises TypeError that lists what was given and what is allowed.
int parse_arguments(Overloads& overloads, PyObject* const* args, Py_ssize_t nargs,
                    PyObject* kwnames, PyObject** slots);

// True iff the type overrides __torch_function__; cached per type.
bool overrides_torch_function(PyObject* o);
// The arguments that were gathered for varargs, alive until the next call of the parser.
PyObject* gather_varargs(PyObject* const* args, Py_ssize_t n);

using Callable = PyObject* (*)(PyObject* const*, Py_ssize_t, PyObject*);
inline PyObject* call_with_self(Callable f, PyObject* self, PyObject* const* args, Py_ssize_t n,
                                PyObject* kwnames) {
  const Py_ssize_t total = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  if (total < kMaxArgs) [[likely]] {
    PyObject* all[kMaxArgs];
    all[0] = self;
    for (Py_ssize_t i = 0; i < total; ++i) all[i + 1] = args[i];
    return f(all, n + 1, kwnames);
  }
  std::vector<PyObject*> all{self};
  all.insert(all.end(), args, args + total);
  return f(all.data(), n + 1, kwnames);
}

// ---- conversions; the parser has checked the kind

inline Tensor as_tensor(PyObject* o) { return borrow_tensor(o); }
Scalar as_scalar(PyObject* o);
inline Tensor as_operand(PyObject* o) {
  return is_tensor(o) ? borrow_tensor(o) : number_tensor(as_scalar(o));
}
inline Tensor as_opt_tensor(PyObject* o) { return o == Py_None ? Tensor() : borrow_tensor(o); }
inline Tensor as_opt_operand(PyObject* o) { return o == Py_None ? Tensor() : as_operand(o); }
TensorList as_tensor_list(PyObject* o);
TensorList as_opt_tensor_list(PyObject* o);
int64_t as_int(PyObject* o);
double as_float(PyObject* o);
bool as_bool(PyObject* o);
Dims as_int_list(PyObject* o, int expand = 0);
std::vector<double> as_float_list(PyObject* o);
std::string as_str(PyObject* o);
inline DType as_dtype(PyObject* o) { return to_dtype(o); }
inline MemoryFormat as_memory_format(PyObject* o) { return to_memory_format(o); }
Generator* as_generator(PyObject* o);
void check_layout(PyObject* o);
void refuse_pin_memory(PyObject* o, const char* op);
// Raises TypeError unless one of the operands is a tensor.
void refuse_numbers(const char* op, std::initializer_list<PyObject*> operands);

#define FB_OPTIONAL(name, T, convert)                              \
  inline std::optional<T> name(PyObject* o) {                      \
    return o == Py_None ? std::nullopt : std::optional<T>(convert(o)); \
  }
FB_OPTIONAL(as_opt_scalar, Scalar, as_scalar)
FB_OPTIONAL(as_opt_int, int64_t, as_int)
FB_OPTIONAL(as_opt_float, double, as_float)
FB_OPTIONAL(as_opt_bool, bool, as_bool)
FB_OPTIONAL(as_opt_float_list, std::vector<double>, as_float_list)
FB_OPTIONAL(as_opt_str, std::string, as_str)
FB_OPTIONAL(as_opt_dtype, DType, to_dtype)
FB_OPTIONAL(as_opt_device, Device, to_device)
FB_OPTIONAL(as_opt_memory_format, MemoryFormat, to_memory_format)
#undef FB_OPTIONAL
inline std::optional<Dims> as_opt_int_list(PyObject* o, int expand = 0) {
  return o == Py_None ? std::nullopt : std::optional<Dims>(as_int_list(o, expand));
}

// ---- results

// An operator given nothing but numbers has computed one in double: it becomes an ordinary tensor.
Tensor settle_number(const Tensor& t);
inline Tensor settled(Tensor t) { return t->is_number ? settle_number(t) : t; }

inline PyObject* wrap(DType t) { return wrap_dtype(t); }
inline PyObject* wrap(const Dims& d) { return wrap_dims(d); }
// In-place and out= operators return the very object they were given.
inline PyObject* return_self(PyObject* self, const Tensor&) {
  Py_INCREF(self);
  return self;
}
template <class... Ts>
PyObject* return_self(PyObject* self, const std::tuple<Ts...>&) {
  Py_INCREF(self);
  return self;
}
template <class... Ts>
PyObject* wrap_tuple(std::tuple<Ts...> values) {
  PyRef tuple(check_py(PyTuple_New(sizeof...(Ts))));
  Py_ssize_t i = 0;
  std::apply([&](auto&... v) { (PyTuple_SET_ITEM(tuple.get(), i++, wrap(std::move(v))), ...); },
             values);
  return tuple.release();
}
// torch.return_types.max and its like: named tuples, made when first needed.
struct NamedTuple {
  const char* op;
  const char* const* fields;
  int count;
  PyTypeObject* type = nullptr;
};
PyObject* wrap_named_values(NamedTuple& named, PyObject** values);
template <class... Ts>
PyObject* wrap_named(NamedTuple& named, std::tuple<Ts...> values) {
  std::array<PyObject*, sizeof...(Ts)> items;
  size_t i = 0;
  std::apply([&](auto&... v) { ((items[i++] = wrap(std::move(v))), ...); }, values);
  return wrap_named_values(named, items.data());
}
// The i-th of n tensors given as out=.
Tensor out_at(PyObject* out, int i, int n);
Tensor with_requires_grad(Tensor t, PyObject* flag);

}  // namespace flambeau::python
