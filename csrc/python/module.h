// The parts that module.cpp puts together.
#pragma once
#include "python/py.h"

namespace flambeau::python {

extern PyMethodDef saved_hook_functions[];  // saved_hooks.cpp
void init_saved_hooks();
extern PyMethodDef autograd_functions[];     // autograd_module.cpp
void init_function_type(PyObject* module);   // function.cpp
extern PyMethodDef module_base_functions[];  // module_base.cpp
void init_module_base(PyObject* module);
extern PyMethodDef storage_functions[];    // storage_type.cpp
void init_storage_type(PyObject* module);  // storage_type.cpp
void init_lapack();                        // lapack_path.cpp
extern PyMethodDef service_functions[];    // services.cpp: threads, memory, defaults

}  // namespace flambeau::python
