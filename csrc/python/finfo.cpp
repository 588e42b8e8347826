// The Python classes finfo and iinfo: the numeric limits of a dtype.
#include <limits>
#include <string>

#include "python/types.h"

namespace flambeau::python {
namespace {

struct FinfoObject {
  PyObject head;
  DType dtype;
  int bits;
  double eps, max, tiny, resolution;  // min is -max
};
struct IinfoObject {
  PyObject head;
  DType dtype;
  int bits;
  int64_t min, max;
};
PyTypeObject finfo_type, iinfo_type;

template <class T>
void fill_from_limits(FinfoObject& f) {
  using Limits = std::numeric_limits<T>;
  f.eps = Limits::epsilon();
  f.max = Limits::max();
  f.tiny = Limits::min();
  f.resolution = Limits::digits10 == 6 ? 1e-6 : 1e-15;  // 10^-digits10
}

void fill(FinfoObject& f, DType t) {
  f.dtype = t;
  f.bits = static_cast<int>(element_size(t)) * 8;
  if (t == DType::Float64) {
    fill_from_limits<double>(f);
  } else if (t == DType::Float32) {
    fill_from_limits<float>(f);
  } else if (t == DType::Float16) {  // 5 bits of exponent, 10 of mantissa
    f.eps = 0x1p-10, f.max = 65504, f.tiny = 0x1p-14, f.resolution = 1e-3;
  } else {  // bfloat16: 8 and 7
    f.eps = 0x1p-7, f.max = 0x1.FEp127, f.tiny = 0x1p-126, f.resolution = 1e-2;
  }
}

// The single argument of both constructors; null when absent.
PyObject* type_argument(PyObject* args, PyObject* kwargs, const char* format) {
  static const char* names[] = {"type", nullptr};
  PyObject* type = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, format, const_cast<char**>(names), &type)) {
    throw_python_error();
  }
  FB_CHECK_TYPE(
      !type || is_dtype(type), std::string(format).substr(std::string(format).find(":") + 1),
      "(): argument 'type' (position 1) must be torch.dtype, not ", Py_TYPE(type)->tp_name);
  return type;
}

PyObject* finfo_new(PyTypeObject* cls, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    PyObject* type = type_argument(args, kwargs, "|O:finfo");
    const DType t = to_real(type ? to_dtype(type) : default_dtype());
    FB_CHECK_TYPE(is_floating(t),
                  "finfo(): torch.finfo() requires a floating point input type, got ", name(t),
                  ". Use torch.iinfo for integers");
    PyObject* self = check_py(cls->tp_alloc(cls, 0));
    fill(*reinterpret_cast<FinfoObject*>(self), t);
    return self;
  });
}

PyObject* iinfo_new(PyTypeObject* cls, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    const DType t = to_dtype(type_argument(args, kwargs, "O:iinfo"));
    FB_CHECK_TYPE(t != DType::Bool, "iinfo(): torch.bool is not supported by torch.iinfo");
    FB_CHECK_TYPE(is_integral(t), "iinfo(): torch.iinfo() requires an integer input type, got ",
                  name(t), ". Use torch.finfo for floating point types");
    PyObject* self = check_py(cls->tp_alloc(cls, 0));
    auto& o = *reinterpret_cast<IinfoObject*>(self);
    o.dtype = t;
    o.bits = static_cast<int>(element_size(t)) * 8;
    o.min = info(t).is_signed ? -(int64_t{1} << (o.bits - 2)) * 2 : 0;
    o.max = info(t).is_signed ? -(o.min + 1) : (int64_t{1} << o.bits) - 1;
    return self;
  });
}

const FinfoObject& finfo(PyObject* o) { return *reinterpret_cast<FinfoObject*>(o); }
const IinfoObject& iinfo(PyObject* o) { return *reinterpret_cast<IinfoObject*>(o); }

PyObject* finfo_repr(PyObject* self) {
  return guard([&] {
    const FinfoObject& f = finfo(self);
    return py_str(str("finfo(resolution=", f.resolution, ", min=", -f.max, ", max=", f.max,
                      ", eps=", f.eps, ", smallest_normal=", f.tiny, ", tiny=", f.tiny,
                      ", dtype=", f.dtype, ")"));
  });
}

PyObject* iinfo_repr(PyObject* self) {
  return guard([&] {
    const IinfoObject& i = iinfo(self);
    return py_str(str("iinfo(min=", static_cast<double>(i.min),
                      ", max=", static_cast<double>(i.max), ", dtype=", i.dtype, ")"));
  });
}

template <class T>
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (Py_TYPE(a) != Py_TYPE(b) || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  const bool same = reinterpret_cast<T*>(a)->dtype == reinterpret_cast<T*>(b)->dtype;
  return wrap(same == (op == Py_EQ));
}

template <class T>
Py_hash_t hash(PyObject* self) {
  return 1 + static_cast<int>(reinterpret_cast<T*>(self)->dtype);
}

template <class T>
PyObject* reduce(PyObject* self, PyObject*) {
  PyRef type(wrap_dtype(reinterpret_cast<T*>(self)->dtype));
  return Py_BuildValue("O(O)", Py_TYPE(self), type.get());
}

PyMethodDef finfo_methods[] = {{"__reduce__", reduce<FinfoObject>, METH_NOARGS, nullptr}, {}};
PyMethodDef iinfo_methods[] = {{"__reduce__", reduce<IinfoObject>, METH_NOARGS, nullptr}, {}};

#define FB_GETTER(expr) [](PyObject* o, void*) -> PyObject* { return expr; }, nullptr
PyGetSetDef finfo_properties[] = {
    {"bits", FB_GETTER(wrap(int64_t{finfo(o).bits})), "Bits of one number.", nullptr},
    {"eps", FB_GETTER(wrap(finfo(o).eps)), "The step from 1.0 to the next number.", nullptr},
    {"max", FB_GETTER(wrap(finfo(o).max)), "The largest finite number.", nullptr},
    {"min", FB_GETTER(wrap(-finfo(o).max)), "The smallest finite number, -max.", nullptr},
    {"tiny", FB_GETTER(wrap(finfo(o).tiny)), "The same as smallest_normal.", nullptr},
    {"smallest_normal", FB_GETTER(wrap(finfo(o).tiny)),
     "The smallest positive number with full precision.", nullptr},
    {"resolution", FB_GETTER(wrap(finfo(o).resolution)),
     "10 to the power of minus the decimal digits that are kept.", nullptr},
    {"dtype", FB_GETTER(PyUnicode_FromString(name(finfo(o).dtype))), "The name of the type.",
     nullptr},
    {}};
PyGetSetDef iinfo_properties[] = {
    {"bits", FB_GETTER(wrap(int64_t{iinfo(o).bits})), "Bits of one number.", nullptr},
    {"max", FB_GETTER(wrap(iinfo(o).max)), "The largest number.", nullptr},
    {"min", FB_GETTER(wrap(iinfo(o).min)), "The smallest number.", nullptr},
    {"dtype", FB_GETTER(PyUnicode_FromString(name(iinfo(o).dtype))), "The name of the type.",
     nullptr},
    {}};
#undef FB_GETTER

}  // namespace

void init_finfo_types(PyObject* module) {
  PyTypeObject& f = finfo_type;
  f.tp_name = "flambeau.finfo";
  f.tp_doc =
      "finfo(type=None)\n--\n\nThe limits of a floating point dtype, the default one if none.";
  f.tp_basicsize = sizeof(FinfoObject);
  f.tp_flags = Py_TPFLAGS_DEFAULT;
  f.tp_new = finfo_new;
  f.tp_repr = finfo_repr;
  f.tp_hash = hash<FinfoObject>;
  f.tp_richcompare = compare<FinfoObject>;
  f.tp_methods = finfo_methods;
  f.tp_getset = finfo_properties;
  ready_type(f, module);

  PyTypeObject& i = iinfo_type;
  i.tp_name = "flambeau.iinfo";
  i.tp_doc = "iinfo(type)\n--\n\nThe limits of an integer dtype.";
  i.tp_basicsize = sizeof(IinfoObject);
  i.tp_flags = Py_TPFLAGS_DEFAULT;
  i.tp_new = iinfo_new;
  i.tp_repr = iinfo_repr;
  i.tp_hash = hash<IinfoObject>;
  i.tp_richcompare = compare<IinfoObject>;
  i.tp_methods = iinfo_methods;
  i.tp_getset = iinfo_properties;
  ready_type(i, module);
}

}  // namespace flambeau::python
