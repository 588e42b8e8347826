// The parts that module.cpp puts together.
#pragma once
#include "python/py.h"

namespace flambeau::python {

extern PyMethodDef autograd_functions[];   // autograd_module.cpp
extern PyMethodDef service_functions[];    // services.cpp: threads, memory, defaults

}  // namespace flambeau::python
