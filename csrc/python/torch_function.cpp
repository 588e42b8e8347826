#include "python/torch_function.h"

#include <unordered_map>

namespace flambeau::python {

namespace {

int disabled = 0;  // > 0 inside DisableTorchFunctionSubclass

// Looked up once per class: the answer does not change while programs run, as they set it in the
// class body.
std::unordered_map<PyTypeObject*, bool>& cache() {
  static auto* map = new std::unordered_map<PyTypeObject*, bool>();
  return *map;
}

PyObject* interned_name() {
  static PyObject* name = PyUnicode_InternFromString("__torch_function__");
  return name;
}

PyObject* disable(PyObject*, PyObject* flag) {
  disabled += flag == Py_True ? 1 : -1;
  Py_RETURN_NONE;
}
PyObject* is_enabled(PyObject*, PyObject*) { return PyBool_FromLong(disabled == 0); }

// The method of the argument's class is called with the public function, so that it may call it.
PyObject* public_function(Overloads& o) {
  if (!o.function) {
    PyRef module(check_py(PyImport_ImportModule("flambeau._C")));
    PyObject* f = PyObject_GetAttrString(module.get(), o.name);
    if (!f) {
      PyErr_Clear();
      f = PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), o.name);
    }
    o.function = check_py(f);
  }
  return o.function;
}

void collect(PyObject* o, std::vector<PyObject*>& list) {
  if (PyTuple_Check(o) || PyList_Check(o)) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(o);
    for (Py_ssize_t i = 0; i < n; ++i) collect(PySequence_Fast_GET_ITEM(o, i), list);
    return;
  }
  if (!may_override(o)) return;
  for (PyObject* seen : list) {
    if (Py_TYPE(seen) == Py_TYPE(o)) return;
  }
  // Subclasses answer before their bases.
  auto at = list.begin();
  while (at != list.end() && !PyType_IsSubtype(Py_TYPE(o), Py_TYPE(*at))) ++at;
  list.insert(at, o);
}

// Classes that set this as their __torch_function__ are treated as plain tensors.
PyObject* disabled_impl(PyObject*, PyObject* args, PyObject*) {
  PyObject* func = PyTuple_GET_SIZE(args) >= 2 ? PyTuple_GET_ITEM(args, 0) : nullptr;
  if (!func || PyTuple_GET_SIZE(args) < 3) {
    PyErr_SetString(PyExc_TypeError, "__torch_function__ expects (func, types, args, kwargs)");
    return nullptr;
  }
  ++disabled;
  PyObject* kwargs = PyTuple_GET_SIZE(args) > 3 ? PyTuple_GET_ITEM(args, 3) : nullptr;
  PyObject* result = PyObject_Call(func, PyTuple_GET_ITEM(args, 2), kwargs);
  --disabled;
  return result;
}

PyMethodDef functions[] = {{"_disabled_torch_function_impl", FB_FASTCALL(disabled_impl),
                            METH_VARARGS | METH_KEYWORDS, nullptr},
                           {"_disable_torch_function", disable, METH_O, nullptr},
                           {"_is_torch_function_enabled", is_enabled, METH_NOARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool overrides(PyTypeObject* type) {
  if (disabled) return false;
  auto found = cache().find(type);
  if (found != cache().end()) return found->second;
  PyObject* attribute = _PyType_Lookup(type, interned_name());
  PyObject* own = tensor_type ? _PyType_Lookup(tensor_type, interned_name()) : nullptr;
  PyRef none(PyObject_GetAttr(reinterpret_cast<PyObject*>(type), interned_name()));
  PyErr_Clear();
  const bool subclass = PyType_IsSubtype(type, tensor_type);
  const bool switched_off = attribute && PyCFunction_Check(attribute) &&
                            PyCFunction_GET_FUNCTION(attribute) == FB_FASTCALL(disabled_impl);
  // Plain subclasses get the default, which keeps their type; Parameter has it switched off.
  const bool result = attribute != nullptr && attribute != Py_None && !switched_off &&
                      (subclass || attribute != own);
  Py_INCREF(type);
  cache()[type] = result;
  return result;
}

PyObject* call_torch_function(Overloads& o, PyObject* const* args, Py_ssize_t nargs,
                              PyObject* kwnames) {
  std::vector<PyObject*> askers;
  const Py_ssize_t keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
  for (Py_ssize_t i = 0; i < nargs + keywords; ++i) collect(args[i], askers);
  if (askers.empty()) return nullptr;
  PyRef positional(check_py(PyTuple_New(nargs)));
  for (Py_ssize_t i = 0; i < nargs; ++i) PyTuple_SET_ITEM(positional.get(), i, Py_NewRef(args[i]));
  PyRef named(check_py(PyDict_New()));
  for (Py_ssize_t k = 0; k < keywords; ++k) {
    check_py(PyDict_SetItem(named.get(), PyTuple_GET_ITEM(kwnames, k), args[nargs + k]));
  }
  PyRef types(check_py(PyTuple_New(static_cast<Py_ssize_t>(askers.size()))));
  for (size_t i = 0; i < askers.size(); ++i) {
    PyTuple_SET_ITEM(types.get(), static_cast<Py_ssize_t>(i),
                     Py_NewRef(reinterpret_cast<PyObject*>(Py_TYPE(askers[i]))));
  }
  for (PyObject* asker : askers) {
    PyRef method(check_py(PyObject_GetAttr(asker, interned_name())));
    PyRef answer(check_py(PyObject_CallFunctionObjArgs(
        method.get(), public_function(o), types.get(), positional.get(), named.get(), nullptr)));
    if (answer.get() != Py_NotImplemented) return answer.release();
  }
  fail(ErrorKind::Type, "no implementation found for 'torch.", o.name,
       "' on types that implement __torch_function__");
}

PyMethodDef* torch_function_functions() { return functions; }

}  // namespace flambeau::python
