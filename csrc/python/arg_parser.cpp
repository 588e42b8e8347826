#include "python/arg_parser.h"

#include <structseq.h>

#include <cmath>
#include <unordered_map>

#include "autograd/autograd.h"
#include "python/torch_function.h"

namespace flambeau::python {

namespace {

const char* kind_name(ArgKind kind) {
  static const char* const names[] = {"Tensor",
                                      "Tensor",
                                      "Tensor",
                                      "Tensor",
                                      "tuple of Tensors",
                                      "tuple of Tensors",
                                      "Number",
                                      "Number",
                                      "int",
                                      "int",
                                      "tuple of ints",
                                      "tuple of ints",
                                      "float",
                                      "float",
                                      "tuple of floats",
                                      "tuple of floats",
                                      "bool",
                                      "bool",
                                      "str",
                                      "str",
                                      "torch.dtype",
                                      "torch.dtype",
                                      "torch.device",
                                      "torch.layout",
                                      "torch.memory_format",
                                      "torch.memory_format",
                                      "torch.Generator"};
  return names[static_cast<int>(kind)];
}

bool accepts_none(ArgKind kind) {
  switch (kind) {
    case ArgKind::OptTensor:
    case ArgKind::OptOperand:
    case ArgKind::OptTensorList:
    case ArgKind::OptScalar:
    case ArgKind::OptInt:
    case ArgKind::OptIntList:
    case ArgKind::OptFloat:
    case ArgKind::OptFloatList:
    case ArgKind::OptBool:
    case ArgKind::OptStr:
    case ArgKind::OptDType:
    case ArgKind::OptDevice:
    case ArgKind::OptLayout:
    case ArgKind::OptMemoryFormat:
    case ArgKind::OptGenerator: return true;
    default: return false;
  }
}

// A 0-d tensor of a fitting type stands for a number, as in PyTorch.
bool is_number_tensor(PyObject* o, bool integral) {
  if (!is_tensor(o)) return false;
  const TensorImpl* t = impl(o);
  return t->sizes.empty() && (!integral || is_integral(t->dtype));
}

bool is_numpy_like_number(PyObject* o) {
  const PyNumberMethods* n = Py_TYPE(o)->tp_as_number;
  return n && (n->nb_index || n->nb_float) && !PySequence_Check(o) && !is_tensor(o);
}

bool is_number(PyObject* o) {
  return PyFloat_Check(o) || PyLong_Check(o) || PyComplex_Check(o) || is_number_tensor(o, false) ||
         is_numpy_like_number(o);
}

bool is_int(PyObject* o) {
  if (PyLong_CheckExact(o)) return true;
  if (PyLong_Check(o)) return !PyBool_Check(o);
  if (is_tensor(o)) return is_number_tensor(o, true);
  const PyNumberMethods* n = Py_TYPE(o)->tp_as_number;
  return n && n->nb_index;
}

bool is_sequence(PyObject* o) { return PyTuple_Check(o) || PyList_Check(o); }

bool is_int_sequence(PyObject* o) {
  if (!is_sequence(o)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!is_int(PySequence_Fast_GET_ITEM(o, i)) && !PyBool_Check(PySequence_Fast_GET_ITEM(o, i)))
      return false;
  }
  return true;
}

bool is_tensor_sequence(PyObject* o, bool or_none) {
  if (!is_sequence(o)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PySequence_Fast_GET_ITEM(o, i);
    if (!is_tensor(item) && !(or_none && item == Py_None)) return false;
  }
  return true;
}

bool matches(const Param& p, PyObject* o) {
  if (o == Py_None) return accepts_none(p.kind);
  switch (p.kind) {
    case ArgKind::Tensor:
    case ArgKind::OptTensor: return is_tensor(o);
    case ArgKind::Operand:
    case ArgKind::OptOperand: return is_tensor(o) || is_number(o);
    case ArgKind::TensorList: return is_tensor_sequence(o, false);
    case ArgKind::OptTensorList: return is_tensor_sequence(o, true);
    case ArgKind::Scalar:
    case ArgKind::OptScalar:
    case ArgKind::Float:
    case ArgKind::OptFloat: return is_number(o);
    case ArgKind::Int:
    case ArgKind::OptInt: return is_int(o) || PyBool_Check(o);
    case ArgKind::IntList:
    case ArgKind::OptIntList: return is_int_sequence(o) || is_int(o);
    case ArgKind::FloatList:
    case ArgKind::OptFloatList: return is_sequence(o);
    case ArgKind::Bool:
    case ArgKind::OptBool:
      return PyBool_Check(o) ||
             (is_tensor(o) && impl(o)->numel == 1 && impl(o)->dtype == DType::Bool);
    case ArgKind::Str:
    case ArgKind::OptStr: return PyUnicode_Check(o);
    case ArgKind::DType:
    case ArgKind::OptDType: return is_dtype(o);
    case ArgKind::OptDevice: return is_device(o) || PyLong_Check(o);
    case ArgKind::OptLayout: return is_layout(o);
    case ArgKind::MemoryFormat:
    case ArgKind::OptMemoryFormat: return is_memory_format(o);
    case ArgKind::OptGenerator: return is_generator(o);
  }
  return false;
}

// The common case first: a plain tensor where a tensor is wanted.
inline bool fits(const Param& p, PyObject* o) {
  return (p.kind <= ArgKind::OptOperand && is_exact_tensor(o)) || matches(p, o);
}

int find_keyword(const Signature& s, PyObject* key) {
  for (int i = 0; i < s.count; ++i) {
    if (PyUnicode_CompareWithASCIIString(key, s.params[i].name) == 0) return i;
  }
  for (int i = 0; i < s.count; ++i) {
    const char* alias = s.params[i].alias;
    if (alias && PyUnicode_CompareWithASCIIString(key, alias) == 0) return i;
  }
  // `self` is called `input` everywhere; older programs write the former.
  if (s.count && PyUnicode_CompareWithASCIIString(key, "self") == 0 &&
      std::string_view(s.params[0].name) == "input") {
    return 0;
  }
  return -1;
}

// Tries one overload. `reason`, when asked for, gets why it does not fit.
bool try_signature(const Signature& s, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                   PyObject** slots, std::string* reason) {
  for (int i = 0; i < s.count; ++i) slots[i] = nullptr;
  Py_ssize_t taken = nargs;
  // view(2, 3): from the list's position on, every positional argument belongs to the list.
  const int list_at = s.positional - 1;
  if (s.varargs && nargs > list_at && (nargs > s.positional || is_int(args[list_at])) &&
      !(nargs == s.positional && !is_int(args[list_at]))) {
    for (Py_ssize_t i = list_at; i < nargs; ++i) {
      if (!is_int(args[i])) {
        if (reason) *reason = str("argument ", i + 1, " must be int");
        return false;
      }
    }
    slots[list_at] = gather_varargs(args + list_at, nargs - list_at);
    taken = list_at;
  } else if (nargs > s.positional) {
    if (reason) *reason = str("takes ", s.positional, " positional arguments, got ", nargs);
    return false;
  }
  for (Py_ssize_t i = 0; i < taken; ++i) {
    const Param& p = s.params[i];
    if (!fits(p, args[i])) [[unlikely]] {
      if (reason) {
        *reason = str("argument '", p.name, "' (position ", i + 1, ") must be ", kind_name(p.kind),
                      ", not ", Py_TYPE(args[i])->tp_name);
      }
      return false;
    }
    slots[i] = args[i] == Py_None && p.has_default ? nullptr : args[i];
  }
  const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    PyObject* key = PyTuple_GET_ITEM(kwnames, k);
    const int at = find_keyword(s, key);
    if (at < 0) {
      if (reason) *reason = str("got an unexpected keyword argument '", PyUnicode_AsUTF8(key), "'");
      return false;
    }
    PyObject* value = args[nargs + k];
    if (slots[at] || at < taken) {
      if (reason) *reason = str("got multiple values for argument '", s.params[at].name, "'");
      return false;
    }
    if (value == Py_None && s.params[at].has_default) continue;
    if (!fits(s.params[at], value)) {
      if (reason) {
        *reason = str("argument '", s.params[at].name, "' must be ", kind_name(s.params[at].kind),
                      ", not ", Py_TYPE(value)->tp_name);
      }
      return false;
    }
    slots[at] = value;
  }
  for (Py_ssize_t i = taken; i < s.count; ++i) {
    if (!slots[i] && !s.params[i].has_default) {
      if (reason) *reason = str("missing required argument '", s.params[i].name, "'");
      return false;
    }
  }
  return true;
}

[[noreturn]] void fail_arguments(const Overloads& o, PyObject* const* args, Py_ssize_t nargs,
                                 PyObject* kwnames) {
  std::vector<PyObject*> slots(kMaxArgs);
  std::string reason;
  if (o.count == 1) {
    try_signature(*o.list[0], args, nargs, kwnames, slots.data(), &reason);
    fail(ErrorKind::Type, o.name, "(): ", reason, "; expected ", o.list[0]->text);
  }
  std::string given, allowed;
  for (Py_ssize_t i = 0; i < nargs; ++i) given += str(i ? ", " : "", Py_TYPE(args[i])->tp_name);
  const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    given += str(given.empty() ? "" : ", ", PyUnicode_AsUTF8(PyTuple_GET_ITEM(kwnames, k)), "=",
                 Py_TYPE(args[nargs + k])->tp_name);
  }
  for (int i = 0; i < o.count; ++i) {
    try_signature(*o.list[i], args, nargs, kwnames, slots.data(), &reason);
    allowed += str("\n * ", o.list[i]->text, "\n     ", reason);
  }
  fail(ErrorKind::Type, o.name, "() received an invalid combination of arguments - got (", given,
       "), but expected one of:", allowed);
}

}  // namespace

PyObject* gather_varargs(PyObject* const* args, Py_ssize_t n) {
  static PyObject* held[4] = {};
  static int at = 0;
  at = (at + 1) & 3;
  PyObject* last = held[at];
  if (last && Py_REFCNT(last) == 1 && PyTuple_GET_SIZE(last) == n) {
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* before = PyTuple_GET_ITEM(last, i);
      PyTuple_SET_ITEM(last, i, Py_NewRef(args[i]));
      Py_DECREF(before);
    }
    return last;
  }
  PyRef tuple(check_py(PyTuple_New(n)));
  for (Py_ssize_t i = 0; i < n; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SET_ITEM(tuple.get(), i, args[i]);
  }
  PyObject* old = std::exchange(held[at], tuple.release());
  Py_XDECREF(old);
  return held[at];
}

int parse_arguments(Overloads& o, PyObject* const* args, Py_ssize_t nargs, PyObject* kwnames,
                    PyObject** slots) {
  const Py_ssize_t total = nargs + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  for (Py_ssize_t i = 0; i < total; ++i) {
    if (may_override(args[i])) [[unlikely]] {
      if (PyObject* answer = call_torch_function(o, args, nargs, kwnames)) {
        slots[0] = answer;
        return -1;
      }
      break;
    }
  }
  for (int i = 0; i < o.count; ++i) {
    if (try_signature(*o.list[i], args, nargs, kwnames, slots, nullptr)) return i;
  }
  fail_arguments(o, args, nargs, kwnames);
}

// ---- conversions

Scalar as_scalar(PyObject* o) {
  if (PyFloat_Check(o)) return Scalar(PyFloat_AS_DOUBLE(o));
  if (PyBool_Check(o)) return Scalar(o == Py_True);
  if (PyLong_Check(o)) return Scalar(as_int(o));
  if (PyComplex_Check(o)) {
    const Py_complex c = PyComplex_AsCComplex(o);
    return Scalar(Complex128(c.real, c.imag));
  }
  if (is_tensor(o)) return item(borrow_tensor(o));
  if (PyIndex_Check(o)) return Scalar(as_int(o));
  const double v = PyFloat_AsDouble(o);
  if (v == -1.0 && PyErr_Occurred()) throw_python_error();
  return Scalar(v);
}

int64_t as_int(PyObject* o) {
  PyRef index;
  if (!PyLong_CheckExact(o)) {
    if (is_tensor(o)) return item(borrow_tensor(o)).to_int();
    index = PyRef(check_py(PyNumber_Index(o)));
    o = index.get();
  }
  int overflow = 0;
  const long long v = PyLong_AsLongLongAndOverflow(o, &overflow);
  FB_CHECK(!overflow, "Overflow when unpacking long: the number does not fit into 64 bits");
  if (v == -1 && PyErr_Occurred()) throw_python_error();
  return v;
}

double as_float(PyObject* o) {
  if (PyFloat_Check(o)) return PyFloat_AS_DOUBLE(o);
  if (is_tensor(o)) return item(borrow_tensor(o)).to_double();
  FB_CHECK_TYPE(!PyComplex_Check(o), "a real number is required, got complex");
  const double v = PyFloat_AsDouble(o);
  if (v == -1.0 && PyErr_Occurred()) throw_python_error();
  return v;
}

bool as_bool(PyObject* o) {
  return is_tensor(o) ? item(borrow_tensor(o)).to<bool>() : o == Py_True;
}

Dims as_int_list(PyObject* o, int expand) {
  Dims dims;
  if (!is_sequence(o)) {
    const int64_t v = as_int(o);
    for (int i = 0; i < std::max(1, expand); ++i) dims.push_back(v);
    return dims;
  }
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) dims.push_back(as_int(PySequence_Fast_GET_ITEM(o, i)));
  if (expand > 1 && n == 1) {
    while (static_cast<int>(dims.size()) < expand) dims.push_back(dims[0]);
  }
  return dims;
}

std::vector<double> as_float_list(PyObject* o) {
  std::vector<double> list;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) list.push_back(as_float(PySequence_Fast_GET_ITEM(o, i)));
  return list;
}

TensorList as_tensor_list(PyObject* o) {
  TensorList list;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  list.reserve(static_cast<size_t>(n));
  for (Py_ssize_t i = 0; i < n; ++i) list.push_back(borrow_tensor(PySequence_Fast_GET_ITEM(o, i)));
  return list;
}

TensorList as_opt_tensor_list(PyObject* o) {
  TensorList list;
  if (o == Py_None) return list;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
  for (Py_ssize_t i = 0; i < n; ++i) list.push_back(as_opt_tensor(PySequence_Fast_GET_ITEM(o, i)));
  return list;
}

std::string as_str(PyObject* o) {
  const char* s = PyUnicode_AsUTF8(o);
  if (!s) throw_python_error();
  return s;
}

void check_layout(PyObject* o) { is_layout(o); }  // raises for sparse layouts

void refuse_pin_memory(PyObject* o, const char* op) {
  FB_CHECK(!o || o == Py_False, op, "(): pin_memory=True needs an accelerator, and there is none");
}

void refuse_numbers(const char* op, std::initializer_list<PyObject*> operands) {
  for (PyObject* o : operands)
    if (o && is_tensor(o)) return;
  fail(ErrorKind::Type, op,
       "() received an invalid combination of arguments: numbers alone, but expected at least one "
       "tensor among them; for numbers use Python's operators or torch.tensor");
}

// ---- results

Tensor settle_number(const Tensor& t) {
  const Scalar value = item(t);
  return scalar_tensor(value, value.dtype());
}

PyObject* wrap(const TensorList& list) {
  PyRef tuple(check_py(PyTuple_New(static_cast<Py_ssize_t>(list.size()))));
  for (size_t i = 0; i < list.size(); ++i) {
    PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i), wrap(Tensor(list[i])));
  }
  return tuple.release();
}

PyObject* wrap(const Scalar& s) {
  switch (s.tag()) {
    case Scalar::Tag::Bool: return PyBool_FromLong(s.to<bool>());
    case Scalar::Tag::Int: return PyLong_FromLongLong(s.to_int());
    case Scalar::Tag::Float: return PyFloat_FromDouble(s.to_double());
    default: {
      const auto z = s.to<Complex128>();
      return PyComplex_FromDoubles(z.real(), z.imag());
    }
  }
}

PyObject* wrap_named_values(NamedTuple& named, PyObject** values) {
  if (!named.type) {
    // The field table must outlive the type.
    auto* fields = new PyStructSequence_Field[named.count + 1]();
    for (int i = 0; i < named.count; ++i) fields[i].name = named.fields[i];
    auto* full_name = new std::string(str("torch.return_types.", named.op));
    PyStructSequence_Desc desc = {full_name->c_str(), nullptr, fields, named.count};
    named.type = PyStructSequence_NewType(&desc);
    if (!named.type) throw_python_error();
  }
  PyRef result(check_py(PyStructSequence_New(named.type)));
  for (int i = 0; i < named.count; ++i) PyStructSequence_SET_ITEM(result.get(), i, values[i]);
  return result.release();
}

Tensor out_at(PyObject* out, int i, int n) {
  FB_CHECK_TYPE(PySequence_Fast_GET_SIZE(out) == n, "out= must be a tuple of ", n, " tensors, got ",
                PySequence_Fast_GET_SIZE(out));
  PyObject* item = PySequence_Fast_GET_ITEM(out, i);
  FB_CHECK_TYPE(is_tensor(item), "out= must be a tuple of tensors");
  return borrow_tensor(item);
}

Tensor with_requires_grad(Tensor t, PyObject* flag) {
  if (flag && as_bool(flag)) set_requires_grad(t, true);
  return t;
}

}  // namespace flambeau::python
