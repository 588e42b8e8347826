// Functions of the module about the process: threads, the allocator, defaults, the processor.
#include "core/allocator.h"
#include "cpu/dispatch.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "python/arg_parser.h"
#include "python/module.h"

namespace flambeau::python {

namespace {

PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(num_threads()); }
PyObject* set_num_threads_function(PyObject*, PyObject* n) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(PyLong_Check(n), "set_num_threads expects an int, but got ", Py_TYPE(n)->tp_name);
    const int64_t v = as_int(n);
    FB_CHECK(v > 0 && v <= 4096, "set_num_threads expects a positive integer, got ", v);
    set_num_threads(static_cast<int>(v));
    Py_RETURN_NONE;
  });
}
PyObject* count_divided_loops(PyObject*, PyObject*) { return PyLong_FromLongLong(divided_loops()); }
PyObject* get_default(PyObject*, PyObject*) {
  return guard([] { return wrap_dtype(default_dtype()); });
}
PyObject* set_default(PyObject*, PyObject* dtype) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(is_dtype(dtype), "set_default_dtype(): invalid dtype object");
    set_default_dtype(to_dtype(dtype));
    Py_RETURN_NONE;
  });
}
PyObject* cpu_capability(PyObject*, PyObject*) {
  return PyUnicode_FromString(cpu_level_name(cpu_level));
}
PyObject* empty_cache_function(PyObject*, PyObject*) {
  return guard([]() -> PyObject* {
    empty_cache();
    Py_RETURN_NONE;
  });
}
PyObject* allocator_statistics(PyObject*, PyObject*) {
  const AllocatorStats s = allocator_stats();
  return Py_BuildValue("{s:n,s:n,s:n,s:n,s:K,s:K}", "allocated_bytes.current", s.allocated,
                       "allocated_bytes.peak", s.allocated_peak, "reserved_bytes.current",
                       s.reserved, "reserved_bytes.peak", s.reserved_peak, "system_allocations",
                       s.system_allocations, "cache_hits", s.cache_hits);
}
PyObject* reset_peaks(PyObject*, PyObject*) {
  reset_peak_stats();
  Py_RETURN_NONE;
}
PyObject* get_memory_limit(PyObject*, PyObject*) {
  if (memory_limit() == kNoMemoryLimit) Py_RETURN_NONE;
  return PyLong_FromSize_t(memory_limit());
}
PyObject* set_memory_limit_function(PyObject*, PyObject* nbytes) {
  return guard([&]() -> PyObject* {
    if (nbytes == Py_None) {
      set_memory_limit(kNoMemoryLimit);
      Py_RETURN_NONE;
    }
    FB_CHECK_TYPE(PyLong_Check(nbytes), "set_memory_limit expects an int or None, but got ",
                  Py_TYPE(nbytes)->tp_name);
    const int64_t v = as_int(nbytes);
    FB_CHECK_VALUE(v >= 0, "set_memory_limit expects a number of bytes, got ", v,
                   "; None lifts the limit");
    set_memory_limit(static_cast<size_t>(v));
    Py_RETURN_NONE;
  });
}
PyObject* promote_types(PyObject*, PyObject* args) {
  return guard([&]() -> PyObject* {
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO:promote_types", &a, &b)) return nullptr;
    return wrap_dtype(promote(to_dtype(a), to_dtype(b)));
  });
}
PyObject* can_cast_function(PyObject*, PyObject* args, PyObject* kwargs) {
  return guard([&]() -> PyObject* {
    static const char* names[] = {"from_", "to", nullptr};
    PyObject *a, *b;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO:can_cast", const_cast<char**>(names), &a,
                                     &b)) {
      return nullptr;
    }
    return wrap(can_cast(to_dtype(a), to_dtype(b)));
  });
}
PyObject* result_type_function(PyObject*, PyObject* args) {
  return guard([&]() -> PyObject* {
    PyObject *a, *b;
    if (!PyArg_ParseTuple(args, "OO:result_type", &a, &b)) return nullptr;
    PromotionState state;
    for (PyObject* o : {a, b}) {
      FB_CHECK_TYPE(is_tensor(o) || PyNumber_Check(o),
                    "result_type(): expected tensors and numbers, "
                    "but got ",
                    Py_TYPE(o)->tp_name);
      if (is_tensor(o))
        state.add(borrow_tensor(o));
      else
        state.add(as_scalar(o));
    }
    return wrap_dtype(state.result());
  });
}
PyObject* register_parameter_type(PyObject*, PyObject* cls) {
  return guard([&]() -> PyObject* {
    FB_CHECK_TYPE(
        PyType_Check(cls) && PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(cls), tensor_type),
        "_register_parameter_type(): expected a Tensor subclass");
    parameter_type = reinterpret_cast<PyTypeObject*>(Py_NewRef(cls));
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef service_functions[] = {
    {"get_num_threads", get_num_threads, METH_NOARGS, "Threads that kernels may use."},
    {"set_num_threads", set_num_threads_function, METH_O, "Limits the threads of kernels."},
    {"_divided_loops", count_divided_loops, METH_NOARGS, nullptr},
    {"get_default_dtype", get_default, METH_NOARGS, "The type of tensors made from Python floats."},
    {"_set_default_dtype", set_default, METH_O, nullptr},
    {"_cpu_capability", cpu_capability, METH_NOARGS, "The instruction set in use."},
    {"_empty_cache", empty_cache_function, METH_NOARGS, nullptr},
    {"_memory_stats", allocator_statistics, METH_NOARGS, nullptr},
    {"_reset_peak_memory_stats", reset_peaks, METH_NOARGS, nullptr},
    {"_memory_limit", get_memory_limit, METH_NOARGS, nullptr},
    {"_set_memory_limit", set_memory_limit_function, METH_O, nullptr},
    {"promote_types", promote_types, METH_VARARGS, "The smallest type that holds both."},
    {"can_cast", FB_FASTCALL(can_cast_function), METH_VARARGS | METH_KEYWORDS,
     "Whether values of one type may be stored in another without a change of category."},
    {"result_type", result_type_function, METH_VARARGS, "The type of a binary operation's result."},
    {"_register_parameter_type", register_parameter_type, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace flambeau::python
