// flambeau.Generator: a stream of random numbers that programs can own, seed and store.
#include <new>

#include "core/generator.h"
#include "python/arg_parser.h"
#include "python/fastcall.h"
#include "python/generator_type.h"

namespace flambeau::python {

namespace {

struct GeneratorObject {
  PyObject_HEAD Generator*
      generator;  // owned, but for the default generator, which belongs to the core
};
PyTypeObject* generator_type = nullptr;

Generator*& pointer(PyObject* o) { return reinterpret_cast<GeneratorObject*>(o)->generator; }
Generator& of(PyObject* o) { return *pointer(o); }

PyObject* create(PyTypeObject* type) {
  PyObject* o = check_py(type->tp_alloc(type, 0));
  pointer(o) = new Generator();
  return o;
}

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    static const char* names[] = {"device", nullptr};
    PyObject* device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", const_cast<char**>(names),
                                     &device)) {
      return nullptr;
    }
    if (device && device != Py_None) {
      FB_CHECK(to_device(device) == kCpu, "Generator(): only the cpu has a generator");
    }
    return create(type);
  });
}

void generator_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  if (pointer(self) != &default_generator()) delete pointer(self);
  type->tp_free(self);
  Py_DECREF(type);
}

// Seeds are read modulo 2^64, negative ones as their two's complement.
uint64_t to_seed(PyObject* o) {
  PyRef index(check_py(PyNumber_Index(o)));
  int overflow = 0;
  const long long v = PyLong_AsLongLongAndOverflow(index.get(), &overflow);
  if (!overflow) {
    if (v == -1 && PyErr_Occurred()) throw_python_error();
    return static_cast<uint64_t>(v);
  }
  const unsigned long long u = PyLong_AsUnsignedLongLong(index.get());
  if (PyErr_Occurred()) {
    PyErr_Clear();
    fail(ErrorKind::Runtime, "Overflow when unpacking long: a seed lies in [-2^63, 2^64)");
  }
  return u;
}

PyObject* manual_seed(PyObject* self, PyObject* seed) {
  return guard([&]() -> PyObject* {
    of(self).manual_seed(to_seed(seed));
    return Py_NewRef(self);
  });
}
PyObject* seed(PyObject* self, PyObject*) { return PyLong_FromUnsignedLongLong(of(self).seed()); }
PyObject* initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(of(self).initial_seed());
}
PyObject* get_state(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    Tensor t = empty({static_cast<int64_t>(Generator::kStateBytes)}, DType::UInt8);
    of(self).get_state(t.data<uint8_t>());
    return wrap(t);
  });
}
PyObject* set_state(PyObject* self, PyObject* state) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(is_tensor(state) && impl(state)->dtype == DType::UInt8,
                  "set_state(): expected a "
                  "torch.ByteTensor, but got ",
                  Py_TYPE(state)->tp_name);
    const Tensor t = borrow_tensor(state);
    FB_CHECK(t.is_contiguous() && !t.is_meta(), "set_state(): the state must be contiguous");
    of(self).set_state(t.data<uint8_t>(), static_cast<size_t>(t.numel()));
    return Py_NewRef(self);
  });
}
PyObject* clone_state(PyObject* self, PyObject*) {
  return guard([&]() -> PyObject* {
    PyObject* o = create(generator_type);
    of(o) = of(self);
    return o;
  });
}
PyObject* get_device(PyObject*, void*) {
  return guard([&] { return wrap_device(kCpu); });
}
PyObject* reduce(PyObject* self, PyObject*) {
  PyRef state(get_state(self, nullptr));
  if (!state) return nullptr;
  PyObject* rebuild =
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(generator_type), "_from_state");
  if (!rebuild) return nullptr;
  return Py_BuildValue("(N(O))", rebuild, state.get());
}
PyObject* from_state(PyObject*, PyObject* state) {
  return guard([&]() -> PyObject* {
    PyRef o(create(generator_type));
    PyRef result(check_py(set_state(o.get(), state)));
    return o.release();
  });
}

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O, "Starts the stream anew from `seed`; returns self."},
    {"seed", seed, METH_NOARGS, "Seeds from the system's entropy and returns the seed."},
    {"initial_seed", initial_seed, METH_NOARGS, "The seed the stream was started from."},
    {"get_state", get_state, METH_NOARGS, "The state as a uint8 tensor."},
    {"set_state", set_state, METH_O, "Continues from a state of get_state()."},
    {"clone_state", clone_state, METH_NOARGS, "A generator at the same point of the stream."},
    {"graphsafe_get_state", clone_state, METH_NOARGS, nullptr},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"_from_state", from_state, METH_O | METH_STATIC, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"device", get_device, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};

}  // namespace

bool is_generator(PyObject* o) { return generator_type && PyObject_TypeCheck(o, generator_type); }
Generator* as_generator(PyObject* o) { return o == Py_None ? nullptr : &of(o); }

void init_generator_type(PyObject* module) {
  static PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(generator_new)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(generator_dealloc)},
                                {Py_tp_methods, methods},
                                {Py_tp_getset, properties},
                                {0, nullptr}};
  static PyType_Spec spec = {"flambeau.Generator", sizeof(GeneratorObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  generator_type = reinterpret_cast<PyTypeObject*>(check_py(PyType_FromSpec(&spec)));
  check_py(PyModule_AddObjectRef(module, "Generator", reinterpret_cast<PyObject*>(generator_type)));
  PyRef shared(check_py(generator_type->tp_alloc(generator_type, 0)));
  pointer(shared.get()) = &default_generator();
  check_py(PyModule_AddObjectRef(module, "default_generator", shared.get()));
}

}  // namespace flambeau::python
