// Properties of tensors and the methods that are about the object rather than its elements.
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "ops_shape.h"
#include "python/arg_parser.h"
#include "python/fastcall.h"
#include "python/node_type.h"
#include "python/tensor_type.h"

namespace flambeau::python {

namespace {

template <class F>
PyObject* property(PyObject* self, F f) {
  return guard([&]() -> PyObject* { return f(borrow_tensor(self)); });
}
#define FB_GETTER(name, expr) \
  PyObject* name(PyObject* self, void*) { return property(self, [&]([[maybe_unused]] const Tensor& t) -> PyObject* { return expr; }); }

FB_GETTER(get_shape, wrap_size(t.sizes()))
FB_GETTER(get_dtype, wrap_dtype(t.dtype()))
FB_GETTER(get_device, wrap_device(t.device()))
FB_GETTER(get_ndim, PyLong_FromLongLong(t.dim()))
FB_GETTER(get_requires_grad, wrap(requires_grad(t)))
FB_GETTER(get_is_leaf, wrap(is_leaf(t)))
FB_GETTER(get_grad_property, wrap(get_grad(t)))
FB_GETTER(get_grad_fn, requires_grad(t) || t->grad_fn ? wrap_node(grad_fn(t)) : Py_NewRef(Py_None))
FB_GETTER(get_output_nr, PyLong_FromLong(t->output_nr))
FB_GETTER(get_version, PyLong_FromLong(t->storage->version))
FB_GETTER(get_itemsize, PyLong_FromLongLong(t.itemsize()))
FB_GETTER(get_nbytes, PyLong_FromLongLong(t.itemsize() * t.numel()))
FB_GETTER(get_retains_grad, wrap(t->autograd && t->autograd->retained != nullptr))
FB_GETTER(get_base, t->is_view ? wrap(Tensor(t->autograd->base)) : Py_NewRef(Py_None))
FB_GETTER(get_is_meta, wrap(t.is_meta()))
FB_GETTER(get_layout, wrap_layout())
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }

PyObject* get_data(PyObject* self, void*) {
  return property(self, [](const Tensor& t) {
    Tensor alias = detach(t);
    alias->untracked = true;  // writes through .data go unnoticed, as the old API promises
    return wrap(alias);
  });
}

int refuse_delete(PyObject* value, const char* what) {
  if (value) return 0;
  PyErr_Format(PyExc_RuntimeError, "can't delete %s attribute", what);
  return -1;
}

int set_data(PyObject* self, PyObject* value, void*) {
  return guard(
      [&]() -> int {
        if (refuse_delete(value, "data")) return -1;
        FB_CHECK_TYPE(is_tensor(value), "Variable data has to be a tensor, but got ",
                      Py_TYPE(value)->tp_name);
        TensorImpl* t = impl(self);
        const TensorImpl* from = impl(value);
        t->storage = from->storage;
        t->dtype = from->dtype;
        t->device = from->device;
        set_geometry(*t, from->sizes, from->strides, from->offset);
        if (t->autograd && t->autograd->accumulator) {
          // The accumulator's idea of the leaf follows.
          t->autograd->accumulator->outputs[0] = {t->sizes, t->dtype, t->device};
        }
        return 0;
      },
      -1);
}

int set_requires_grad_property(PyObject* self, PyObject* value, void*) {
  return guard(
      [&]() -> int {
        if (refuse_delete(value, "requires_grad")) return -1;
        FB_CHECK(PyBool_Check(value), "requires_grad must be a bool");
        set_requires_grad(borrow_tensor(self), value == Py_True);
        return 0;
      },
      -1);
}

int set_grad_property(PyObject* self, PyObject* value, void*) {
  return guard(
      [&]() -> int {
        FB_CHECK_TYPE(!value || value == Py_None || is_tensor(value),
                      "assigned grad expected to be a "
                      "Tensor or None but got grad of type ",
                      Py_TYPE(value)->tp_name);
        set_grad(borrow_tensor(self), value && value != Py_None ? borrow_tensor(value) : Tensor());
        return 0;
      },
      -1);
}

// ---- methods

#define FB_METHOD(name, expr) \
  PyObject* name(PyObject* self, PyObject*) { return property(self, [&]([[maybe_unused]] const Tensor& t) -> PyObject* { return expr; }); }

FB_METHOD(numel, PyLong_FromLongLong(t.numel()))
FB_METHOD(dim, PyLong_FromLongLong(t.dim()))
FB_METHOD(storage_offset, PyLong_FromLongLong(t.offset()))
FB_METHOD(is_floating_point, wrap(is_floating(t.dtype())))
FB_METHOD(is_complex_method, wrap(is_complex(t.dtype())))
FB_METHOD(is_signed, wrap(info(t.dtype()).is_signed))
FB_METHOD(data_ptr, PyLong_FromVoidPtr(t.raw()))
FB_METHOD(detach_method, wrap(flambeau::detach(t)))
FB_METHOD(is_inference, wrap(static_cast<bool>(t->inference)))

PyObject* detach_in_place(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    TensorImpl* t = impl(self);
    FB_CHECK(!t->is_view, "Can't detach views in-place. Use detach() instead.");
    if (t->grad_fn) decref(std::exchange(t->grad_fn, nullptr));
    t->requires_grad = false;
    t->output_nr = 0;
    return Py_NewRef(self);
  });
}

PyObject* retain_grad_method(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    retain_grad(borrow_tensor(self));
    Py_RETURN_NONE;
  });
}

PyObject* size_or_stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames,
                         const Dims& dims, const char* op, bool size) {
  return guard([&]() -> PyObject* {
    const Py_ssize_t given = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
    FB_CHECK_TYPE(given <= 1, op, "() takes at most 1 argument, got ", given);
    if (given == 0 || args[0] == Py_None) return size ? wrap_size(dims) : wrap_dims(dims);
    FB_CHECK_TYPE(PyIndex_Check(args[0]), op, "(): argument 'dim' must be int, not ",
                  Py_TYPE(args[0])->tp_name);
    const int64_t d = as_int(args[0]);
    const int64_t ndim = static_cast<int64_t>(dims.size());
    FB_CHECK_INDEX(ndim > 0, op, "(): Dimension specified as ", d, " but tensor has no dimensions");
    (void)self;
    return PyLong_FromLongLong(dims[wrap_dim(d, ndim, op)]);
  });
}
PyObject* size(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return size_or_stride(self, args, n, kwnames, impl(self)->sizes, "size", true);
}
PyObject* stride(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return size_or_stride(self, args, n, kwnames, impl(self)->strides, "stride", false);
}

PyObject* is_contiguous_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kw) {
  return guard([&]() -> PyObject* {
    static FixedSignature<1> signature{"is_contiguous", {"memory_format"}, 1, 0, {}};
    PyObject* a[1];
    signature.parse(args, n, kw, a);
    const TensorImpl* t = impl(self);
    const auto format = a[0] ? to_memory_format(a[0]) : MemoryFormat::Contiguous;
    if (format == MemoryFormat::ChannelsLast || format == MemoryFormat::ChannelsLast3d) {
      const size_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
      return wrap(t->sizes.size() == rank && is_channels_last(t->sizes, t->strides));
    }
    return wrap(static_cast<bool>(t->contiguous));
  });
}

PyObject* requires_grad_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kw) {
  return guard([&]() -> PyObject* {
    static FixedSignature<1> signature{"requires_grad_", {"requires_grad"}, 1, 0, {}};
    PyObject* a[1];
    signature.parse(args, n, kw, a);
    set_requires_grad(borrow_tensor(self), a[0] ? as_bool(a[0]) : true);
    return Py_NewRef(self);
  });
}

PyObject* register_hook(PyObject* self, PyObject* callable) {
  return guard([&]() -> PyObject* {
    const Tensor t = borrow_tensor(self);
    FB_CHECK(requires_grad(t), "cannot register a hook on a tensor that doesn't require gradient");
    auto hook = make_tensor_hook(callable);
    track(t.get());
    if (Node* fn = grad_fn(t)) {
      fn->ensure_hooks().tensor_hooks.push_back({t->output_nr, hook});
      track(fn);
      Ref<Node> keep = Ref<Node>::borrow(fn);
      return make_handle([keep, hook] {
        if (keep->hooks) {
          std::erase_if(keep->hooks->tensor_hooks, [&](auto& h) { return h.hook == hook; });
        }
      });
    }
    ensure_meta(*t.get()).hooks.push_back(hook);
    return make_handle([t, hook] { std::erase(ensure_meta(*t.get()).hooks, hook); });
  });
}

PyObject* register_post_accumulate(PyObject* self, PyObject* callable) {
  return guard([&]() -> PyObject* {
    const Tensor t = borrow_tensor(self);
    FB_CHECK(requires_grad(t) && is_leaf(t),
             "post accumulate grad hooks can only be registered on "
             "leaf tensors that require gradient");
    struct Hook : TensorHook {
      PyRef callable;
      Tensor call(const Tensor& variable) override {
        PyRef result(check_py(
            PyObject_CallOneArg(callable.get(), reinterpret_cast<PyObject*>(variable.get()))));
        return Tensor();
      }
      int traverse(int (*visit)(void*, void*), void* arg) override {
        return visit(callable.get(), arg);
      }
    };
    auto hook = std::make_shared<Hook>();
    hook->callable = PyRef::borrow(callable);
    ensure_meta(*t.get()).post_accumulate.push_back(hook);
    track(t.get());
    return make_handle([t, hook] {
      std::erase(ensure_meta(*t.get()).post_accumulate, std::static_pointer_cast<TensorHook>(hook));
    });
  });
}

PyObject* make_subclass_method(PyObject*, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    static const char* names[] = {"cls", "data", "require_grad", nullptr};
    PyObject *cls, *data;
    int require_grad = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p:_make_subclass", const_cast<char**>(names),
                                     &cls, &data, &require_grad)) {
      return nullptr;
    }
    FB_CHECK_TYPE(
        PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
        "_make_subclass(): cls must be a Tensor subclass");
    FB_CHECK_TYPE(is_tensor(data), "_make_subclass(): data must be a Tensor, not ",
                  Py_TYPE(data)->tp_name);
    PyRef result(make_subclass(reinterpret_cast<PyTypeObject*>(cls), borrow_tensor(data)));
    if (require_grad) set_requires_grad(borrow_tensor(result.get()), true);
    return result.release();
  });
}

// Keeps the history: the result is another output-sharing handle, or a view of a leaf.
PyObject* as_subclass(PyObject*, PyObject* args) {
  return guard([&]() -> PyObject* {
    PyObject *data, *cls;
    if (!PyArg_ParseTuple(args, "OO:as_subclass", &data, &cls)) return nullptr;
    FB_CHECK_TYPE(
        PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
        "as_subclass(): cls must be a Tensor subclass");
    Tensor t = borrow_tensor(data);
    if (needs_grad(t) && is_leaf(t)) t = ops::view(t, t.sizes());
    PyRef result(make_subclass(reinterpret_cast<PyTypeObject*>(cls), t));
    TensorImpl* r = impl(result.get());
    if (needs_grad(t)) {
      r->grad_fn = grad_fn(t);
      incref(r->grad_fn);
      r->output_nr = t->output_nr;
      r->requires_grad = true;
    }
    return result.release();
  });
}

PyObject* mark_untracked(PyObject* self, PyObject*) {
  impl(self)->untracked = true;
  return Py_NewRef(self);
}

}  // namespace

PyMethodDef tensor_basic_methods[] = {
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"ndimension", dim, METH_NOARGS, "The number of dimensions."},
    {"size", FB_FASTCALL(size), kFastcall, "size(dim=None): the shape, or one dimension of it."},
    {"stride", FB_FASTCALL(stride), kFastcall, "stride(dim=None): steps in elements."},
    {"storage_offset", storage_offset, METH_NOARGS, "The first element's place in the storage."},
    {"element_size", [](PyObject* s, PyObject*) { return get_itemsize(s, nullptr); }, METH_NOARGS,
     "Bytes per element."},
    {"is_floating_point", is_floating_point, METH_NOARGS, nullptr},
    {"is_complex", is_complex_method, METH_NOARGS, nullptr},
    {"is_signed", is_signed, METH_NOARGS, nullptr},
    {"is_inference", is_inference, METH_NOARGS, nullptr},
    {"is_contiguous", FB_FASTCALL(is_contiguous_method), kFastcall,
     "Whether the elements lie in order without gaps."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    {"detach", detach_method, METH_NOARGS, "The same elements without history."},
    {"detach_", detach_in_place, METH_NOARGS, "Forgets the history."},
    {"retain_grad", retain_grad_method, METH_NOARGS, "Makes backward fill `.grad` of a non-leaf."},
    {"requires_grad_", FB_FASTCALL(requires_grad_method), kFastcall,
     "Asks for gradients, in place."},
    {"register_hook", register_hook, METH_O,
     "Calls hook(grad) when the gradient is known; a returned tensor replaces it."},
    {"register_post_accumulate_grad_hook", register_post_accumulate, METH_O,
     "Calls hook(tensor) after `.grad` of a leaf was updated."},
    {"_make_subclass", FB_FASTCALL(make_subclass_method),
     METH_VARARGS | METH_KEYWORDS | METH_STATIC, nullptr},
    {"_as_subclass", as_subclass, METH_VARARGS | METH_STATIC, nullptr},
    {"_untracked", mark_untracked, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyObject* get_dict(PyObject* self, void*) {
  PyObject* dict = PyObject_GenericGetDict(self, nullptr);
  if (dict) track(impl(self));
  return dict;
}

PyGetSetDef tensor_properties[] = {
    {"__dict__", get_dict, PyObject_GenericSetDict, nullptr, nullptr},
    {"shape", get_shape, nullptr, "The sizes.", nullptr},
    {"dtype", get_dtype, nullptr, "The element type.", nullptr},
    {"device", get_device, nullptr, "Where the elements are.", nullptr},
    {"layout", get_layout, nullptr, nullptr, nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes per element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad_property, nullptr, nullptr},
    {"grad", get_grad_property, set_grad_property, "The collected gradient, or None.", nullptr},
    {"_grad", get_grad_property, set_grad_property, nullptr, nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The node that made this tensor, None for leaves.", nullptr},
    {"is_leaf", get_is_leaf, nullptr, nullptr, nullptr},
    {"retains_grad", get_retains_grad, nullptr, nullptr, nullptr},
    {"data", get_data, set_data, "The elements without history; writes through it go unnoticed.",
     nullptr},
    {"output_nr", get_output_nr, nullptr, nullptr, nullptr},
    {"_version", get_version, nullptr, "How often the storage was written to in place.", nullptr},
    {"_base", get_base, nullptr, nullptr, nullptr},
    {"is_meta", get_is_meta, nullptr, nullptr, nullptr},
    {"is_cpu", [](PyObject* s, void*) { return wrap(impl(s)->device == kCpu); }, nullptr, nullptr,
     nullptr},
    {"is_cuda", get_false, nullptr, nullptr, nullptr},
    {"is_mps", get_false, nullptr, nullptr, nullptr},
    {"is_xpu", get_false, nullptr, nullptr, nullptr},
    {"is_sparse", get_false, nullptr, nullptr, nullptr},
    {"is_quantized", get_false, nullptr, nullptr, nullptr},
    {"is_nested", get_false, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace flambeau::python
