// Operators of the Python language on tensors: a + b, a[i] == b, a @= b, -a.
#include <cstring>

#include "ops_compare.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "python/arg_parser.h"
#include "python/construct.h"
#include "python/registry.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"

namespace flambeau::python {

namespace {

using Method = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

enum Operator {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kRemainder,
  kFloorDivide,
  kPow,
  kMatmul,
  kAnd,
  kOr,
  kXor,
  kLeft,
  kRight,
  kNeg,
  kAbs,
  kInvert,
  kPos,
  kLt,
  kLe,
  kEq,
  kNe,
  kGt,
  kGe,
  kInAdd,
  kInSub,
  kInMul,
  kInDiv,
  kInRemainder,
  kInFloorDivide,
  kInPow,
  kInAnd,
  kInOr,
  kInXor,
  kInLeft,
  kInRight,
  kOperators
};
const char* const kNames[kOperators] = {"add",
                                        "sub",
                                        "mul",
                                        "div",
                                        "remainder",
                                        "floor_divide",
                                        "pow",
                                        "matmul",
                                        "bitwise_and",
                                        "bitwise_or",
                                        "bitwise_xor",
                                        "bitwise_left_shift",
                                        "bitwise_right_shift",
                                        "neg",
                                        "abs",
                                        "bitwise_not",
                                        "positive",
                                        "lt",
                                        "le",
                                        "eq",
                                        "ne",
                                        "gt",
                                        "ge",
                                        "add_",
                                        "sub_",
                                        "mul_",
                                        "div_",
                                        "remainder_",
                                        "floor_divide_",
                                        "pow_",
                                        "bitwise_and_",
                                        "bitwise_or_",
                                        "bitwise_xor_",
                                        "bitwise_left_shift_",
                                        "bitwise_right_shift_"};
Method methods[kOperators];

// Two plain tensors need no parser.
using Direct = Tensor (*)(const Tensor&, const Tensor&);
template <Operator op>
Tensor direct(const Tensor& a, const Tensor& b) {
  if constexpr (op == kAdd)
    return ops::add(a, b);
  else if constexpr (op == kSub)
    return ops::sub(a, b);
  else if constexpr (op == kMul)
    return ops::mul(a, b);
  else if constexpr (op == kDiv)
    return ops::div(a, b);
  else if constexpr (op == kRemainder)
    return ops::remainder(a, b);
  else if constexpr (op == kFloorDivide)
    return ops::floor_divide(a, b);
  else if constexpr (op == kPow)
    return ops::pow(a, b);
  else if constexpr (op == kMatmul)
    return ops::matmul(a, b);
  else if constexpr (op == kAnd)
    return ops::bitwise_and(a, b);
  else if constexpr (op == kOr)
    return ops::bitwise_or(a, b);
  else if constexpr (op == kXor)
    return ops::bitwise_xor(a, b);
  else if constexpr (op == kLeft)
    return ops::bitwise_left_shift(a, b);
  else
    return ops::bitwise_right_shift(a, b);
}
// By the codes of CPython: <, <=, ==, !=, >, >=.
const Direct comparisons[] = {ops::lt, ops::le, ops::eq, ops::ne, ops::gt, ops::ge};

PyObject* call_direct(Direct f, PyObject* a, PyObject* b) {
  return guard([&] { return wrap(f(borrow_tensor(a), borrow_tensor(b))); });
}

bool is_operand(PyObject* o) {
  if (is_tensor(o) || PyLong_Check(o) || PyFloat_Check(o) || PyComplex_Check(o)) return true;
  if (PySequence_Check(o) || PyUnicode_Check(o)) return false;
  const PyNumberMethods* n = Py_TYPE(o)->tp_as_number;
  return (n && (n->nb_index || n->nb_float)) || may_override(o);
}

PyObject* call(Operator op, PyObject* self, PyObject* other) {
  PyObject* args[1] = {other};
  return methods[op](self, args, other ? 1 : 0, nullptr);
}

template <Operator op>
PyObject* binary(PyObject* a, PyObject* b) {
  if (is_exact_tensor(a) && is_exact_tensor(b)) [[likely]]
    return call_direct(direct<op>, a, b);
  if (!is_operand(a) || !is_operand(b)) Py_RETURN_NOTIMPLEMENTED;
  if (is_tensor(a) || may_override(a)) return call(op, a, b);
  return guard([&]() -> PyObject* {
    PyRef left(wrap(number_tensor(as_scalar(a))));
    return call(op, left.get(), b);
  });
}
template <Operator op>
PyObject* power(PyObject* a, PyObject* b, PyObject* modulus) {
  if (modulus != Py_None) Py_RETURN_NOTIMPLEMENTED;
  return binary<op>(a, b);
}
template <Operator op>
PyObject* in_place(PyObject* a, PyObject* b) {
  if (!is_operand(b)) Py_RETURN_NOTIMPLEMENTED;
  return call(op, a, b);
}
template <Operator op>
PyObject* power_in_place(PyObject* a, PyObject* b, PyObject*) {
  return in_place<op>(a, b);
}
template <Operator op>
PyObject* unary(PyObject* a) {
  return call(op, a, nullptr);
}

PyObject* compare(PyObject* a, PyObject* b, int which) {
  static const Operator names[] = {kLt, kLe, kEq, kNe, kGt, kGe};
  if (is_exact_tensor(a) && is_exact_tensor(b)) return call_direct(comparisons[which], a, b);
  if (!is_operand(b) || b == Py_None) Py_RETURN_NOTIMPLEMENTED;
  return call(names[which], a, b);
}

PyObject* missing(PyObject*, PyObject* const*, Py_ssize_t, PyObject*) {
  PyErr_SetString(PyExc_NotImplementedError, "this operator is not built in");
  return nullptr;
}

}  // namespace

void fill_number_slots(PyType_Slot*& next) {
  auto slot = [&](int id, auto f) { *next++ = {id, reinterpret_cast<void*>(f)}; };
  slot(Py_nb_add, binary<kAdd>);
  slot(Py_nb_subtract, binary<kSub>);
  slot(Py_nb_multiply, binary<kMul>);
  slot(Py_nb_true_divide, binary<kDiv>);
  slot(Py_nb_remainder, binary<kRemainder>);
  slot(Py_nb_floor_divide, binary<kFloorDivide>);
  slot(Py_nb_power, power<kPow>);
  slot(Py_nb_matrix_multiply, binary<kMatmul>);
  slot(Py_nb_and, binary<kAnd>);
  slot(Py_nb_or, binary<kOr>);
  slot(Py_nb_xor, binary<kXor>);
  slot(Py_nb_lshift, binary<kLeft>);
  slot(Py_nb_rshift, binary<kRight>);
  slot(Py_nb_negative, unary<kNeg>);
  slot(Py_nb_positive, unary<kPos>);
  slot(Py_nb_absolute, unary<kAbs>);
  slot(Py_nb_invert, unary<kInvert>);
  slot(Py_nb_inplace_add, in_place<kInAdd>);
  slot(Py_nb_inplace_subtract, in_place<kInSub>);
  slot(Py_nb_inplace_multiply, in_place<kInMul>);
  slot(Py_nb_inplace_true_divide, in_place<kInDiv>);
  slot(Py_nb_inplace_remainder, in_place<kInRemainder>);
  slot(Py_nb_inplace_floor_divide, in_place<kInFloorDivide>);
  slot(Py_nb_inplace_power, power_in_place<kInPow>);
  slot(Py_nb_inplace_and, in_place<kInAnd>);
  slot(Py_nb_inplace_or, in_place<kInOr>);
  slot(Py_nb_inplace_xor, in_place<kInXor>);
  slot(Py_nb_inplace_lshift, in_place<kInLeft>);
  slot(Py_nb_inplace_rshift, in_place<kInRight>);
  slot(Py_nb_bool, tensor_bool);
  slot(Py_nb_int, tensor_int);
  slot(Py_nb_float, tensor_float);
  slot(Py_nb_index, tensor_index);
  slot(Py_tp_richcompare, compare);
}

void resolve_number_slots() {
  for (int i = 0; i < kOperators; ++i) {
    methods[i] = missing;
    for (PyMethodDef* const* table = all_methods; *table; ++table) {
      for (PyMethodDef* m = *table; m->ml_name; ++m) {
        if (std::strcmp(m->ml_name, kNames[i]) == 0) {
          methods[i] = reinterpret_cast<Method>(reinterpret_cast<void (*)()>(m->ml_meth));
        }
      }
    }
  }
}

}  // namespace flambeau::python
