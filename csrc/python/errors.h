// The hooks through which the core reaches Python: source lines, warnings, the interpreter lock.
#pragma once
#include "python/py.h"

namespace flambeau::python {

void init_hooks();

}  // namespace flambeau::python
