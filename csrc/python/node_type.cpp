#include "python/node_type.h"

#include <structmember.h>

#include <cstring>

#include "autograd/accumulate.h"
#include "python/arg_parser.h"
#include "python/tensor_type.h"

namespace flambeau::python {

PyTypeObject* node_type = nullptr;

namespace {

Node* node_of(PyObject* o) { return reinterpret_cast<Node*>(o); }

// ---- hooks

struct PythonTensorHook : TensorHook {
  PyRef callable;
  Tensor call(const Tensor& grad) override {
    PyObject* g = reinterpret_cast<PyObject*>(grad.get());
    PyRef result(check_py(PyObject_CallOneArg(callable.get(), g)));
    if (result.get() == Py_None) return Tensor();
    FB_CHECK_TYPE(is_tensor(result.get()), "expected Variable, but hook returned '",
                  Py_TYPE(result.get())->tp_name, "'");
    Tensor changed = borrow_tensor(result.get());
    FB_CHECK(changed.sizes() == grad.sizes(),
             "hook has changed the size of value: ", changed.sizes(), " instead of ", grad.sizes());
    return changed;
  }
  int traverse(int (*visit)(void*, void*), void* arg) override {
    return visit(callable.get(), arg);
  }
};

PyObject* tuple_of(const TensorList& list) { return check_py(wrap(list)); }

void take_back(TensorList& list, PyObject* result, const char* what) {
  if (result == Py_None) return;
  PyRef tuple =
      PyTuple_Check(result) ? PyRef::borrow(result) : PyRef(check_py(PyTuple_Pack(1, result)));
  FB_CHECK(PyTuple_GET_SIZE(tuple.get()) == static_cast<Py_ssize_t>(list.size()), what,
           " hook returned an incorrect number of values: ", PyTuple_GET_SIZE(tuple.get()),
           " instead of ", list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i));
    FB_CHECK_TYPE(item == Py_None || is_tensor(item), what, " hook must return tensors or None");
    list[i] = item == Py_None ? Tensor() : borrow_tensor(item);
  }
}

struct PythonNodeHook : NodeHook {
  PyRef callable;
  bool pre;
  void call(TensorList& inputs, TensorList& outputs) override {
    PyRef out(tuple_of(outputs));
    if (pre) {
      PyRef result(check_py(PyObject_CallOneArg(callable.get(), out.get())));
      take_back(outputs, result.get(), "backward pre");
    } else {
      PyRef in(tuple_of(inputs));
      PyRef result(
          check_py(PyObject_CallFunctionObjArgs(callable.get(), in.get(), out.get(), nullptr)));
      take_back(inputs, result.get(), "backward");
    }
  }
  int traverse(int (*visit)(void*, void*), void* arg) override {
    return visit(callable.get(), arg);
  }
};

// ---- the type

int node_traverse(PyObject* self, visitproc visit, void* arg) {
  Node* n = node_of(self);
  if (Py_TYPE(self) != node_type) Py_VISIT(Py_TYPE(self));
  Py_VISIT(static_cast<PyObject*>(n->py_dict));
  for (const Edge& e : n->next) Py_VISIT(reinterpret_cast<PyObject*>(e.node.get()));
  struct Visit {
    visitproc visit;
    void* arg;
  } context{visit, arg};
  n->cls->visit_saved(n, &context, [](void* c, const char*, SavedTensor& saved) {
    auto* v = static_cast<Visit*>(c);
    if (saved.raw().defined()) v->visit(reinterpret_cast<PyObject*>(saved.raw().get()), v->arg);
  });
  if (n->hooks) {
    auto f = reinterpret_cast<int (*)(void*, void*)>(visit);
    for (auto& h : n->hooks->tensor_hooks) {
      if (h.hook.use_count() > 1) continue;
      if (int r = h.hook->traverse(f, arg)) return r;
    }
    for (auto* list : {&n->hooks->pre, &n->hooks->post}) {
      for (auto& h : *list) {
        if (h.use_count() > 1) continue;
        if (int r = h->traverse(f, arg)) return r;
      }
    }
  }
  return 0;
}

int node_clear(PyObject* self) {
  Node* n = node_of(self);
  PyObject* dict = static_cast<PyObject*>(std::exchange(n->py_dict, nullptr));
  Py_XDECREF(dict);
  if (n->hooks) {
    delete n->hooks;
    n->hooks = nullptr;
  }
  return 0;
}

void node_dealloc(PyObject* self) {
  Node* n = node_of(self);
  if (PyObject_GC_IsTracked(self)) {
    PyObject_GC_UnTrack(self);
    std::memset(reinterpret_cast<char*>(n) - 16, 0, 16);
  }
  if (n->py_weakrefs) PyObject_ClearWeakRefs(self);
  PyObject* dict = static_cast<PyObject*>(std::exchange(n->py_dict, nullptr));
  Py_XDECREF(dict);
  release_node(n);
}

PyObject* node_name(PyObject* self, PyObject*) {
  return PyUnicode_FromString(node_of(self)->cls->name);
}

PyObject* next_functions(PyObject* self, void*) {
  return guard([&]() -> PyObject* {
    Node* n = node_of(self);
    PyRef tuple(check_py(PyTuple_New(static_cast<Py_ssize_t>(n->next.size()))));
    for (size_t i = 0; i < n->next.size(); ++i) {
      const Edge& e = n->next[i];
      PyRef fn(wrap_node(e.node.get()));
      PyTuple_SET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i),
                       check_py(Py_BuildValue("(OI)", fn.get(), e.nr)));
    }
    return tuple.release();
  });
}

PyObject* node_variable(PyObject* self, void*) {
  Node* n = node_of(self);
  if (n->cls != &accumulate_grad_class) {
    PyErr_Format(PyExc_AttributeError, "'%s' object has no attribute 'variable'", n->cls->name);
    return nullptr;
  }
  return wrap(Tensor(static_cast<AccumulateGrad*>(n)->variable));
}

PyObject* node_metadata(PyObject* self, void*) {
  Node* n = node_of(self);
  if (!n->py_dict) n->py_dict = PyDict_New();
  PyObject* dict = static_cast<PyObject*>(n->py_dict);
  PyObject* metadata = dict ? PyDict_GetItemString(dict, "_metadata") : nullptr;
  if (metadata) return Py_NewRef(metadata);
  metadata = PyDict_New();
  if (!metadata || PyDict_SetItemString(dict, "_metadata", metadata) < 0) return nullptr;
  track(n);
  return metadata;
}

PyObject* sequence_nr(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(node_of(self)->sequence);
}

template <bool pre>
PyObject* register_hook(PyObject* self, PyObject* callable) {
  return guard([&]() -> PyObject* {
    Node* n = node_of(self);
    auto hook = make_node_hook(callable, pre);
    NodeHooks& hooks = n->ensure_hooks();
    (pre ? hooks.pre : hooks.post).push_back(hook);
    track(n);
    Ref<Node> keep = Ref<Node>::borrow(n);
    return make_handle([keep, hook] {
      if (!keep->hooks) return;
      auto& list = pre ? keep->hooks->pre : keep->hooks->post;
      std::erase(list, hook);
    });
  });
}

PyObject* node_repr(PyObject* self) {
  return PyUnicode_FromFormat("<%s object at %p>", node_of(self)->cls->name, self);
}

// grad_fn._saved_self and the like: what the node keeps, by the names of the table.
PyObject* node_getattro(PyObject* self, PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  if (text && std::strncmp(text, "_saved_", 7) == 0) {
    struct Find {
      const char* name;
      SavedTensor* found = nullptr;
    } find{text + 7};
    Node* n = node_of(self);
    n->cls->visit_saved(n, &find, [](void* c, const char* saved_name, SavedTensor& saved) {
      auto* f = static_cast<Find*>(c);
      const bool result = std::strcmp(f->name, "result") == 0 && std::strcmp(saved_name, "y") == 0;
      if (result || std::strcmp(f->name, saved_name) == 0) f->found = &saved;
    });
    if (find.found) return guard([&] { return wrap(find.found->unpack(n, find.name)); });
  }
  return PyObject_GenericGetAttr(self, name);
}

PyMethodDef methods[] = {
    {"name", node_name, METH_NOARGS, "The kind of operation, such as MulBackward0."},
    {"_sequence_nr", sequence_nr, METH_NOARGS, nullptr},
    {"register_hook", register_hook<false>, METH_O,
     "Calls hook(grad_inputs, grad_outputs) after this node ran; a returned tuple replaces "
     "grad_inputs."},
    {"register_prehook", register_hook<true>, METH_O,
     "Calls hook(grad_outputs) before this node runs; a returned tuple replaces grad_outputs."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {
    {"next_functions", next_functions, nullptr, "The nodes that made the inputs.", nullptr},
    {"variable", node_variable, nullptr, "The leaf of an AccumulateGrad node.", nullptr},
    {"metadata", node_metadata, nullptr, "A dict for the user.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(Object, py_dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, py_weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

// ---- removable handles

struct Handle { PyObject_HEAD std::function<void()>* remove; };
PyTypeObject* handle_type = nullptr;

PyObject* handle_remove(PyObject* self, PyObject*) {
  auto* h = reinterpret_cast<Handle*>(self);
  if (h->remove) {
    auto* f = std::exchange(h->remove, nullptr);
    (*f)();
    delete f;
  }
  Py_RETURN_NONE;
}
PyObject* handle_enter(PyObject* self, PyObject*) { return Py_NewRef(self); }
PyObject* handle_exit(PyObject* self, PyObject*) { return handle_remove(self, nullptr); }
void handle_dealloc(PyObject* self) {
  delete reinterpret_cast<Handle*>(self)->remove;
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}
PyMethodDef handle_methods[] = {{"remove", handle_remove, METH_NOARGS, "Takes the hook away."},
                                {"__enter__", handle_enter, METH_NOARGS, nullptr},
                                {"__exit__", handle_exit, METH_VARARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

}  // namespace

PyObject* make_handle(std::function<void()> remove) {
  auto* h = reinterpret_cast<Handle*>(check_py(handle_type->tp_alloc(handle_type, 0)));
  h->remove = new std::function<void()>(std::move(remove));
  return reinterpret_cast<PyObject*>(h);
}

std::shared_ptr<TensorHook> make_tensor_hook(PyObject* callable) {
  FB_CHECK_TYPE(PyCallable_Check(callable), "a hook must be callable");
  auto hook = std::make_shared<PythonTensorHook>();
  hook->callable = PyRef::borrow(callable);
  return hook;
}

std::shared_ptr<NodeHook> make_node_hook(PyObject* callable, bool pre) {
  FB_CHECK_TYPE(PyCallable_Check(callable), "a hook must be callable");
  auto hook = std::make_shared<PythonNodeHook>();
  hook->callable = PyRef::borrow(callable);
  hook->pre = pre;
  return hook;
}

void init_node_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(node_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(node_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(node_clear)},
                                {Py_tp_repr, reinterpret_cast<void*>(node_repr)},
                                {Py_tp_getattro, reinterpret_cast<void*>(node_getattro)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {Py_tp_members, members},
                                {0, nullptr}};
  static PyType_Spec spec = {"flambeau.autograd.graph.Node", sizeof(Node), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                                 Py_TPFLAGS_DISALLOW_INSTANTIATION,
                             slots};
  node_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&spec)));
  // As for tensors, which do not count their type either.
  reinterpret_cast<PyObject*>(node_type)->ob_refcnt += Py_ssize_t{1} << 40;
  check_py(PyModule_AddObjectRef(module, "Node", reinterpret_cast<PyObject*>(node_type)));
  object_hooks.node_type = node_type;
  static PyType_Slot handle_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(handle_dealloc)},
                                       {Py_tp_methods, handle_methods},
                                       {0, nullptr}};
  static PyType_Spec handle_spec = {"flambeau.utils.hooks.RemovableHandle", sizeof(Handle), 0,
                                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    handle_slots};
  handle_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&handle_spec)));
  check_py(PyModule_AddObjectRef(module, "_Handle", reinterpret_cast<PyObject*>(handle_type)));
}

}  // namespace flambeau::python
