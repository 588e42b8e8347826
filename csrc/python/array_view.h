// A strided block of numbers in memory that may belong to anyone: a tensor, a NumPy array, a
// buffer.
#pragma once
#include "python/py.h"

namespace flambeau::python {

// The element types that can be read: ours, and NumPy's wider unsigned ones for conversions.
enum class Source : uint8_t { UInt16 = kDTypes, UInt32, UInt64 };
inline constexpr int kSources = kDTypes + 3;
inline Source source_of(DType t) { return static_cast<Source>(t); }
inline bool is_dtype_source(Source s) { return static_cast<int>(s) < kDTypes; }
inline DType dtype_of_source(Source s) { return static_cast<DType>(s); }

struct ArrayView {
  char* data = nullptr;
  Source type = source_of(DType::Float32);
  int64_t itemsize = 4;
  Dims sizes, strides;  // strides in bytes
  bool readonly = false;
  bool swapped = false;  // not in this machine's byte order

  // True iff a tensor can be laid over it: aligned, strides that are non-negative whole elements.
  bool can_share() const;
};

// What the elements' address must be a multiple of.
inline int64_t alignment_of(DType t) {
  return is_complex(t) ? element_size(t) / 2 : element_size(t);
}

ArrayView view_of(const Tensor& t);

// Reads dtype, shape and strides of an object with Python's buffer protocol. The memory stays valid
// while the object lives (NumPy's promise). Raises TypeError for element types without numbers.
ArrayView view_of_buffer(PyObject* array, const char* op);

// Writes the elements, converted to `dtype`, to `dst` with the given byte strides.
void copy_elements(const ArrayView& from, char* dst, DType dtype, const Dims& dst_strides);

// A new tensor with the same elements; keeps the order of dimensions of a dense block.
Tensor copy_view(const ArrayView& from, DType dtype, const char* op);

// NumPy, seen through its Python names: our build needs neither its headers nor its ABI.
struct NumpyTypes {
  PyTypeObject* ndarray = nullptr;
  PyTypeObject* generic = nullptr;  // the base of NumPy's scalars
  PyObject* dtypes[kDTypes] = {};   // null for bfloat16
  PyTypeObject* scalars[kSources] = {};
};
const NumpyTypes& numpy_types();            // imports NumPy
const NumpyTypes* numpy_types_if_loaded();  // null when the program has not imported it
bool is_ndarray(PyObject* o);
bool is_numpy_scalar(PyObject* o);

// A tensor over an array's memory that keeps the array alive; `view` can_share().
Tensor share_array(PyObject* owner, const ArrayView& view, const char* op);
void warn_readonly(const char* what, const char* op);

// Tensors whose memory leaves the library must keep it where it is.
inline void pin_storage(const Tensor& t) { t->storage->resizable = false; }

}  // namespace flambeau::python
