// Matrix products: checks and shapes here, the arithmetic in matmul_core and cpu/gemm.
#include "autograd/grad_mode.h"
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "impl_matmul.h"
#include "impl_shape.h"
#include "ops/matmul_core.h"
#include "ops_linalg.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

void check_same_dtype(const Tensor& a, const Tensor& b, const char* op) {
  FB_CHECK(a.dtype() == b.dtype(), op,
           "(): expected m1 and m2 to have the same dtype, but got: ", type_word(a.dtype()),
           " != ", type_word(b.dtype()));
}

void check_shapes(const Dims& a, int64_t a_k, const Dims& b, int64_t b_k, const char* op) {
  FB_CHECK(a_k == b_k, op, "(): mat1 and mat2 shapes cannot be multiplied (", shape_text(a),
           " and ", shape_text(b), ")");
}

void check_matrices(const Tensor& a, const Tensor& b, const char* a_name, const char* b_name,
                    const char* op) {
  FB_CHECK(a.dim() == 2, op, "(): ", a_name, " must be a matrix, got shape ", a.sizes());
  FB_CHECK(b.dim() == 2, op, "(): ", b_name, " must be a matrix, got shape ", b.sizes());
  check_shapes(a.sizes(), a.size(1), b.sizes(), b.size(0), op);
  check_same_dtype(a, b, op);
}

void check_batches(const Tensor& a, const Tensor& b, const char* op) {
  FB_CHECK(a.dim() == 3, op, "(): batch1 must be a 3D tensor, got shape ", a.sizes());
  FB_CHECK(b.dim() == 3, op, "(): batch2 must be a 3D tensor, got shape ", b.sizes());
  FB_CHECK(a.size(0) == b.size(0) && a.size(2) == b.size(1), op,
           "(): Expected size for first two dimensions of batch2 tensor to be: [", a.size(0), ", ",
           a.size(2), "] but got: [", b.size(0), ", ", b.size(1), "].");
  FB_CHECK(a.dtype() == b.dtype(), op, "(): expected scalar type ", type_name(a.dtype()),
           " but found ", type_name(b.dtype()));
}

// A factor as the matrices' type has it: integers drop its fraction.
Scalar factor(const Tensor& t, const Scalar& s, const char* op) {
  if (is_complex(t.dtype())) return s;
  FB_CHECK(!s.is_complex(), op, "(): a complex factor needs complex matrices, got ",
           name(t.dtype()));
  if (is_floating(t.dtype())) return s;
  return t.dtype() == DType::Bool ? Scalar(s.to_double() != 0) : Scalar(s.to_int());
}

// beta self + alpha a b, with `self` broadcast to `sizes`. A bias row is added while C is stored.
Tensor multiply_add(const Tensor& self, const Tensor& a, const Tensor& b, const Dims& sizes,
                    const Scalar& beta_given, const Scalar& alpha_given, const char* op) {
  FB_CHECK(self.dtype() == a.dtype(), op, "(): self and mat2 must have the same dtype, but got ",
           type_name(self.dtype()), " and ", type_name(a.dtype()));
  const Scalar beta = factor(a, beta_given, op), alpha = factor(a, alpha_given, op);
  if (!is_expandable(self.sizes(), sizes)) expand(self, sizes, true);  // raises
  Tensor out = empty(sizes, a.dtype(), common_device({&self, &a, &b}), op);
  if (out.is_meta()) return out;
  ProductOptions options;
  options.alpha = gemm_scalar(alpha);
  Tensor row;
  if (!beta.is_complex() && beta.to_double() == 0) {
    // `self` does not count, not even its NaNs
  } else if (self.dim() == 1 && self.size(0) == sizes.back() && beta == 1.0) {
    row = contiguous(self);
    options.col_bias = &row;
  } else {
    copy_elements(out, self, op);
    options.beta = gemm_scalar(beta);
  }
  multiply_into(out, a, b, options);
  return out;
}

// beta self + alpha t.
Tensor combine(const Tensor& self, const Tensor& t, const Scalar& beta, const Scalar& alpha) {
  const Tensor right = alpha == 1.0 ? t : ops::mul(t, number_tensor(alpha));
  if (!beta.is_complex() && beta.to_double() == 0) return right;
  return ops::add(right, beta == 1.0 ? self : ops::mul(self, number_tensor(beta)));
}

}  // namespace

Tensor mm(const Tensor& self, const Tensor& mat2) {
  check_matrices(self, mat2, "self", "mat2", "mm");
  return multiply(self, mat2, {}, "mm");
}

Tensor bmm(const Tensor& self, const Tensor& mat2) {
  check_batches(self, mat2, "bmm");
  return multiply(self, mat2, {}, "bmm");
}

Tensor _matmul(const Tensor& self, const Tensor& other) {
  check_same_dtype(self, other, "matmul");
  if (other.dim() == 2) {
    const int64_t k = self.size(self.dim() - 1);
    const int64_t rows = product(Dims(self.sizes().begin(), self.sizes().end() - 1));
    check_shapes({rows, k}, k, other.sizes(), other.size(0), "matmul");
  }
  FB_CHECK(self.size(self.dim() - 1) == other.size(other.dim() - 2),
           "matmul(): the operands' shapes ", self.sizes(), " and ", other.sizes(),
           " cannot be multiplied: Expected size for first two "
           "dimensions of batch2 tensor to be: [..., ",
           self.size(self.dim() - 1), "] but got: [..., ", other.size(other.dim() - 2), "].");
  return multiply(self, other, {}, "matmul");
}

Tensor matmul(const Tensor& self, const Tensor& other) {
  const int64_t a = self.dim(), b = other.dim();
  if (a == 2 && b == 2) return ops::mm(self, other);
  FB_CHECK(a > 0 && b > 0,
           "matmul(): both arguments to matmul need to be at least 1D, but they are ", a, "D and ",
           b, "D");
  if (a == 1 && b == 1) return ops::dot(self, other);
  if (a == 2 && b == 1) return ops::mv(self, other);
  if (a == 1) {  // a row, whose dimension goes away again
    check_shapes({1, self.size(0)}, self.size(0), other.sizes(), other.size(b - 2), "matmul");
    const Tensor row = ops::view(self, {1, self.size(0)});
    const Tensor y = b == 2 ? ops::mm(row, other) : ops::_matmul(row, other);
    Dims sizes = y.sizes();
    sizes.erase(sizes.size() - 2);
    return ops::view(y, sizes);
  }
  if (b == 1) {
    const Tensor y = ops::_matmul(self, ops::reshape(other, {other.size(0), 1}));
    return ops::view(y, Dims(y.sizes().begin(), y.sizes().end() - 1));
  }
  return ops::_matmul(self, other);
}

Tensor mv(const Tensor& self, const Tensor& vec) {
  FB_CHECK(self.dim() == 2 && vec.dim() == 1, "mv(): vector + matrix @ vector expected, got 1, ",
           self.dim(), ", ", vec.dim());
  FB_CHECK(self.size(1) == vec.size(0), "mv(): size mismatch, got input (", self.size(0),
           "), mat (", shape_text(self.sizes()), "), vec (", vec.size(0), ")");
  check_same_dtype(self, vec, "mv");
  const Tensor column = alias(vec, {vec.size(0), 1}, {vec.stride(0), 1}, vec.offset());
  const Tensor y = multiply(self, column, {}, "mv");
  return alias(y, {self.size(0)}, {1}, 0);
}

namespace {

Tensor dot_of(const Tensor& a, const Tensor& b, Orient orient, const char* op) {
  FB_CHECK(a.dim() == 1 && b.dim() == 1, op, "(): 1D tensors expected, but got ", a.dim(), "D and ",
           b.dim(), "D tensors");
  FB_CHECK(a.dtype() == b.dtype(), op,
           "(): dot : expected both vectors to have same dtype, but found ", type_name(a.dtype()),
           " and ", type_name(b.dtype()));
  FB_CHECK(a.size(0) == b.size(0), op, "(): inconsistent tensor size, expected tensor ", a.sizes(),
           " and src ", b.sizes(), " to have the same number of elements, but got ", a.numel(),
           " and ", b.numel(), " elements respectively");
  // Both as columns, the first one turned into a row.
  const Tensor left = alias(a, {a.size(0), 1}, {a.stride(0), 1}, a.offset());
  const Tensor right = alias(b, {b.size(0), 1}, {b.stride(0), 1}, b.offset());
  ProductOptions options;
  options.a = orient;
  return alias(multiply(left, right, options, op), {}, {}, 0);
}

}  // namespace

Tensor dot(const Tensor& self, const Tensor& tensor) {
  return dot_of(self, tensor, Orient::Transposed, "dot");
}

Tensor vdot(const Tensor& self, const Tensor& other) {
  return dot_of(self, other, Orient::Adjoint, "vdot");
}

Tensor outer(const Tensor& self, const Tensor& vec2) {
  FB_CHECK(self.dim() == 1 && vec2.dim() == 1, "outer(): Expected 1-D arguments, but got ",
           self.dim(), "-D and ", vec2.dim(), "-D");
  return ops::mul(ops::reshape(self, {self.size(0), 1}), vec2);
}

Tensor inner(const Tensor& self, const Tensor& other) {
  if (self.dim() == 0 || other.dim() == 0) return ops::mul(self, other);
  const int64_t k = self.size(self.dim() - 1);
  FB_CHECK(k == other.size(other.dim() - 1),
           "inner(): inner() the last dimension must match on both "
           "input tensors but got shapes ",
           self.sizes(), " and ", other.sizes());
  if (self.dim() == 1 && other.dim() == 1) return ops::dot(self, other);
  Dims sizes(self.sizes().begin(), self.sizes().end() - 1);
  sizes.append(other.sizes().begin(), other.sizes().end() - 1);
  const auto matrix = [&](const Tensor& t) {
    return ops::reshape(
        t, {k ? t.numel() / k : product(Dims(t.sizes().begin(), t.sizes().end() - 1)), k});
  };
  return ops::reshape(ops::mm(matrix(self), ops::transpose(matrix(other), 0, 1)), sizes);
}

// `sizes` with the last two as one.
static Dims spread(const Dims& sizes, int64_t last) {
  Dims out(sizes.begin(), sizes.end() - 2);
  out.push_back(last);
  return out;
}
// A short last dimension would make short loops: both are spread over the result's one first.
Tensor kron(const Tensor& self, const Tensor& other) {
  constexpr int64_t kShort = 256;
  const int64_t n = std::max(self.dim(), other.dim());
  Dims a, b, sizes;
  for (int64_t d = 0; d < n; ++d) {
    const int64_t i = d - (n - self.dim()), j = d - (n - other.dim());
    const int64_t left = i < 0 ? 1 : self.size(i), right = j < 0 ? 1 : other.size(j);
    a.push_back(left), a.push_back(1);
    b.push_back(1), b.push_back(right);
    int64_t both;
    FB_CHECK(!__builtin_mul_overflow(left, right, &both), "kron(): sizes ", self.sizes(), " and ",
             other.sizes(), " overflow");
    sizes.push_back(both);
  }
  Tensor x = ops::reshape(self, a), y = ops::reshape(other, b);
  const size_t last = a.size() - 2;
  if (n > 1 && b.back() < kShort && std::min(self.numel(), other.numel()) >= kShort) {
    Dims spread_x = a, spread_y = b;
    spread_x[last + 1] = b[last + 1], spread_y[last] = a[last];
    x = ops::reshape(ops::expand(x, spread_x), spread(a, sizes.back()));
    y = ops::reshape(ops::expand(y, spread_y), spread(b, sizes.back()));
  }
  return ops::reshape(ops::mul(x, y), sizes);
}

Tensor _linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const int64_t last = input.dim() - 1, in = weight.size(1), out_features = weight.size(0);
  if (input.size(last) != in) {
    int64_t rows = 1;
    for (int64_t d = 0; d < last; ++d) rows *= input.size(d);
    check_shapes({rows, input.size(last)}, input.size(last), {in, out_features}, in, "linear");
  }
  check_same_dtype(input, weight, "linear");
  FB_CHECK(!bias.defined() || bias.dtype() == weight.dtype(),
           "linear(): self and mat2 must have the same dtype, but got ",
           type_name(bias.defined() ? bias.dtype() : weight.dtype()), " and ",
           type_name(weight.dtype()));
  Dims sizes = input.sizes();
  sizes[last] = out_features;
  Tensor out = empty(sizes, input.dtype(), common_device({&input, &weight, &bias}), "linear");
  if (out.is_meta()) return out;
  ProductOptions options;
  options.b = Orient::Transposed;
  Tensor row;
  if (bias.defined()) {
    row = contiguous(bias);
    options.col_bias = &row;
  }
  if (last == 0) {
    const Tensor y = alias(out, {1, out_features}, {out_features, 1}, 0);
    multiply_into(y, alias(input, {1, in}, {in, input.stride(0)}, input.offset()), weight, options);
  } else {
    multiply_into(out, input, weight, options);
  }
  return out;
}

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  if (weight.dim() == 2 && input.dim() >= 1 &&
      (!bias.defined() || (bias.dim() == 1 && bias.size(0) == weight.size(0)))) {
    return ops::_linear(input, weight, bias);
  }
  FB_CHECK(
      input.dim() >= 1 && (weight.dim() == 1 || weight.dim() == 2),
      "linear(): both arguments to linear need to be at least 1D, weight at most 2D, but they are ",
      input.dim(), "D and ", weight.dim(), "D");
  const Tensor y =
      weight.dim() == 1 ? ops::matmul(input, weight) : ops::_linear(input, weight, Tensor());
  if (!bias.defined()) return y;
  expand(bias, y.sizes(), true);  // raises
  return ops::add(y, bias);
}

Tensor bilinear(const Tensor& input1, const Tensor& input2, const Tensor& weight,
                const Tensor& bias) {
  FB_CHECK(input1.dim() >= 1 && input1.dim() == input2.dim(),
           "bilinear(): input dimensions do not match: "
           "got ",
           input1.dim(), " and ", input2.dim());
  FB_CHECK(weight.dim() == 3, "bilinear(): weight must have 3 dimensions, got ", weight.sizes());
  for (int64_t d = 0; d < input1.dim() - 1; ++d) {
    FB_CHECK(input1.size(d) == input2.size(d),
             "bilinear(): input batch dimensions do not match at dim ", d, ": got ", input1.size(d),
             " and ", input2.size(d));
  }
  const int64_t last = input1.dim() - 1, out = weight.size(0), in1 = weight.size(1),
                in2 = weight.size(2);
  FB_CHECK(input1.size(last) == in1, "bilinear(): input1 size does not match weight size: got ",
           input1.size(last), " but expected ", in1);
  FB_CHECK(input2.size(last) == in2, "bilinear(): input2 size does not match weight size: got ",
           input2.size(last), " but expected ", in2);
  FB_CHECK(!bias.defined() || (bias.dim() == 1 && bias.size(0) == out),
           "bilinear(): bias size does not match weight size: expected ", out);
  Dims sizes(input1.sizes().begin(), input1.sizes().end() - 1);
  const int64_t rows = product(sizes);
  sizes.push_back(out);
  const Tensor table = ops::reshape(ops::transpose(weight, 0, 1), {in1, out * in2});
  const Tensor half =
      ops::reshape(ops::mm(ops::reshape(input1, {rows, in1}), table), {rows, out, in2});
  const Tensor y = ops::matmul(half, ops::reshape(input2, {rows, in2, 1}));
  const Tensor shaped = ops::reshape(y, sizes);
  return bias.defined() ? ops::add(shaped, bias) : shaped;
}

Tensor addmm(const Tensor& self, const Tensor& mat1, const Tensor& mat2, const Scalar& beta,
             const Scalar& alpha) {
  check_matrices(mat1, mat2, "mat1", "mat2", "addmm");
  return multiply_add(self, mat1, mat2, {mat1.size(0), mat2.size(1)}, beta, alpha, "addmm");
}

Tensor addmv(const Tensor& self, const Tensor& mat, const Tensor& vec, const Scalar& beta,
             const Scalar& alpha) {
  FB_CHECK(mat.dim() == 2 && vec.dim() == 1 && self.dim() <= 1,
           "addmv(): vector + matrix @ vector expected, got ", self.dim(), ", ", mat.dim(), ", ",
           vec.dim());
  FB_CHECK(mat.size(1) == vec.size(0) && is_expandable(self.sizes(), {mat.size(0)}),
           "addmv(): size mismatch, got input (", self.numel(), "), mat (", shape_text(mat.sizes()),
           "), vec (", vec.size(0), ")");
  check_same_dtype(mat, vec, "addmv");
  const Tensor column = alias(vec, {vec.size(0), 1}, {vec.stride(0), 1}, vec.offset());
  const Tensor addend =
      self.dim() == 0 ? self : alias(self, {self.size(0), 1}, {self.stride(0), 1}, self.offset());
  const Tensor y = multiply_add(addend, mat, column, {mat.size(0), 1}, beta, alpha, "addmv");
  return alias(y, {mat.size(0)}, {1}, 0);
}

Tensor addr(const Tensor& self, const Tensor& vec1, const Tensor& vec2, const Scalar& beta,
            const Scalar& alpha) {
  FB_CHECK(vec1.dim() == 1 && vec2.dim() == 1, "addr(): Expected 1-D vec1 and vec2, but got ",
           vec1.dim(), "-D and ", vec2.dim(), "-D");
  FB_CHECK(is_expandable(self.sizes(), {vec1.size(0), vec2.size(0)}),
           "addr(): size mismatch, input: ", self.sizes(), ", v1: ", vec1.sizes(),
           ", v2: ", vec2.sizes());
  const GradMode off(false);
  const Tensor product = ops::outer(vec1, vec2);
  if (self.dtype() != DType::Bool || product.dtype() != DType::Bool)
    return combine(self, product, beta, alpha);
  return combine(self, product, factor(self, beta, "addr"), factor(self, alpha, "addr"));
}

Tensor baddbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
               const Scalar& alpha) {
  check_batches(batch1, batch2, "baddbmm");
  return multiply_add(self, batch1, batch2, {batch1.size(0), batch1.size(1), batch2.size(2)}, beta,
                      alpha, "baddbmm");
}

Tensor addbmm(const Tensor& self, const Tensor& batch1, const Tensor& batch2, const Scalar& beta,
              const Scalar& alpha) {
  check_batches(batch1, batch2, "addbmm");
  expand(self, {batch1.size(1), batch2.size(2)}, true);  // raises
  const GradMode off(false);
  const Tensor all = ops::sum(ops::bmm(batch1, batch2), Dims{0}, false, batch1.dtype());
  return combine(self, all, factor(batch1, beta, "addbmm"), factor(batch1, alpha, "addbmm"));
}

Tensor matrix_power(const Tensor& self, int64_t n) {
  FB_CHECK(self.dim() >= 2 && self.size(self.dim() - 1) == self.size(self.dim() - 2),
           "matrix_power(): A must be batches of square matrices, but they are of sizes ",
           self.sizes());
  if (n < 0) {
    FB_CHECK(n > INT64_MIN, "matrix_power(): the power ", n, " is out of range");
    return matrix_power(ops::linalg_inv(self), -n);
  }
  if (n == 0) {
    const int64_t size = self.size(self.dim() - 1);
    Tensor unit = empty({size, size}, self.dtype(), self.device(), "matrix_power");
    if (!unit.is_meta()) {
      fill_elements(unit, 0);
      fill_elements(alias(unit, {size}, {size + 1}, 0), 1);
    }
    // Written into a copy of the matrix, so that it has a gradient, which is zero.
    Tensor out = ops::clone(self, MemoryFormat::Contiguous);
    return ops::copy_(out, ops::expand(unit, self.sizes()));
  }
  Tensor square = self, result;  // binary digits of n, from the lowest
  for (;; n >>= 1) {
    if (n & 1) result = result.defined() ? ops::matmul(result, square) : square;
    if (n <= 1) break;
    square = ops::matmul(square, square);
  }
  return result.is(self) ? ops::clone(self, std::nullopt) : result;
}

}  // namespace flambeau::impl
