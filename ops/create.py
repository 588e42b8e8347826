"""New tensors from sizes and numbers."""

from tools.opgen.table import ALL, S, T, op

NO_INPUT = "it has no differentiable input"
CONSTANT = "the result does not depend on the values"
LIKE = ("DType? dtype=None, Layout? layout=None, Device? device=None, PinMemory pin_memory=False, "
        "RequiresGrad requires_grad=False, MemoryFormat? memory_format=None")

op("zeros(int[] size) -> Tensor", options=True, grad=NO_INPUT, ref="numpy.zeros(size)",
   samples=[S((2, 3)), S((0, 2))], doc="A tensor of zeros.")

op(f"zeros_like(Tensor self, *, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   ref="numpy.zeros_like(self)", samples=[S(T((2, 3)))], doc="Zeros in the shape and type of `self`.")

op(f"ones_like(Tensor self, *, {LIKE}) -> Tensor", dtypes=ALL, grad=CONSTANT,
   ref="numpy.ones_like(self)", samples=[S(T((2, 3)))], doc="Ones in the shape and type of `self`.")
