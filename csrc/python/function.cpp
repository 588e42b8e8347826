// autograd.Function: operations whose forward and backward are written in Python. The `ctx` that
// both get is the graph node itself.
#include <cstring>
#include <string>
#include <unordered_map>

#include "autograd/engine.h"
#include "python/arg_parser.h"
#include "python/module.h"
#include "python/node_type.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

struct FunctionNode : Node {
  using Node::Node;
  PyRef function;  // the user's class
  std::vector<std::unique_ptr<SavedTensor>> saved;
  PyRef to_save, dirty, non_differentiable;  // tuples from ctx methods, read after forward
  PyRef needs_input_grad;
  std::vector<int> edge_of_argument;  // per argument: its edge, -1 for what is not a tensor
  bool materialize = true, once = false;
};

PyTypeObject* function_type = nullptr;

FunctionNode* of(PyObject* o) { return static_cast<FunctionNode*>(reinterpret_cast<Node*>(o)); }

TensorList tensors_of(const PyRef& tuple) {
  TensorList list;
  if (!tuple) return list;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple.get()); ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple.get(), i);
    list.push_back(is_tensor(item) ? borrow_tensor(item) : Tensor());
  }
  return list;
}

bool contains(const TensorList& list, const Tensor& t) {
  for (const Tensor& item : list) {
    if (item.defined() && item.is(t)) return true;
  }
  return false;
}

// ---- backward

void apply(Node* node, Tensor* grads, Tensor* results) {
  auto* n = static_cast<FunctionNode*>(node);
  const size_t outputs = n->outputs.size();
  PyRef args(check_py(PyTuple_New(static_cast<Py_ssize_t>(outputs) + 1)));
  PyTuple_SET_ITEM(args.get(), 0, wrap_node(n));
  for (size_t i = 0; i < outputs; ++i) {
    Tensor g = grads[i];
    if (!g.defined() && n->materialize) {
      const OutputMeta& m = n->outputs[i];
      g = engine_ops.zeros(m.sizes, m.dtype, m.device);
    }
    PyTuple_SET_ITEM(args.get(), static_cast<Py_ssize_t>(i) + 1, wrap(g));
  }
  PyRef backward(check_py(PyObject_GetAttrString(n->function.get(), "backward")));
  PyRef answer(check_py(PyObject_CallObject(backward.get(), args.get())));
  PyRef tuple =
      PyTuple_Check(answer.get()) ? answer : PyRef(check_py(PyTuple_Pack(1, answer.get())));
  const size_t given = static_cast<size_t>(PyTuple_GET_SIZE(tuple.get()));
  const size_t wanted = n->edge_of_argument.size();
  bool rest_is_none = given > wanted;
  for (size_t i = wanted; i < given; ++i) {
    rest_is_none &= PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i)) == Py_None;
  }
  FB_CHECK(given == wanted || rest_is_none, "function ", node->cls->name,
           " returned an incorrect "
           "number of gradients (expected ",
           wanted, ", got ", given, ")");
  for (size_t i = 0; i < wanted; ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple.get(), static_cast<Py_ssize_t>(i));
    if (item == Py_None) continue;
    FB_CHECK(is_tensor(item), "function ", node->cls->name, " returned a gradient of type ",
             Py_TYPE(item)->tp_name, " at position ", i, ", but expected a Tensor or None");
    const int edge = n->edge_of_argument[i];
    FB_CHECK(edge >= 0, "function ", node->cls->name,
             " returned a gradient different from None at "
             "position ",
             i + 1, ", but the corresponding forward input was not a Variable");
    results[edge] = borrow_tensor(item);
  }
}

void release(Node* node) {
  for (auto& s : static_cast<FunctionNode*>(node)->saved) s->clear();
}

void destroy(Node* node) {
  PyObject* self = reinterpret_cast<PyObject*>(node);
  PyTypeObject* type = Py_TYPE(self);
  static_cast<FunctionNode*>(node)->~FunctionNode();
  type->tp_free(self);
  Py_DECREF(type);
}

void visit_saved(Node* node, void* context, void (*visit)(void*, const char*, SavedTensor&)) {
  for (auto& s : static_cast<FunctionNode*>(node)->saved) visit(context, "tensors", *s);
}

// One NodeClass per Python class, for the name that errors and grad_fn show.
const NodeClass& class_for(PyTypeObject* type) {
  static auto* classes = new std::unordered_map<PyTypeObject*, NodeClass*>();
  NodeClass*& c = (*classes)[type];
  if (!c) {
    Py_INCREF(type);
    c = new NodeClass{(new std::string(type->tp_name))->c_str(), apply, release, destroy,
                      visit_saved};
  }
  return *c;
}

// ---- ctx

PyObject* function_new(PyTypeObject* type, PyObject*, PyObject*) {
  return guard([&]() -> PyObject* {
    PyObject* self = check_py(type->tp_alloc(type, 0));
    const ObjectHead head = reinterpret_cast<Object*>(self)->head;
    auto* n = new (of(self)) FunctionNode(class_for(type));
    n->head = head;
    return self;
  });
}

int function_traverse(PyObject* self, visitproc visit, void* arg) {
  FunctionNode* n = of(self);
  Py_VISIT(n->to_save.get());
  Py_VISIT(n->dirty.get());
  Py_VISIT(n->non_differentiable.get());
  return node_type->tp_traverse(self, visit, arg);
}

PyObject* keep_tuple(PyRef& slot, PyObject* args) {
  slot = PyRef::borrow(args);
  Py_RETURN_NONE;
}
PyObject* save_for_backward(PyObject* self, PyObject* args) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) {
    PyObject* item = PyTuple_GET_ITEM(args, i);
    if (item != Py_None && !is_tensor(item)) {
      PyErr_Format(PyExc_TypeError,
                   "save_for_backward can only save variables, but argument %zd is of "
                   "type %s",
                   i, Py_TYPE(item)->tp_name);
      return nullptr;
    }
  }
  return keep_tuple(of(self)->to_save, args);
}
PyObject* mark_dirty(PyObject* self, PyObject* args) { return keep_tuple(of(self)->dirty, args); }
PyObject* mark_non_differentiable(PyObject* self, PyObject* args) {
  return keep_tuple(of(self)->non_differentiable, args);
}
PyObject* set_materialize_grads(PyObject* self, PyObject* value) {
  of(self)->materialize = value == Py_True;
  Py_RETURN_NONE;
}
PyObject* ignore(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* saved_tensors(PyObject* self, void*) {
  return guard([&]() -> PyObject* {
    FunctionNode* n = of(self);
    if (n->to_save) return Py_NewRef(n->to_save.get());  // still inside forward
    TensorList list;
    for (auto& s : n->saved) list.push_back(s->unpack(n, "saved_tensors"));
    return wrap(list);
  });
}
PyObject* needs_input_grad(PyObject* self, void*) {
  PyObject* tuple = of(self)->needs_input_grad.get();
  return tuple ? Py_NewRef(tuple) : PyTuple_New(0);
}
int set_needs_input_grad(PyObject* self, PyObject* value, void*) {
  of(self)->needs_input_grad = PyRef::borrow(value);
  return 0;
}

PyMethodDef methods[] = {
    {"save_for_backward", save_for_backward, METH_VARARGS, "Keeps tensors for backward."},
    {"save_for_forward", ignore, METH_VARARGS,
     "Accepted; forward-mode differentiation is not built in."},
    {"mark_dirty", mark_dirty, METH_VARARGS, "Says which inputs forward changed in place."},
    {"mark_non_differentiable", mark_non_differentiable, METH_VARARGS,
     "Says which outputs have no gradient."},
    {"set_materialize_grads", set_materialize_grads, METH_O,
     "Whether missing gradients arrive as zeros (the default) or None."},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {
    {"saved_tensors", saved_tensors, nullptr, "What save_for_backward() kept.", nullptr},
    {"saved_variables", saved_tensors, nullptr, "The old name of saved_tensors.", nullptr},
    {"needs_input_grad", needs_input_grad, set_needs_input_grad, "Per input, whether it is wanted.",
     nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

// ---- forward

void connect_inputs(FunctionNode* n, PyObject* args, Py_ssize_t first) {
  const Py_ssize_t count = PyTuple_GET_SIZE(args) - first;
  PyRef needs(check_py(PyTuple_New(count)));
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = PyTuple_GET_ITEM(args, first + i);
    bool wants = false;
    if (is_tensor(item)) {
      const Tensor t = borrow_tensor(item);
      n->edge_of_argument.push_back(static_cast<int>(n->next.size()));
      wants = grad_enabled && requires_grad(t);
      n->next.push_back(wants ? gradient_edge(t) : Edge());
    } else {
      n->edge_of_argument.push_back(-1);
    }
    PyTuple_SET_ITEM(needs.get(), i, wrap(wants));
  }
  n->needs_input_grad = std::move(needs);
}

// Gives one output its place in the graph.
PyRef attach_output(FunctionNode* n, PyObject* output, const TensorList& inputs,
                    const TensorList& dirty, const TensorList& plain, bool record) {
  Tensor t = borrow_tensor(output);
  const bool is_input = contains(inputs, t);
  if (contains(dirty, t)) {
    FB_CHECK(is_input, n->cls->name, ": mark_dirty() was given a tensor that is not an input");
    if (record) {
      check_in_place(t, n->cls->name);
      rebase_history(t, *n);
    }
    return PyRef::borrow(output);
  }
  if (is_input || (record && (t->grad_fn || t->is_view))) t = detach(t);
  if (!record) return PyRef(wrap(t));
  if (contains(plain, borrow_tensor(output)) || !is_differentiable(t.dtype())) {
    n->outputs.push_back({t.sizes(), t.dtype(), t.device()});
  } else {
    set_history(t, *n);
    track(t.get());
  }
  return PyRef(wrap(t));
}

void save_tensors(FunctionNode* n, const std::vector<std::pair<Tensor, Tensor>>& outputs,
                  bool record) {
  if (!n->to_save) return;
  for (Tensor& t : TensorList(tensors_of(n->to_save))) {
    n->saved.push_back(std::make_unique<SavedTensor>());
    if (!t.defined()) continue;
    for (const auto& [given, attached] : outputs) {
      if (given.is(t)) t = attached;
    }
    if (record && t->grad_fn == n)
      n->saved.back()->save_output(t, t->output_nr);
    else
      n->saved.back()->save(t);
  }
  n->to_save = PyRef();
}

// _function_apply(function class, ctx class, split, *args): `split` tells that forward has no ctx
// and setup_context(ctx, inputs, output) follows it.
PyObject* function_apply(PyObject*, PyObject* args) {
  return guard([&]() -> PyObject* {
    constexpr Py_ssize_t kFirst = 3;
    PyObject* function = PyTuple_GET_ITEM(args, 0);
    const bool split = PyTuple_GET_ITEM(args, 2) == Py_True;
    PyRef ctx(check_py(PyObject_CallNoArgs(PyTuple_GET_ITEM(args, 1))));
    FunctionNode* n = of(ctx.get());
    n->function = PyRef::borrow(function);
    connect_inputs(n, args, kFirst);
    bool record = false;
    for (const Edge& e : n->next) record |= static_cast<bool>(e.node);

    const Py_ssize_t count = PyTuple_GET_SIZE(args) - kFirst;
    PyRef inputs_tuple(check_py(PyTuple_GetSlice(args, kFirst, kFirst + count)));
    const TensorList inputs = tensors_of(inputs_tuple);
    PyRef result;
    {
      GradMode off(false);
      PyRef forward(check_py(PyObject_GetAttrString(function, "forward")));
      if (split) {
        result = PyRef(check_py(PyObject_CallObject(forward.get(), inputs_tuple.get())));
        PyRef setup(check_py(PyObject_GetAttrString(function, "setup_context")));
        PyRef(check_py(PyObject_CallFunctionObjArgs(setup.get(), ctx.get(), inputs_tuple.get(),
                                                    result.get(), nullptr)));
      } else {
        PyRef with_ctx(check_py(PyTuple_New(count + 1)));
        PyTuple_SET_ITEM(with_ctx.get(), 0, Py_NewRef(ctx.get()));
        for (Py_ssize_t i = 0; i < count; ++i) {
          PyTuple_SET_ITEM(with_ctx.get(), i + 1,
                           Py_NewRef(PyTuple_GET_ITEM(inputs_tuple.get(), i)));
        }
        result = PyRef(check_py(PyObject_CallObject(forward.get(), with_ctx.get())));
      }
    }
    const TensorList dirty = tensors_of(n->dirty), plain = tensors_of(n->non_differentiable);
    if (record) {
      for (const Tensor& t : dirty) bump_version(t);
    }
    n->dirty = n->non_differentiable = PyRef();
    const bool tuple = PyTuple_Check(result.get());
    FB_CHECK_TYPE(tuple || is_tensor(result.get()) || PyList_Check(result.get()),
                  Py_TYPE(ctx.get())->tp_name,
                  ".forward: expected to return a Tensor or a tuple of Tensors, got ",
                  Py_TYPE(result.get())->tp_name);
    PyRef outs = tuple                        ? result
                 : PyList_Check(result.get()) ? PyRef(check_py(PyList_AsTuple(result.get())))
                                              : PyRef(check_py(PyTuple_Pack(1, result.get())));
    std::vector<std::pair<Tensor, Tensor>> attached;
    PyRef wrapped(check_py(PyTuple_New(PyTuple_GET_SIZE(outs.get()))));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(outs.get()); ++i) {
      PyObject* item = PyTuple_GET_ITEM(outs.get(), i);
      PyRef out = PyRef::borrow(item);
      if (is_tensor(item)) {
        out = attach_output(n, item, inputs, dirty, plain, record);
        attached.emplace_back(borrow_tensor(item), borrow_tensor(out.get()));
      } else if (record) {
        // Keeps the positions of backward's arguments.
        n->outputs.push_back({Dims{}, default_dtype(), kCpu});
      }
      PyTuple_SET_ITEM(wrapped.get(), i, out.release());
    }
    save_tensors(n, attached, record);
    if (!tuple && !PyList_Check(result.get())) return Py_NewRef(PyTuple_GET_ITEM(wrapped.get(), 0));
    return wrapped.release();
  });
}

PyMethodDef functions[] = {{"_function_apply", function_apply, METH_VARARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void init_function_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(function_new)},
                                {Py_tp_traverse, reinterpret_cast<void*>(function_traverse)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {0, nullptr}};
  static PyType_Spec spec = {"flambeau.autograd.function._FunctionNode", sizeof(FunctionNode), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  PyRef bases(check_py(PyTuple_Pack(1, node_type)));
  function_type =
      reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpecWithBases(&spec, bases.get())));
  check_py(
      PyModule_AddObjectRef(module, "_FunctionNode", reinterpret_cast<PyObject*>(function_type)));
  check_py(PyModule_AddFunctions(module, functions));
}

}  // namespace flambeau::python
