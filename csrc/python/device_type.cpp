// The Python class device.
#include <cstring>
#include <sstream>
#include <string>

#include "python/types.h"

namespace flambeau::python {
namespace {

struct DeviceObject {
  PyObject head;
  Device value;
};
PyTypeObject device_type;
PyObject* plain_devices[3];  // one object for each type without an index

Device value_of(PyObject* o) { return reinterpret_cast<DeviceObject*>(o)->value; }

PyObject* new_device(Device d) {
  auto* o = PyObject_New(DeviceObject, &device_type);
  check_py(reinterpret_cast<PyObject*>(o));
  o->value = d;
  return reinterpret_cast<PyObject*>(o);
}

int8_t checked_index(int64_t index) {
  FB_CHECK(index >= 0, "device(): Device index must not be negative, got ", index);
  FB_CHECK(index < 128, "device(): the index must be below 128, got ", index);
  return static_cast<int8_t>(index);
}

// "cuda:12": a name, perhaps a colon and a number without leading zeros.
Device parse_device_string(const std::string& text) {
  FB_CHECK(!text.empty(), "device(): Device string must not be empty");
  const size_t colon = text.find(':');
  const std::string type = text.substr(0, colon);
  Device d;
  if (type == "cpu") {
    d.type = DeviceType::Cpu;
  } else if (type == "cuda") {
    d.type = DeviceType::Cuda;
  } else if (type == "meta") {
    d.type = DeviceType::Meta;
  } else {
    fail(ErrorKind::Runtime,
         "device(): Expected one of cpu, cuda, meta device type at start of "
         "device string: ",
         text);
  }
  if (colon == std::string::npos) return d;
  const std::string digits = text.substr(colon + 1);
  const bool good = !digits.empty() && digits.size() <= 9 &&
                    digits.find_first_not_of("0123456789") == std::string::npos &&
                    (digits.size() == 1 || digits[0] != '0');
  FB_CHECK(good, "device(): Invalid device string: '", text, "'");
  d.index = checked_index(std::stoll(digits));
  return d;
}

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    static const char* by_type[] = {"type", "index", nullptr};
    static const char* by_device[] = {"device", nullptr};
    PyObject *first = nullptr, *index = Py_None;
    const bool as_device = kwargs && PyDict_GetItemString(kwargs, "device");
    const int ok = as_device
                       ? PyArg_ParseTupleAndKeywords(args, kwargs, "O:device",
                                                     const_cast<char**>(by_device), &first)
                       : PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device",
                                                     const_cast<char**>(by_type), &first, &index);
    if (!ok) throw_python_error();
    FB_CHECK(!PyLong_Check(first),
             "device(): Cannot access accelerator device when none is "
             "available; name a device, such as 'cpu'");
    Device d = parse_device(first);
    if (index != Py_None) {
      FB_CHECK(PyUnicode_Check(first) && d.index < 0,
               "device(): type (string) must not include an "
               "index because index was passed explicitly: ",
               d);
      const int64_t i = PyLong_AsLongLong(index);
      if (i == -1 && PyErr_Occurred()) throw_python_error();
      d.index = checked_index(i);
    }
    return new_device(d);
  });
}

PyObject* device_str(PyObject* self) {
  return guard([&] { return py_str(str(value_of(self))); });
}

PyObject* device_repr(PyObject* self) {
  const Device d = value_of(self);
  if (d.index < 0) return PyUnicode_FromFormat("device(type='%s')", name(d.type));
  return PyUnicode_FromFormat("device(type='%s', index=%d)", name(d.type),
                              static_cast<int>(d.index));
}

Py_hash_t device_hash(PyObject* self) {
  const Device d = value_of(self);
  return 1 + static_cast<int>(d.type) * 256 + static_cast<uint8_t>(d.index);
}

PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if (Py_TYPE(b) != &device_type || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  const Device x = value_of(a), y = value_of(b);
  return wrap((x.type == y.type && x.index == y.index) == (op == Py_EQ));
}

PyObject* device_reduce(PyObject* self, PyObject*) {
  const Device d = value_of(self);
  if (d.index < 0) return Py_BuildValue("O(s)", &device_type, name(d.type));
  return Py_BuildValue("O(si)", &device_type, name(d.type), static_cast<int>(d.index));
}

PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr}, {}};

PyGetSetDef device_properties[] = {
    {"type", [](PyObject* o, void*) { return PyUnicode_FromString(name(value_of(o).type)); },
     nullptr, "'cpu', 'cuda' or 'meta'.", nullptr},
    {"index",
     [](PyObject* o, void*) -> PyObject* {
       const int8_t i = value_of(o).index;
       if (i < 0) Py_RETURN_NONE;
       return PyLong_FromLong(i);
     },
     nullptr, "Which device of its type, or None.", nullptr},
    {}};

}  // namespace

PyObject* wrap_device(Device d) {
  if (d.index >= 0) return new_device(d);
  PyObject* o = plain_devices[static_cast<int>(d.type)];
  Py_INCREF(o);
  return o;
}

bool is_device(PyObject* o) { return Py_TYPE(o) == &device_type || PyUnicode_Check(o); }

Device parse_device(PyObject* o) {
  if (Py_TYPE(o) == &device_type) return value_of(o);
  FB_CHECK_TYPE(PyUnicode_Check(o), "device must be torch.device or str, not ",
                Py_TYPE(o)->tp_name);
  return parse_device_string(to_string(o));
}

Device to_device(PyObject* o) {
  FB_CHECK(!PyLong_Check(o),
           "device: Cannot access accelerator device when none is available; name "
           "a device, such as 'cpu'");
  const Device d = parse_device(o);
  FB_CHECK(d.type != DeviceType::Cuda,
           "device: flambeau was built without CUDA and cannot keep a "
           "tensor on ",
           d, "; use device='cpu'");
  return Device{d.type, -1};  // there is one cpu and one meta device, whatever the index
}

void init_device_type(PyObject* module) {
  PyTypeObject& t = device_type;
  t.tp_name = "flambeau.device";
  t.tp_doc = "device(type, index=None)\n--\n\nWhere tensors live: 'cpu', 'meta', 'cuda:0'.";
  t.tp_basicsize = sizeof(DeviceObject);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_new = device_new;
  t.tp_repr = device_repr;
  t.tp_str = device_str;
  t.tp_hash = device_hash;
  t.tp_richcompare = device_compare;
  t.tp_methods = device_methods;
  t.tp_getset = device_properties;
  ready_type(t, module);
  for (int i = 0; i < 3; ++i) plain_devices[i] = new_device(Device{static_cast<DeviceType>(i), -1});
}

}  // namespace flambeau::python
