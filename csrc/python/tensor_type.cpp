#include "python/tensor_type.h"

#include <structmember.h>

#include <cstring>
#include <vector>

#include "autograd/autograd.h"
#include "python/construct.h"
#include "python/node_type.h"
#include "python/registry.h"

namespace flambeau::python {

PyTypeObject* tensor_type = nullptr;
PyTypeObject* parameter_type = nullptr;

void track(Object* o) {
  PyObject* p = reinterpret_cast<PyObject*>(o);
  if (!PyObject_GC_IsTracked(p)) PyObject_GC_Track(p);
}

namespace {

int visit_object(Object* o, visitproc visit, void* arg) {
  return o ? visit(reinterpret_cast<PyObject*>(o), arg) : 0;
}

int tensor_traverse(PyObject* self, visitproc visit, void* arg) {
  TensorImpl* t = impl(self);
  if (Py_TYPE(self) != tensor_type) Py_VISIT(Py_TYPE(self));
  Py_VISIT(static_cast<PyObject*>(t->py_dict));
  if (int r = visit_object(t->grad_fn, visit, arg)) return r;
  if (AutogradMeta* m = t->autograd) {
    if (int r = visit_object(m->grad.get(), visit, arg)) return r;
    if (int r = visit_object(m->base.get(), visit, arg)) return r;
    auto f = reinterpret_cast<int (*)(void*, void*)>(visit);
    for (auto* list : {&m->hooks, &m->post_accumulate}) {
      for (auto& hook : *list) {
        if (hook.use_count() > 1) continue;
        if (int r = hook->traverse(f, arg)) return r;
      }
    }
  }
  return 0;
}

int tensor_clear(PyObject* self) {
  TensorImpl* t = impl(self);
  PyObject* dict = static_cast<PyObject*>(std::exchange(t->py_dict, nullptr));
  Py_XDECREF(dict);
  if (t->autograd) {
    t->autograd->hooks.clear();
    t->autograd->post_accumulate.clear();
  }
  return 0;
}

void tensor_dealloc(PyObject* self) {
  TensorImpl* t = impl(self);
  PyTypeObject* type = Py_TYPE(self);
  const bool tracked = PyObject_GC_IsTracked(self);
  if (tracked) PyObject_GC_UnTrack(self);
  if (t->py_weakrefs) PyObject_ClearWeakRefs(self);
  PyObject* dict = static_cast<PyObject*>(std::exchange(t->py_dict, nullptr));
  Py_XDECREF(dict);
  // An assignment to __class__ may have changed the type since: the memory says where it belongs.
  const bool collector_memory = t->collector_memory;
  t->~TensorImpl();
  if (collector_memory) {
    type->tp_free(self);
  } else {
    // The collector's head keeps flags; the next object in this memory starts without them.
    if (tracked) std::memset(reinterpret_cast<char*>(t) - 16, 0, 16);
    object_free(t, sizeof(TensorImpl));
  }
  if (type != tensor_type) Py_DECREF(type);
}

void object_dealloc(Object* o) { _Py_Dealloc(reinterpret_cast<PyObject*>(o)); }

int tensor_setattro(PyObject* self, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(self, name, value);
  if (status == 0 && impl(self)->py_dict) track(impl(self));
  return status;
}

Py_ssize_t tensor_length(PyObject* self) {
  if (impl(self)->sizes.empty()) {
    PyErr_SetString(PyExc_TypeError, "len() of a 0-d tensor");
    return -1;
  }
  return static_cast<Py_ssize_t>(impl(self)->sizes[0]);
}

Py_hash_t tensor_hash(PyObject* self) { return _Py_HashPointer(self); }

std::vector<PyMethodDef> collect_methods() {
  std::vector<PyMethodDef> all;
  auto add = [&](PyMethodDef* list) {
    for (; list->ml_name; ++list) all.push_back(*list);
  };
  for (PyMethodDef* const* table = all_methods; *table; ++table) add(*table);
  add(construct_methods);
  add(tensor_basic_methods);
  add(tensor_storage_methods);
  add(tensor_convert_methods);
  all.push_back({nullptr, nullptr, 0, nullptr});
  return all;
}

std::vector<PyGetSetDef> collect_properties() {
  std::vector<PyGetSetDef> all;
  for (PyGetSetDef* list : {tensor_properties, tensor_convert_properties}) {
    for (; list->name; ++list) all.push_back(*list);
  }
  all.push_back({nullptr, nullptr, nullptr, nullptr, nullptr});
  return all;
}

}  // namespace

PyObject* make_subclass(PyTypeObject* cls, const Tensor& data) {
  if (cls == tensor_type) return wrap(detach(data));
  PyRef object(check_py(cls->tp_alloc(cls, 0)));
  TensorImpl* t = impl(object.get());
  const ObjectHead head = t->head;
  new (t) TensorImpl;
  t->head = head;
  t->kind = ObjectKind::Tensor;
  t->collector_memory = true;
  t->storage = data->storage;
  t->dtype = data.dtype();
  t->device = data.device();
  t->untracked = data->untracked;
  set_geometry(*t, data.sizes(), data.strides(), data.offset());
  return object.release();
}

void init_tensor_type(PyObject* module) {
  static std::vector<PyMethodDef> methods = collect_methods();
  static std::vector<PyGetSetDef> properties = collect_properties();
  static PyMemberDef members[] = {
      {"__dictoffset__", T_PYSSIZET, offsetof(Object, py_dict), READONLY, nullptr},
      {"__weaklistoffset__", T_PYSSIZET, offsetof(Object, py_weakrefs), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr}};
  static PyType_Slot slots[80];
  PyType_Slot* next = slots;
  auto slot = [&](int id, auto f) { *next++ = {id, reinterpret_cast<void*>(f)}; };
  slot(Py_tp_new, tensor_new);
  slot(Py_tp_dealloc, tensor_dealloc);
  slot(Py_tp_traverse, tensor_traverse);
  slot(Py_tp_clear, tensor_clear);
  slot(Py_tp_setattro, tensor_setattro);
  slot(Py_tp_hash, tensor_hash);
  slot(Py_tp_methods, methods.data());
  slot(Py_tp_getset, properties.data());
  slot(Py_tp_members, members);
  slot(Py_mp_length, tensor_length);
  slot(Py_mp_subscript, tensor_getitem);
  slot(Py_mp_ass_subscript, tensor_setitem);
  slot(Py_tp_iter, tensor_iter);
  slot(Py_sq_contains, tensor_contains);
  fill_number_slots(next);
  *next = {0, nullptr};
  static PyType_Spec spec = {"flambeau.Tensor", sizeof(TensorImpl), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots};
  tensor_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&spec)));
  // Tensors do not count their type, but an assignment to __class__ takes a count from it.
  reinterpret_cast<PyObject*>(tensor_type)->ob_refcnt += Py_ssize_t{1} << 40;
  check_py(PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(tensor_type)));
  object_hooks.tensor_type = tensor_type;
  object_hooks.dealloc = object_dealloc;
  resolve_number_slots();
}

}  // namespace flambeau::python
