// ModuleBase, what nn.Module builds on: attributes that are members, and the call.
//
// Members live in the dictionaries `_parameters`, `_modules` and `_buffers` of the instance and
// nowhere else, so programs may change those directly.
#include "python/module.h"

#include <structmember.h>

namespace flambeau::python {

namespace {

struct ModuleObject {
  PyObject_HEAD PyObject* dict;  // in the object itself: one load to reach it
  PyObject* weakrefs;
  // Something after the two, so that CPython takes this for a layout of its own: a class then
  // builds on it even if another base stands in front, and `module.__class__ = Other` keeps
  // working.
  void* unused;
};
PyObject*& dict_of(PyObject* self) { return reinterpret_cast<ModuleObject*>(self)->dict; }

PyTypeObject* base_type = nullptr;

// Supplied by flambeau.nn: hooks over all modules, the call with hooks, and the note on errors.
PyObject* global_hooks = nullptr;
PyObject* call_with_hooks = nullptr;
PyObject* annotate = nullptr;

constexpr int kMemberDicts = 3, kHookDicts = 4;
const char* const kMemberNames[kMemberDicts] = {"_parameters", "_modules", "_buffers"};
const char* const kHookNames[kHookDicts] = {"_forward_hooks", "_forward_pre_hooks",
                                            "_backward_hooks", "_backward_pre_hooks"};
PyObject *member_names[kMemberDicts], *hook_names[kHookDicts];
PyObject* default_getstate = nullptr;  // object.__getstate__
PyObject *forward_name, *getattr_name, *getattribute_name, *init_subclass_name;

PyObject* intern(const char* text) { return check_py(PyUnicode_InternFromString(text)); }

[[gnu::cold]] PyObject* no_attribute(PyObject* self, PyObject* name) {
  return guard([&]() -> PyObject* {
    PyRef text(check_py(PyUnicode_FromFormat("'%.200s' object has no attribute '%U'",
                                             Py_TYPE(self)->tp_name, name)));
    PyRef error(check_py(PyObject_CallOneArg(PyExc_AttributeError, text.get())));
    auto* details = reinterpret_cast<PyAttributeErrorObject*>(error.get());
    Py_XSETREF(details->obj, Py_NewRef(self));
    Py_XSETREF(details->name, Py_NewRef(name));
    PyErr_SetObject(PyExc_AttributeError, error.get());
    return nullptr;
  });
}

// Module.__getattr__: what ordinary look-up did not find.
PyObject* find_member(PyObject* self, PyObject* name) {
  PyObject* own = dict_of(self);
  for (PyObject* member_name : member_names) {
    PyObject* members = own ? PyDict_GetItemWithError(own, member_name) : nullptr;
    if (members && PyDict_Check(members)) {
      if (PyObject* found = PyDict_GetItemWithError(members, name)) return Py_NewRef(found);
    }
    if (PyErr_Occurred()) return nullptr;
  }
  return no_attribute(self, name);
}

PyObject* module_getattro(PyObject* self, PyObject* name) {
  PyObject* found = _PyObject_GenericGetAttrWithDict(self, name, dict_of(self), /*suppress=*/1);
  if (found || PyErr_Occurred()) return found;
  return find_member(self, name);
}

// -1 with an exception set; 1 if any hook has to run.
int has_hooks(PyObject* self) {
  PyObject* own = dict_of(self);
  bool any = PyDict_GET_SIZE(global_hooks) != 0;
  for (PyObject* name : hook_names) {
    PyObject* hooks = own ? PyDict_GetItemWithError(own, name) : nullptr;
    if (!hooks) {
      if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_AttributeError,
                     "%.200s: call super().__init__() before calling the module",
                     Py_TYPE(self)->tp_name);
      }
      return -1;
    }
    if (PyDict_Check(hooks)) {
      any |= PyDict_GET_SIZE(hooks) != 0;
    } else {
      const int filled = PyObject_IsTrue(hooks);
      if (filled < 0) return -1;
      any |= filled != 0;
    }
  }
  return any;
}

PyObject* call_forward(PyObject* self, PyObject* args, PyObject* kwargs) {
  constexpr Py_ssize_t kStack = 8;
  const Py_ssize_t n = PyTuple_GET_SIZE(args);
  PyTypeObject* type = Py_TYPE(self);
  // A plain function of the class needs no bound method, unless the instance has its own `forward`.
  if (type->tp_getattro == module_getattro && n < kStack) {
    PyObject* function = _PyType_Lookup(type, forward_name);
    if (function && PyFunction_Check(function)) {
      const int replaced = PyDict_Contains(dict_of(self), forward_name);
      if (replaced < 0) return nullptr;
      if (!replaced) {
        PyRef held = PyRef::borrow(function);
        PyObject* stack[kStack] = {self};
        for (Py_ssize_t i = 0; i < n; ++i) stack[i + 1] = PyTuple_GET_ITEM(args, i);
        return PyObject_VectorcallDict(function, stack, static_cast<size_t>(n + 1), kwargs);
      }
    }
  }
  PyRef forward(PyObject_GetAttr(self, forward_name));
  return forward ? PyObject_Call(forward.get(), args, kwargs) : nullptr;
}

// Adds the module's path to the exception that is set.
[[gnu::cold]] void note_error(PyObject* self) {
  if (!PyErr_ExceptionMatches(PyExc_Exception)) return;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback) PyException_SetTraceback(value, traceback);
  PyRef done(PyObject_CallFunctionObjArgs(annotate, value, self, nullptr));
  if (done) return PyErr_Restore(type, value, traceback);
  Py_XDECREF(type);
  Py_XDECREF(value);
  Py_XDECREF(traceback);
}

PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  const int hooked = has_hooks(self);
  if (hooked < 0) return nullptr;
  PyObject* result;
  if (!hooked) [[likely]] {
    result = call_forward(self, args, kwargs);
  } else {
    PyRef named = kwargs ? PyRef::borrow(kwargs) : PyRef(PyDict_New());
    if (!named) return nullptr;
    result = PyObject_CallFunctionObjArgs(call_with_hooks, self, args, named.get(), nullptr);
  }
  if (!result) [[unlikely]]
    note_error(self);
  return result;
}

PyObject* call_method(PyObject* self, PyObject* args, PyObject* kwargs) {
  return module_call(self, args, kwargs);
}

// CPython gives a class with a visible `__getattr__` a slot that looks for it by name at every
// access. A subclass that leaves attribute look-up alone gets ours back.
PyObject* init_subclass(PyObject* cls, PyObject* args, PyObject* kwargs) {
  auto* type = reinterpret_cast<PyTypeObject*>(cls);
  bool ours = true;
  for (PyObject* name : {getattr_name, getattribute_name}) {
    ours = ours && _PyType_Lookup(type, name) == _PyType_Lookup(base_type, name);
  }
  if (ours) type->tp_getattro = module_getattro;
  return guard([&] {
    PyRef next(check_py(PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PySuper_Type),
                                                     base_type, cls, nullptr)));
    PyRef method(check_py(PyObject_GetAttr(next.get(), init_subclass_name)));
    return PyObject_Call(method.get(), args, kwargs);
  });
}

// _bind_module_calls(any_global, call_with_hooks, annotate)
PyObject* bind_module_calls(PyObject*, PyObject* args) {
  PyObject *hooks, *call, *note;
  if (!PyArg_ParseTuple(args, "O!OO", &PyDict_Type, &hooks, &call, &note)) return nullptr;
  Py_XSETREF(global_hooks, Py_NewRef(hooks));
  Py_XSETREF(call_with_hooks, Py_NewRef(call));
  Py_XSETREF(annotate, Py_NewRef(note));
  Py_RETURN_NONE;
}

// object's own refuses to pickle objects that are larger than a dictionary needs.
PyObject* module_getstate(PyObject* self, PyObject*) {
  return PyObject_CallOneArg(default_getstate, self);
}

int module_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(dict_of(self));
  return 0;
}

int module_clear(PyObject* self) {
  Py_CLEAR(dict_of(self));
  return 0;
}

void module_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  if (reinterpret_cast<ModuleObject*>(self)->weakrefs) PyObject_ClearWeakRefs(self);
  Py_CLEAR(dict_of(self));
  type->tp_free(self);
  Py_DECREF(type);
}

PyCFunction with_keywords(PyCFunctionWithKeywords f) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f));
}

}  // namespace

PyMethodDef module_base_functions[] = {
    {"_bind_module_calls", bind_module_calls, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

void init_module_base(PyObject* module) {
  for (int i = 0; i < kMemberDicts; ++i) member_names[i] = intern(kMemberNames[i]);
  for (int i = 0; i < kHookDicts; ++i) hook_names[i] = intern(kHookNames[i]);
  forward_name = intern("forward");
  getattr_name = intern("__getattr__");
  getattribute_name = intern("__getattribute__");
  init_subclass_name = intern("__init_subclass__");
  global_hooks = check_py(PyDict_New());
  default_getstate = check_py(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__getstate__"));
  static PyMethodDef methods[] = {
      {"__getattr__", find_member, METH_O, "The parameter, module or buffer of that name."},
      {"__getstate__", module_getstate, METH_NOARGS, "The dictionary."},
      {"__init_subclass__", with_keywords(init_subclass), METH_CLASS | METH_VARARGS | METH_KEYWORDS,
       nullptr},
      {"_call_impl", with_keywords(call_method), METH_VARARGS | METH_KEYWORDS, nullptr},
      {"_wrapped_call_impl", with_keywords(call_method), METH_VARARGS | METH_KEYWORDS, nullptr},
      {nullptr, nullptr, 0, nullptr}};
  static PyGetSetDef properties[] = {
      {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyMemberDef members[] = {
      {"__dictoffset__", T_PYSSIZET, offsetof(ModuleObject, dict), READONLY, nullptr},
      {"__weaklistoffset__", T_PYSSIZET, offsetof(ModuleObject, weakrefs), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static char doc[] = "Attribute look-up among the members, and the call through the hooks.";
  static PyType_Slot slots[] = {{Py_tp_doc, doc},
                                {Py_tp_call, reinterpret_cast<void*>(module_call)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(module_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(module_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(module_clear)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {Py_tp_members, members},
                                {0, nullptr}};
  static PyType_Spec spec = {"flambeau._C._ModuleBase", sizeof(ModuleObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  base_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&spec)));
  // Not among the slots: `__getattribute__` stays object's, so a subclass with a `__getattr__` of
  // its own is asked before the members are.
  base_type->tp_getattro = module_getattro;
  check_py(PyModule_AddObjectRef(module, "_ModuleBase", reinterpret_cast<PyObject*>(base_type)));
}

}  // namespace flambeau::python
