// flambeau._C: everything the Python sources build on.
#include "python/module.h"

#include "cpu/dispatch.h"
#include "python/construct.h"
#include "python/errors.h"
#include "python/generator_type.h"
#include "python/node_type.h"
#include "python/registry.h"
#include "python/tensor_type.h"
#include "python/torch_function.h"

namespace flambeau {
void install_engine_ops();  // csrc/ops
}

namespace flambeau::python {

namespace {

// __all__: types, services, and the operators that the table gives to the package itself.
void add_public_names(PyObject* module) {
  PyRef names(check_py(PyDict_Keys(PyModule_GetDict(module))));
  for (Py_ssize_t i = PyList_GET_SIZE(names.get()); i-- > 0;) {
    if (PyUnicode_READ_CHAR(PyList_GET_ITEM(names.get(), i), 0) == '_') {
      check_py(PyList_SetSlice(names.get(), i, i + 1, nullptr));
    }
  }
  for (const char* const* name = public_names; *name; ++name) {
    PyRef text(check_py(PyUnicode_FromString(*name)));
    check_py(PyList_Append(names.get(), text.get()));
  }
  check_py(PyModule_AddObjectRef(module, "__all__", names.get()));
}

int execute(PyObject* module) {
  return guard(
      [&]() -> int {
        init_cpu_level();
        init_hooks();
        init_saved_hooks();
        install_engine_ops();
        init_lapack();
        init_types(module);
        init_node_type(module);
        init_function_type(module);
        init_tensor_type(module);
        init_generator_type(module);
        init_storage_type(module);
        init_module_base(module);
        for (PyMethodDef* table :
             {construct_functions, autograd_functions, storage_functions, saved_hook_functions,
              service_functions, module_base_functions, torch_function_functions()}) {
          check_py(PyModule_AddFunctions(module, table));
        }
        add_public_names(module);
        for (PyMethodDef* const* table = all_functions; *table; ++table) {
          check_py(PyModule_AddFunctions(module, *table));
        }
        return 0;
      },
      -1);
}

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "flambeau._C",
                          "The compiled part of flambeau.",
                          -1,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace
}  // namespace flambeau::python

PyMODINIT_FUNC PyInit__C() {
  PyObject* module = PyModule_Create(&flambeau::python::definition);
  if (module && flambeau::python::execute(module) < 0) {
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
