"""Other types, devices and orders of elements."""

from tools.opgen.table import ALL, S, T, op

op("to.dtype(Tensor self, DType dtype, bool non_blocking=False, bool copy=False, *, "
   "MemoryFormat? memory_format=None) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="The tensor in another type; itself when nothing changes and copy=False.")
op("to.other(Tensor self, Tensor other, bool non_blocking=False, bool copy=False, *, "
   "MemoryFormat? memory_format=None) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="The tensor in the type and on the device of `other`.")
op("to.device(Tensor self, Device? device=None, DType? dtype=None, bool non_blocking=False, "
   "bool copy=False, *, MemoryFormat? memory_format=None) -> Tensor", "composite", dtypes=ALL,
   variants="method", samples=[],
   doc="The tensor on a device and in a type; itself when nothing changes and copy=False.")

for name, dtype in (("float", "float32"), ("double", "float64"), ("half", "float16"),
                    ("bfloat16", "bfloat16"), ("int", "int32"), ("long", "int64"),
                    ("short", "int16"), ("char", "int8"), ("byte", "uint8"), ("bool", "bool"),
                    ("cfloat", "complex64"), ("cdouble", "complex128")):
    # The words are reserved in C++, so the overload has a name.
    op(f"{name}.cast(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", "composite",
       dtypes=ALL, variants="method", samples=[S(T((2, 3)))], gradcheck=False,
       ref=f"self.astype({dtype!r})" if name != "bfloat16" else None,
       doc=f"The tensor as {dtype}; itself when it already is.")

op("type_as(Tensor self, Tensor other) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="The tensor in the type and on the device of `other`.")
op("cpu(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor", "composite", dtypes=ALL,
   variants="method", samples=[], doc="The tensor on the CPU; itself when it already is.")
op("cuda(Tensor self, Device? device=None, bool non_blocking=False, *, "
   "MemoryFormat? memory_format=None) -> Tensor", "composite", dtypes=ALL, variants="method",
   samples=[], doc="Raises RuntimeError: this build has no CUDA.")
op("contiguous(Tensor self, *, MemoryFormat memory_format=contiguous_format) -> Tensor",
   "composite", dtypes=ALL, variants="method", ref="self", samples=[S(T((2, 3)))],
   doc="Elements in order without gaps: itself when they are, else a copy.")
