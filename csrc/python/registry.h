// The generated method tables, ended by null.
#pragma once
#include "python/py.h"

namespace flambeau::python {

extern PyMethodDef* const all_functions[];
extern PyMethodDef* const all_methods[];
extern const char* const public_names[];  // operators that are functions of the package itself

}  // namespace flambeau::python
