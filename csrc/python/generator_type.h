// The Generator class and the generator used when none is given.
#pragma once
#include "python/py.h"

namespace flambeau::python {

void init_generator_type(PyObject* module);

}  // namespace flambeau::python
