// grad_fn objects: Node structures as Python sees them.
#pragma once
#include <functional>

#include "autograd/autograd.h"
#include "python/py.h"

namespace flambeau::python {

void init_node_type(PyObject* module);
extern PyTypeObject* node_type;
inline PyObject* wrap_node(Node* n) {  // new reference
  if (!n) Py_RETURN_NONE;
  incref(n);
  return reinterpret_cast<PyObject*>(n);
}
// A removable handle for hooks, and hooks that call Python.
PyObject* make_handle(std::function<void()> remove);
std::shared_ptr<TensorHook> make_tensor_hook(PyObject* callable);
std::shared_ptr<NodeHook> make_node_hook(PyObject* callable, bool pre);

}  // namespace flambeau::python
