// The Python class Size: a tuple of ints that knows its product.
#include <string>

#include "python/types.h"

namespace flambeau::python {
namespace {

PyTypeObject size_type;

PyObject* fill_ints(PyObject* tuple, const Dims& dims) {
  for (size_t i = 0; i < dims.size(); ++i) {
    PyTuple_SET_ITEM(tuple, static_cast<Py_ssize_t>(i), check_py(PyLong_FromLongLong(dims[i])));
  }
  return tuple;
}

// A Size with the items of a tuple, which is consumed. NotImplemented passes through.
PyObject* as_size(PyObject* tuple) {
  if (!tuple || tuple == Py_NotImplemented) return tuple;
  PyRef owned(tuple);
  const Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  PyObject* result = size_type.tp_alloc(&size_type, n);
  if (!result) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, i);
    Py_INCREF(item);
    PyTuple_SET_ITEM(result, i, item);
  }
  return result;
}

PyObject* size_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    PyRef items(check_py(PyTuple_Type.tp_new(&PyTuple_Type, args, kwargs)));
    const Py_ssize_t n = PyTuple_GET_SIZE(items.get());
    PyRef result(check_py(size_type.tp_alloc(&size_type, n)));
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PyTuple_GET_ITEM(items.get(), i);
      FB_CHECK_TYPE(PyIndex_Check(item), "torch.Size() takes an iterable of 'int' (item ", i,
                    " is '", Py_TYPE(item)->tp_name, "')");
      PyRef number(check_py(PyNumber_Index(item)));
      PyTuple_SET_ITEM(result.get(), i, check_py(PyNumber_Long(number.get())));  // True becomes 1
    }
    return result.release();
  });
}

PyObject* size_repr(PyObject* self) {
  return guard([&]() -> PyObject* {
    std::string text = "torch.Size([";
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
      PyRef item(check_py(PyObject_Repr(PyTuple_GET_ITEM(self, i))));
      text += (i ? ", " : "") + to_string(item.get());
    }
    return py_str(text + "])");
  });
}

PyObject* size_numel(PyObject* self, PyObject*) {
  PyRef total(PyLong_FromLong(1));
  for (Py_ssize_t i = 0; total && i < PyTuple_GET_SIZE(self); ++i) {
    total = PyRef(PyNumber_Multiply(total.get(), PyTuple_GET_ITEM(self, i)));
  }
  return total.release();
}

PyObject* size_reduce(PyObject* self, PyObject*) {
  PyRef plain(PySequence_Tuple(self));
  return plain ? Py_BuildValue("O(O)", &size_type, plain.get()) : nullptr;
}

PyObject* size_subscript(PyObject* self, PyObject* key) {
  PyObject* r = PyTuple_Type.tp_as_mapping->mp_subscript(self, key);
  return PySlice_Check(key) ? as_size(r) : r;
}

PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) {
    PyErr_Format(PyExc_TypeError, "can only concatenate tuple (not \"%s\") to torch.Size",
                 Py_TYPE(PyTuple_Check(a) ? b : a)->tp_name);
    return nullptr;
  }
  return as_size(PyTuple_Type.tp_as_sequence->sq_concat(a, b));
}

// As a number, so that it is asked before tuple's own concatenation: (1,) + Size is a Size.
PyObject* size_number_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  return size_add(a, b);
}

PyObject* size_repeat(PyObject* self, Py_ssize_t n) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, n));
}

PyNumberMethods size_number;
PySequenceMethods size_sequence;
PyMappingMethods size_mapping;

PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "The number of elements of a tensor of this size."},
    {"__reduce__", size_reduce, METH_NOARGS, nullptr},
    {}};

}  // namespace

PyObject* wrap_size(const Dims& sizes) {
  PyObject* t = check_py(size_type.tp_alloc(&size_type, static_cast<Py_ssize_t>(sizes.size())));
  return fill_ints(t, sizes);
}

PyObject* wrap_dims(const Dims& dims) {
  return fill_ints(check_py(PyTuple_New(static_cast<Py_ssize_t>(dims.size()))), dims);
}

void init_size_type(PyObject* module) {
  PyTypeObject& t = size_type;
  if (!t.tp_dict) {
    size_number.nb_add = size_number_add;
    size_sequence = *PyTuple_Type.tp_as_sequence;
    size_sequence.sq_concat = size_add;
    size_sequence.sq_repeat = size_repeat;
    size_mapping = *PyTuple_Type.tp_as_mapping;
    size_mapping.mp_subscript = size_subscript;
  }
  t.tp_name = "flambeau.Size";
  t.tp_doc = "Size(iterable=(), /)\n--\n\nThe sizes of a tensor's dimensions, as a tuple of ints.";
  t.tp_base = &PyTuple_Type;
  t.tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC;
  t.tp_basicsize = PyTuple_Type.tp_basicsize;
  t.tp_itemsize = PyTuple_Type.tp_itemsize;
  t.tp_traverse = PyTuple_Type.tp_traverse;
  t.tp_clear = PyTuple_Type.tp_clear;
  t.tp_new = size_new;
  t.tp_repr = size_repr;
  t.tp_as_number = &size_number;
  t.tp_as_sequence = &size_sequence;
  t.tp_as_mapping = &size_mapping;
  t.tp_methods = size_methods;
  ready_type(t, module);
}

}  // namespace flambeau::python
