// The Python classes dtype, layout and memory_format, and their constants in the module.
#include "python/types.h"

#include <cstring>
#include <string>

namespace flambeau::python {
namespace {

// ---- dtype -------------------------------------------------------------------------------------

struct DtypeObject {
  PyObject head;
  DType value;
};
PyTypeObject dtype_type;
DtypeObject* dtypes[kDTypes];

DType value_of(PyObject* self) { return reinterpret_cast<DtypeObject*>(self)->value; }

PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("torch.%s", name(value_of(self)));
}

// A string tells pickle to look the object up in its module.
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(name(value_of(self)));
}

PyObject* dtype_to_real(PyObject* self, PyObject*) { return wrap_dtype(to_real(value_of(self))); }

PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  return guard([&] {
    const DType t = value_of(self);
    FB_CHECK(is_differentiable(t), "dtype.to_complex(): no complex type belongs to ", name(t),
             "; convert to a floating point type first");
    return wrap_dtype(to_complex(t));
  });
}

PyMethodDef dtype_methods[] = {
    {"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
    {"to_real", dtype_to_real, METH_NOARGS, "The type of the real and imaginary parts."},
    {"to_complex", dtype_to_complex, METH_NOARGS,
     "The complex type whose parts have this type (complex64 for the 16-bit types)."},
    {}};

PyGetSetDef dtype_properties[] = {
    {"is_floating_point", [](PyObject* o, void*) { return wrap(is_floating(value_of(o))); },
     nullptr, "True for float16, bfloat16, float32 and float64.", nullptr},
    {"is_complex", [](PyObject* o, void*) { return wrap(is_complex(value_of(o))); }, nullptr,
     "True for complex64 and complex128.", nullptr},
    {"is_signed", [](PyObject* o, void*) { return wrap(info(value_of(o)).is_signed); }, nullptr,
     "True for types that hold negative numbers.", nullptr},
    {"itemsize", [](PyObject* o, void*) { return wrap(element_size(value_of(o))); }, nullptr,
     "Bytes per element.", nullptr},
    {"__module__", [](PyObject*, void*) { return PyUnicode_FromString("flambeau"); }, nullptr,
     nullptr, nullptr},
    {}};

void init_dtypes(PyObject* module) {
  PyTypeObject& t = dtype_type;
  t.tp_name = "flambeau.dtype";
  t.tp_doc = "The type of a tensor's elements, such as float32.";
  t.tp_basicsize = sizeof(DtypeObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
  t.tp_repr = dtype_repr;
  t.tp_methods = dtype_methods;
  t.tp_getset = dtype_properties;
  ready_type(t, module);
  for (int i = 0; i < kDTypes; ++i) {
    dtypes[i] = PyObject_New(DtypeObject, &dtype_type);
    check_py(reinterpret_cast<PyObject*>(dtypes[i]));
    dtypes[i]->value = static_cast<DType>(i);
    add_constant(module, name(dtypes[i]->value), reinterpret_cast<PyObject*>(dtypes[i]));
  }
  const std::pair<const char*, DType> aliases[] = {
      {"float", DType::Float32},    {"double", DType::Float64},    {"half", DType::Float16},
      {"short", DType::Int16},      {"int", DType::Int32},         {"long", DType::Int64},
      {"cfloat", DType::Complex64}, {"cdouble", DType::Complex128}};
  for (auto [alias, type] : aliases) {
    add_constant(module, alias, reinterpret_cast<PyObject*>(dtypes[static_cast<int>(type)]));
  }
}

// ---- layout and memory_format ------------------------------------------------------------------

struct NamedObject {
  PyObject head;
  const char* name;
  int value;
};
PyTypeObject layout_type, memory_format_type;
PyObject* strided = nullptr;  // kept alive by the module

NamedObject* named(PyObject* o) { return reinterpret_cast<NamedObject*>(o); }
PyObject* named_repr(PyObject* self) { return PyUnicode_FromFormat("torch.%s", named(self)->name); }
PyObject* named_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(named(self)->name);
}

PyMethodDef named_methods[] = {{"__reduce__", named_reduce, METH_NOARGS, nullptr}, {}};
PyGetSetDef named_properties[] = {
    {"__module__", [](PyObject*, void*) { return PyUnicode_FromString("flambeau"); }, nullptr,
     nullptr, nullptr},
    {}};

template <size_t N>
void init_named(PyObject* module, PyTypeObject& t, const char* type_name, const char* doc,
                const char* const (&names)[N]) {
  t.tp_name = type_name;
  t.tp_doc = doc;
  t.tp_basicsize = sizeof(NamedObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION;
  t.tp_repr = named_repr;
  t.tp_methods = named_methods;
  t.tp_getset = named_properties;
  ready_type(t, module);
  for (size_t i = 0; i < N; ++i) {
    PyRef o(check_py(reinterpret_cast<PyObject*>(PyObject_New(NamedObject, &t))));
    named(o.get())->name = names[i];
    named(o.get())->value = static_cast<int>(i);
    if (&t == &layout_type && i == 0) strided = o.get();
    add_constant(module, names[i], o.get());
  }
}

// In the order of MemoryFormat; for layouts only the first can be used.
constexpr const char* kMemoryFormats[] = {"contiguous_format", "channels_last", "channels_last_3d",
                                          "preserve_format"};
constexpr const char* kLayouts[] = {"strided",    "sparse_coo", "sparse_csr",
                                    "sparse_csc", "sparse_bsr", "sparse_bsc"};

}  // namespace

void add_constant(PyObject* module, const char* name, PyObject* object) {
  check_py(PyModule_AddObjectRef(module, name, object));
}

void ready_type(PyTypeObject& type, PyObject* module) {
  static const PyVarObject head[] = {PyVarObject_HEAD_INIT(nullptr, 0)};
  if (!type.tp_dict) {  // not yet made ready by an earlier import
    type.ob_base = head[0];
    check_py(PyType_Ready(&type));
  }
  const char* dot = std::strrchr(type.tp_name, '.');
  add_constant(module, dot ? dot + 1 : type.tp_name, reinterpret_cast<PyObject*>(&type));
}

PyObject* wrap_dtype(DType t) {
  PyObject* o = reinterpret_cast<PyObject*>(dtypes[static_cast<int>(t)]);
  Py_INCREF(o);
  return o;
}

bool is_dtype(PyObject* o) {
  return Py_TYPE(o) == &dtype_type || o == reinterpret_cast<PyObject*>(&PyFloat_Type) ||
         o == reinterpret_cast<PyObject*>(&PyLong_Type) ||
         o == reinterpret_cast<PyObject*>(&PyBool_Type) ||
         o == reinterpret_cast<PyObject*>(&PyComplex_Type);
}

DType to_dtype(PyObject* o) {
  if (Py_TYPE(o) == &dtype_type) return value_of(o);
  if (o == reinterpret_cast<PyObject*>(&PyFloat_Type)) return DType::Float64;
  if (o == reinterpret_cast<PyObject*>(&PyLong_Type)) return DType::Int64;
  if (o == reinterpret_cast<PyObject*>(&PyBool_Type)) return DType::Bool;
  if (o == reinterpret_cast<PyObject*>(&PyComplex_Type)) return DType::Complex128;
  fail(ErrorKind::Type, "dtype must be torch.dtype, not ", Py_TYPE(o)->tp_name);
}

bool is_memory_format(PyObject* o) { return Py_TYPE(o) == &memory_format_type; }

MemoryFormat to_memory_format(PyObject* o) {
  FB_CHECK_TYPE(is_memory_format(o), "memory_format must be torch.memory_format, not ",
                Py_TYPE(o)->tp_name);
  return static_cast<MemoryFormat>(named(o)->value);
}

PyObject* wrap_layout() { return Py_NewRef(strided); }

bool is_layout(PyObject* o) {
  if (Py_TYPE(o) != &layout_type) return false;
  FB_CHECK(named(o)->value == 0, "layout: torch.", named(o)->name,
           " tensors are not implemented, use torch.strided");
  return true;
}

void init_types(PyObject* module) {
  init_dtypes(module);
  init_device_type(module);
  init_size_type(module);
  init_finfo_types(module);
  init_named(module, layout_type, "flambeau.layout", "How a tensor keeps its elements.", kLayouts);
  init_named(module, memory_format_type, "flambeau.memory_format",
             "The order of a tensor's dimensions in memory.", kMemoryFormats);
}

}  // namespace flambeau::python
