// Functions of the module about recording and backward; flambeau.autograd is built on them.
#include "autograd/engine.h"
#include "python/arg_parser.h"
#include "python/fastcall.h"
#include "python/module.h"
#include "python/node_type.h"

namespace flambeau::python {

namespace {

PyObject* is_grad_enabled(PyObject*, PyObject*) { return wrap(bool(grad_enabled)); }
PyObject* set_grad_enabled(PyObject*, PyObject* flag) {
  const bool before = grad_enabled;
  const int value = PyObject_IsTrue(flag);
  if (value < 0) return nullptr;
  grad_enabled = value != 0;
  return wrap(before);
}
PyObject* is_inference(PyObject*, PyObject*) { return wrap(bool(inference_enabled)); }
PyObject* set_inference(PyObject*, PyObject* flag) {
  const bool before = inference_enabled;
  inference_enabled = flag == Py_True;
  return wrap(before);
}
PyObject* set_anomaly(PyObject*, PyObject* args) {
  int enabled, check_nan = 1;
  if (!PyArg_ParseTuple(args, "p|p", &enabled, &check_nan)) return nullptr;
  anomaly_enabled = enabled;
  anomaly_check_nan = check_nan;
  Py_RETURN_NONE;
}
PyObject* is_anomaly(PyObject*, PyObject*) { return wrap(bool(anomaly_enabled)); }
PyObject* is_anomaly_check_nan(PyObject*, PyObject*) { return wrap(bool(anomaly_check_nan)); }

// _run_backward(tensors, grads, inputs, retain_graph, create_graph, accumulate, allow_unused): the
// tuples come checked for type from flambeau.autograd.
PyObject* run_backward_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject*) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(n == 6, "_run_backward(): takes 6 arguments, got ", n);
    const TensorList roots = as_tensor_list(args[0]);
    TensorList grads = as_opt_tensor_list(args[1]);
    const TensorList inputs = as_tensor_list(args[2]);
    BackwardOptions options;
    options.retain_graph = args[3] == Py_True;
    options.create_graph = args[4] == Py_True;
    options.accumulate = args[5] == Py_True;
    FB_CHECK(roots.size() == grads.size(), "got ", roots.size(), " tensors and ", grads.size(),
             " gradients");
    for (size_t i = 0; i < roots.size(); ++i) {
      FB_CHECK(requires_grad(roots[i]), "element ", i,
               " of tensors does not require grad and does "
               "not have a grad_fn");
      if (!grads[i].defined()) {
        FB_CHECK(roots[i].numel() == 1,
                 "grad can be implicitly created only for scalar outputs, "
                 "got a tensor of shape ",
                 roots[i].sizes(), "; pass gradient=");
        FB_CHECK(!is_complex(roots[i].dtype()),
                 "grad can be implicitly created only for real scalar "
                 "outputs but got ",
                 name(roots[i].dtype()));
        grads[i] = engine_ops.ones_like(roots[i]);
      } else {
        FB_CHECK(grads[i].sizes() == roots[i].sizes(), "Mismatch in shape: grad_output[", i,
                 "] has a shape of ", grads[i].sizes(), " and output[", i, "] has a shape of ",
                 roots[i].sizes(), ".");
        FB_CHECK(is_complex(grads[i].dtype()) == is_complex(roots[i].dtype()),
                 "For complex Tensors, "
                 "both grad_output and output are required to have the same dtype: ",
                 name(grads[i].dtype()), " and ", name(roots[i].dtype()));
      }
    }
    return wrap(run_backward(roots, grads, inputs, options));
  });
}

PyObject* queue_callback_function(PyObject*, PyObject* callable) {
  return guard([&]() -> PyObject* {
    struct Callback : NodeHook {
      PyRef f;
      void call(TensorList&, TensorList&) override {
        PyRef(check_py(PyObject_CallNoArgs(f.get())));
      }
    };
    auto callback = std::make_shared<Callback>();
    callback->f = PyRef::borrow(callable);
    queue_callback(callback);
    Py_RETURN_NONE;
  });
}

PyObject* current_graph_node(PyObject*, PyObject*) { return wrap_node(current_node()); }

// The node an edge of the tensor points to: its grad_fn, or the accumulator of a leaf.
PyObject* gradient_edge_function(PyObject*, PyObject* tensor) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(is_tensor(tensor), "get_gradient_edge(): expected a Tensor");
    const Edge e = gradient_edge(borrow_tensor(tensor));
    FB_CHECK(e.node,
             "It is not possible to get the gradient edge for a Tensor that does not require "
             "gradients");
    PyRef node(wrap_node(e.node.get()));
    return Py_BuildValue("(OI)", node.get(), e.nr);
  });
}

}  // namespace

PyMethodDef autograd_functions[] = {
    {"is_grad_enabled", is_grad_enabled, METH_NOARGS, "Whether operations are recorded."},
    {"_set_grad_enabled", set_grad_enabled, METH_O, "Sets the mode and returns the one before."},
    {"is_inference_mode_enabled", is_inference, METH_NOARGS, nullptr},
    {"_set_inference", set_inference, METH_O, nullptr},
    {"_set_anomaly", set_anomaly, METH_VARARGS, nullptr},
    {"is_anomaly_enabled", is_anomaly, METH_NOARGS, nullptr},
    {"is_anomaly_check_nan_enabled", is_anomaly_check_nan, METH_NOARGS, nullptr},
    {"_run_backward", FB_FASTCALL(run_backward_function), kFastcall, nullptr},
    {"_queue_callback", queue_callback_function, METH_O, nullptr},
    {"_current_graph_node", current_graph_node, METH_NOARGS, nullptr},
    {"_gradient_edge", gradient_edge_function, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace flambeau::python
