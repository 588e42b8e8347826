// C++ exceptions become Python ones; source locations become lines of Python files.
#include "python/errors.h"

#define Py_BUILD_CORE
#include <internal/pycore_frame.h>
#undef Py_BUILD_CORE

#include <new>

#include "core/blocking.h"
#include "core/source_location.h"

namespace flambeau::python {

void translate_exception() noexcept {
  try {
    throw;
  } catch (const Error& e) {
    switch (e.kind()) {
      case ErrorKind::Python:
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "an error was lost");
        return;
      case ErrorKind::Value: PyErr_SetString(PyExc_ValueError, e.what()); return;
      case ErrorKind::Type: PyErr_SetString(PyExc_TypeError, e.what()); return;
      case ErrorKind::Index: PyErr_SetString(PyExc_IndexError, e.what()); return;
      case ErrorKind::NotImplemented: PyErr_SetString(PyExc_NotImplementedError, e.what()); return;
      case ErrorKind::OutOfMemory:
      case ErrorKind::Runtime: PyErr_SetString(PyExc_RuntimeError, e.what()); return;
    }
  } catch (const std::bad_alloc&) { PyErr_NoMemory(); } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  }
}

namespace {

// The innermost Python frame without making a frame object: a pointer and an offset.
void capture(void** code, int32_t* instruction) {
  PyThreadState* state = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030D0000
  _PyInterpreterFrame* frame = state->current_frame;
#else
  _PyInterpreterFrame* frame = state->cframe ? state->cframe->current_frame : nullptr;
#endif
#if PY_VERSION_HEX >= 0x030C0000
  while (frame && frame->owner == FRAME_OWNED_BY_CSTACK) frame = frame->previous;
#endif
  if (!frame) return;
#if PY_VERSION_HEX >= 0x030D0000
  PyCodeObject* c = _PyFrame_GetCode(frame);
#else
  PyCodeObject* c = frame->f_code;
#endif
  Py_INCREF(c);
  *code = c;
  *instruction = static_cast<int32_t>(_PyInterpreterFrame_LASTI(frame) * sizeof(_Py_CODEUNIT));
}

void retain(void* code) { Py_INCREF(static_cast<PyObject*>(code)); }
void drop(void* code) { Py_DECREF(static_cast<PyObject*>(code)); }

std::string describe(void* code, int32_t instruction) {
  auto* c = static_cast<PyCodeObject*>(code);
  const char* file = PyUnicode_AsUTF8(c->co_filename);
  const char* function = PyUnicode_AsUTF8(c->co_qualname);
  PyErr_Clear();
  return str(file ? file : "?", ":", PyCode_Addr2Line(c, instruction), " (in ",
             function ? function : "?", ")");
}

void* leave() { return PyEval_SaveThread(); }
void enter(void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

void warn(const char* message) {
  if (PyErr_WarnEx(PyExc_UserWarning, message, 1) < 0) throw_python_error();
}

}  // namespace

void init_hooks() {
  source_location_hooks = {capture, retain, drop, describe};
  blocking_hooks = {leave, enter};
  warn_hook = warn;
}

}  // namespace flambeau::python
