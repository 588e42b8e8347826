// saved_tensors_hooks: Python decides how tensors are kept for backward.
#include <vector>

#include "autograd/autograd.h"
#include "python/module.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

struct Pair { PyRef pack, unpack; };
std::vector<Pair>& stack() {
  static auto* list = new std::vector<Pair>();
  return *list;
}

struct Packed { PyRef value, unpack; };
bool packing = false;  // what pack() itself saves is kept plainly

void* pack(const Tensor& t) {
  struct Guard {
    Guard() { packing = true; }
    ~Guard() { packing = false; }
  } guard;
  const Pair top = stack().back();
  PyRef tensor(wrap(Tensor(t)));
  GradMode off(false);
  PyRef value(check_py(PyObject_CallOneArg(top.pack.get(), tensor.get())));
  return new Packed{std::move(value), top.unpack};
}

Tensor unpack(void* handle) {
  auto* p = static_cast<Packed*>(handle);
  PyRef tensor(check_py(PyObject_CallOneArg(p->unpack.get(), p->value.get())));
  FB_CHECK_TYPE(is_tensor(tensor.get()),
                "Output of saved tensor unpack_hook expected to be a Tensor "
                "but got result of type ",
                Py_TYPE(tensor.get())->tp_name);
  return borrow_tensor(tensor.get());
}

PyObject* push(PyObject*, PyObject* args) {
  PyObject *pack_hook, *unpack_hook;
  if (!PyArg_ParseTuple(args, "OO", &pack_hook, &unpack_hook)) return nullptr;
  stack().push_back({PyRef::borrow(pack_hook), PyRef::borrow(unpack_hook)});
  ++saved_tensor_hooks_depth;
  Py_RETURN_NONE;
}
PyObject* pop(PyObject*, PyObject*) {
  if (stack().empty()) {
    PyErr_SetString(PyExc_RuntimeError, "saved_tensors_hooks: nothing to leave");
    return nullptr;
  }
  stack().pop_back();
  --saved_tensor_hooks_depth;
  Py_RETURN_NONE;
}
PyObject* bump(PyObject*, PyObject* tensor) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(is_tensor(tensor), "expected a Tensor");
    bump_version(borrow_tensor(tensor));
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef saved_hook_functions[] = {{"_push_saved_tensor_hooks", push, METH_VARARGS, nullptr},
                                      {"_pop_saved_tensor_hooks", pop, METH_NOARGS, nullptr},
                                      {"_bump_version", bump, METH_O, nullptr},
                                      {nullptr, nullptr, 0, nullptr}};

void init_saved_hooks() {
  saved_tensor_hooks = {pack, unpack, [](void* p) { delete static_cast<Packed*>(p); },
                        [] { return !packing && !stack().empty(); }};
}

}  // namespace flambeau::python
