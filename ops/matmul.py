"""Products of vectors, matrices and batches of matrices."""

from tools.opgen.table import S, T, op

# Gradients of a product C = A B: A gets G B^H and B gets A^H G. The `fast_grad` versions multiply
# the saved operands as they lie instead of making transposed views of them.

op("mm(Tensor self, Tensor mat2) -> Tensor", variants="function method out",
   grad={"self": "mm(g, conj(transpose(mat2, 0, 1)))", "mat2": "mm(conj(transpose(self, 0, 1)), g)"},
   fast_grad={"self": "product_nh(g, mat2)", "mat2": "product_hn(self, g)"},
   ref="self @ mat2",
   samples=[S(T((2, 3)), T((3, 4))), S(T((0, 3)), T((3, 2))), S(T((2, 0)), T((0, 2)))],
   doc="The product of two matrices, (n, k) and (k, m). No broadcasting.")

op("bmm(Tensor self, Tensor mat2) -> Tensor", variants="function method out",
   grad={"self": "bmm(g, conj(transpose(mat2, 1, 2)))", "mat2": "bmm(conj(transpose(self, 1, 2)), g)"},
   fast_grad={"self": "product_nh(g, mat2)", "mat2": "product_hn(self, g)"},
   ref="self @ mat2", samples=[S(T((2, 3, 4)), T((2, 4, 5))), S(T((0, 3, 4)), T((0, 4, 5)))],
   doc="The products of two batches of matrices, (b, n, k) and (b, k, m). No broadcasting.")

op("matmul(Tensor self, Tensor other) -> Tensor", "composite", variants="function method out",
   method_names=("__matmul__",), ref="numpy.matmul(self, other)",
   samples=[S(T((3,)), T((3,))), S(T((2, 3)), T((3,))), S(T((3,)), T((3, 4))),
            S(T((2, 3)), T((3, 4))), S(T((2, 2, 3)), T((3, 4))), S(T((2, 3)), T((2, 3, 4))),
            S(T((2, 1, 2, 3)), T((3, 3, 4))), S(T((2, 2, 3)), T((3,))), S(T((3,)), T((2, 3, 4))),
            S(T((2, 0, 3)), T((3, 2)))],
   doc="The product of vectors, matrices or batches of matrices. A 1-d operand is a row on the "
       "left, a column on the right; batch dimensions broadcast.")

op("_matmul(Tensor self, Tensor other) -> Tensor", public=False, variants="",
   grad={"self": "matmul_grad_self(g, self.sizes, other)",
         "other": "matmul_grad_other(g, self, other.sizes)"},
   ref="numpy.matmul(self, other)", samples=[S(T((2, 2, 3)), T((3, 4)))],
   doc="matmul of operands with at least two dimensions each.")

op("mv(Tensor self, Tensor vec) -> Tensor", variants="function method out",
   grad={"self": "outer(g, conj(vec))", "vec": "mv(conj(transpose(self, 0, 1)), g)"},
   ref="self @ vec", samples=[S(T((2, 3)), T((3,))), S(T((0, 3)), T((3,)))],
   doc="The product of a matrix (n, k) and a vector (k,).")

op("dot(Tensor self, Tensor tensor) -> Tensor", variants="function method out",
   grad={"self": "g * conj(tensor)", "tensor": "g * conj(self)"},
   ref="numpy.dot(self, tensor)", samples=[S(T((3,)), T((3,))), S(T((0,)), T((0,)))],
   doc="The sum of the products of two vectors' elements, without conjugation.")

op("vdot(Tensor self, Tensor other) -> Tensor", variants="function method out",
   grad={"self": "conj(g) * other", "other": "g * self"}, ref="numpy.vdot(self, other)",
   samples=[S(T((3,)), T((3,)))],
   doc="The sum of the products of two vectors' elements, the first conjugated.")

op("outer(Tensor self, Tensor vec2) -> Tensor", "composite", variants="function method out",
   aliases=("ger",), ref="numpy.outer(self, vec2)", samples=[S(T((2,)), T((3,))), S(T((0,)), T((3,)))],
   doc="The matrix of all products of two vectors' elements.")

op("inner(Tensor self, Tensor other) -> Tensor", "composite", variants="function method out",
   ref="numpy.inner(self, other)",
   samples=[S(T((3,)), T((3,))), S(T((2, 3)), T((4, 3))), S(T(()), T((2, 3)))],
   doc="Sums products over the last dimension of both; 0-d operands multiply.")

op("kron(Tensor self, Tensor other) -> Tensor", "composite", variants="function method out",
   ref="numpy.kron(self, other)", samples=[S(T((2, 2)), T((3, 2))), S(T((2,)), T((2, 3)))],
   doc="The Kronecker product: every element of `self` times all of `other`.")

op("linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", "composite",
   variants="function out",
   ref="input @ weight.T + (0 if bias is None else bias)",
   samples=[S(T((2, 3)), T((4, 3))), S(T((2, 3)), T((4, 3)), T((4,))), S(T((3,)), T((4, 3)), T((4,))),
            S(T((2, 2, 3)), T((4, 3)), T((4,))), S(T((0, 3)), T((4, 3)), T((4,)))],
   namespace="nn", doc="input weight^T + bias over the last dimension of `input`; weight (out, in), bias (out,).")

op("_linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor", public=False, variants="",
   grad={"input": "linear_grad_input(g, weight)", "weight": "linear_grad_weight(g, input)",
         "bias": "linear_grad_bias(g)"},
   samples=[S(T((2, 3)), T((4, 3)), T((4,)))],
   doc="linear with a weight matrix and no bias or one of (out,).")

op("bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
   "composite", ref="numpy.einsum('...i,kij,...j->...k', input1, weight, input2) + "
                    "(0 if bias is None else bias)",
   samples=[S(T((2, 3)), T((2, 4)), T((5, 3, 4))), S(T((2, 3)), T((2, 4)), T((5, 3, 4)), T((5,)))],
   doc="y_k = x1^T W_k x2 + b_k; weight (out, in1, in2), leading dimensions of both inputs equal.")

op("addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   variants="function method inplace out",
   grad={"self": "scale_conj(g, beta)",
         "mat1": "scale_conj(mm(g, conj(transpose(mat2, 0, 1))), alpha)",
         "mat2": "scale_conj(mm(conj(transpose(mat1, 0, 1)), g), alpha)"},
   ref="beta * self + alpha * (mat1 @ mat2)",
   samples=[S(T((2, 4)), T((2, 3)), T((3, 4))), S(T((4,)), T((2, 3)), T((3, 4))),
            S(T((2, 4)), T((2, 3)), T((3, 4)), beta=2, alpha=3), S(T(()), T((2, 0)), T((0, 4)))],
   doc="beta self + alpha (mat1 mat2); `self` broadcasts and is not read when beta is 0.")

op("addmv(Tensor self, Tensor mat, Tensor vec, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   variants="function method inplace out",
   grad={"self": "scale_conj(g, beta)", "mat": "scale_conj(outer(g, conj(vec)), alpha)",
         "vec": "scale_conj(mv(conj(transpose(mat, 0, 1)), g), alpha)"},
   ref="beta * self + alpha * (mat @ vec)",
   samples=[S(T((2,)), T((2, 3)), T((3,))), S(T((2,)), T((2, 3)), T((3,)), beta=2, alpha=3)],
   doc="beta self + alpha (mat vec); `self` broadcasts and is not read when beta is 0.")

op("addr(Tensor self, Tensor vec1, Tensor vec2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   variants="function method inplace out",
   grad={"self": "scale_conj(g, beta)", "vec1": "scale_conj(mv(g, conj(vec2)), alpha)",
         "vec2": "scale_conj(mv(transpose(g, 0, 1), conj(vec1)), alpha)"},
   ref="beta * self + alpha * numpy.outer(vec1, vec2)",
   samples=[S(T((2, 3)), T((2,)), T((3,))), S(T((3,)), T((2,)), T((3,)), beta=2, alpha=3)],
   doc="beta self + alpha (vec1 outer vec2); `self` broadcasts, and is not read when beta is 0.")

op("baddbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   variants="function method inplace out",
   grad={"self": "scale_conj(g, beta)",
         "batch1": "scale_conj(bmm(g, conj(transpose(batch2, 1, 2))), alpha)",
         "batch2": "scale_conj(bmm(conj(transpose(batch1, 1, 2)), g), alpha)"},
   ref="beta * self + alpha * (batch1 @ batch2)",
   samples=[S(T((2, 2, 4)), T((2, 2, 3)), T((2, 3, 4))),
            S(T((4,)), T((2, 2, 3)), T((2, 3, 4)), beta=2, alpha=3)],
   doc="beta self + alpha (batch1 batch2), matrix by matrix; `self` broadcasts.")

op("addbmm(Tensor self, Tensor batch1, Tensor batch2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
   variants="function method inplace out",
   grad={"self": "scale_conj(g, beta)",
         "batch1": "scale_conj(matmul(g, conj(transpose(batch2, 1, 2))), alpha)",
         "batch2": "scale_conj(matmul(conj(transpose(batch1, 1, 2)), g), alpha)"},
   ref="beta * self + alpha * (batch1 @ batch2).sum(0)",
   samples=[S(T((2, 4)), T((2, 2, 3)), T((2, 3, 4))),
            S(T((4,)), T((2, 2, 3)), T((2, 3, 4)), beta=2, alpha=3)],
   doc="beta self + alpha times the sum of the products of a batch; `self` broadcasts.")

op("matrix_power(Tensor self, int n) -> Tensor", "composite", variants="function method out",
   aliases=("linalg_matrix_power",), ref="numpy.linalg.matrix_power(self, n)",
   samples=[S(T((2, 2)), 3), S(T((2, 3, 3)), 2), S(T((2, 2)), 0)],
   doc="A product of n equal square matrices, for each matrix of a batch; n = 0 gives the identity.")

op("_einsum(str equation, Tensor[] operands) -> Tensor", "composite", public=False, ref=None,
   samples=[S("ij,jk->ik", [T((2, 3)), T((3, 4))]), S("...ij->...ji", [T((2, 3, 4))]),
            S("bij,bjk,k->bi", [T((2, 3, 4)), T((2, 4, 5)), T((5,))]), S("ii->i", [T((3, 3))])],
   doc="Sums of products in Einstein's notation.")

op("_tensordot(Tensor self, Tensor other, int[] dims_self, int[] dims_other) -> Tensor", "composite",
   public=False, samples=[S(T((2, 3, 4)), T((4, 3, 5)), (1, 2), (1, 0))],
   doc="Sums products over pairs of dimensions; the other dimensions follow each other.")

op("chain_matmul(Tensor[] matrices) -> Tensor", "composite", aliases=("linalg_multi_dot",),
   samples=[S([T((2, 3)), T((3, 4)), T((4, 2))]), S([T((3,)), T((3, 4)), T((4,))])],
   doc="The product of a chain of matrices, in the order that takes the fewest multiplications. The "
       "first and the last may be vectors.")
