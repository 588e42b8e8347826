// The Tensor class. Its objects are TensorImpl structures; see core/object.h.
#pragma once
#include "python/py.h"

namespace flambeau::python {

void init_tensor_type(PyObject* module);
// A new object of a Tensor subclass that shares the storage (and not the history) of `data`.
PyObject* make_subclass(PyTypeObject* cls, const Tensor& data);
// Shows the object to the cycle collector: it has come to hold Python objects.
void track(Object* o);

extern PyMethodDef tensor_basic_methods[];
extern PyMethodDef tensor_storage_methods[];  // storage_type.cpp
extern PyMethodDef tensor_convert_methods[];  // tensor_convert.cpp
extern PyGetSetDef tensor_convert_properties[];
extern PyGetSetDef tensor_properties[];
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs);
PyObject* tensor_getitem(PyObject* self, PyObject* index);
int tensor_setitem(PyObject* self, PyObject* index, PyObject* value);
PyObject* tensor_iter(PyObject* self);
int tensor_contains(PyObject* self, PyObject* value);
// Slots of the number protocol, found by the names of the generated methods.
void fill_number_slots(PyType_Slot*& next);
void resolve_number_slots();
int tensor_bool(PyObject* self);

}  // namespace flambeau::python
