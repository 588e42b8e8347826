// Factorisations by elimination, and what follows from them: solve, inv, det, cholesky.
#include "cpu/copy.h"
#include "impl_linalg.h"
#include "ops/linalg_support.h"
#include "ops/matmul_core.h"
#include "ops_complex.h"
#include "ops_linalg.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_shape.h"
#include "ops_unary.h"

namespace flambeau::impl {

namespace {

double cube(int64_t n) {
  return static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n);
}

struct Factors {
  Tensor lu, pivots, infos;  // infos: int32, one for each matrix
};

Factors factorise(const Tensor& a, const char* op) {
  ensure_lapack(op);
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  Factors f{copy_columns(a, op), empty(with_batch(batch_of(a), {k}), DType::Int32, a.device(), op),
            empty(batch_of(a), DType::Int32, a.device(), op)};
  if (a.is_meta()) return f;
  visit_lapack(a.dtype(), [&]<class T>() {
    T* lu = f.lu.data<T>();
    int32_t *pivots = f.pivots.data<int32_t>(), *info = f.infos.data<int32_t>();
    for_matrices(batch_count(a), cube(k), [&](int64_t i) {
      info[i] = k == 0 ? 0
                       : Lapack<T>::getrf(static_cast<int>(m), static_cast<int>(n), lu + i * m * n,
                                          static_cast<int>(m), pivots + i * k);
    });
  });
  return f;
}

constexpr const char* kSingular = "The solver failed because the input matrix is singular";

void check_singular(const Factors& f, const char* op) {
  if (f.infos.is_meta()) return;
  const int32_t* info = f.infos.data<int32_t>();
  for (int64_t i = 0; i < f.infos.numel(); ++i) {
    FB_CHECK(info[i] <= 0, op, ": ",
             f.infos.dim() ? str("(Batch element ", i, "): ") : std::string(), kSingular, ".");
  }
}

// x = B of a system, in columns, with the batch of both.
Tensor solve_with(const Tensor& lu, const Tensor& pivots, const Tensor& b, char trans,
                  const char* op) {
  ensure_lapack(op);
  Tensor x = copy_columns(b, op);
  if (x.is_meta() || x.numel() == 0) return x;
  const int64_t n = rows(lu), k = columns(x);
  visit_lapack(x.dtype(), [&]<class T>() {
    const T* a = lu.data<T>();
    T* to = x.data<T>();
    const int32_t* p = pivots.data<int32_t>();
    for_matrices(batch_count(x), cube(n), [&](int64_t i) {
      Lapack<T>::getrs(trans, static_cast<int>(n), static_cast<int>(k), a + i * n * n,
                       static_cast<int>(n), p + i * n, to + i * n * k, static_cast<int>(n));
    });
  });
  return x;
}

Dims common_batch(const Tensor& a, const Tensor& b, const char* op) {
  return broadcast_shapes(batch_of(a), batch_of(b), op);
}

}  // namespace

// ---- LU -----------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> linalg_lu_factor_ex(const Tensor& a, bool pivot,
                                                       bool check_errors) {
  check_matrix(a, "linalg.lu_factor", false);
  FB_CHECK_KIND(ErrorKind::NotImplemented, pivot,
                "linalg.lu_factor: LU without pivoting is not implemented on the CPU");
  const Factors f = factorise(a, "linalg.lu_factor");
  if (check_errors) check_infos(f.infos, "linalg.lu_factor", "U has a zero on its diagonal");
  return {f.lu, f.pivots, f.infos};
}

Tensor _lu_permutation(const Tensor& pivots, int64_t n, DType dtype) {
  FB_CHECK(pivots.dim() >= 1 && pivots.dtype() == DType::Int32,
           "lu_unpack: LU_pivots is expected to be a contiguous "
           "tensor of torch.int32 dtype, got ",
           name(pivots.dtype()));
  const int64_t k = pivots.size(pivots.dim() - 1);
  FB_CHECK(n >= k, "lu_unpack: ", k, " pivots do not go with ", n, " rows");
  const Dims batch(pivots.sizes().begin(), pivots.sizes().end() - 1);
  Tensor p = empty(with_batch(batch, {n, n}), dtype, pivots.device(), "lu_unpack");
  if (p.is_meta()) return p;
  fill_elements(p, 0);
  const Tensor dense = contiguous(pivots);
  const int32_t* from = dense.data<int32_t>();
  const int64_t count = product(batch);
  std::vector<int64_t> order(static_cast<size_t>(n));
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t r = 0; r < n; ++r) order[static_cast<size_t>(r)] = r;
    for (int64_t r = 0; r < k; ++r) {
      const int64_t with = from[i * k + r] - 1;
      FB_CHECK(with >= 0 && with < n, "lu_unpack: pivot ", with + 1, " is not between 1 and ", n);
      std::swap(order[static_cast<size_t>(r)], order[static_cast<size_t>(with)]);
    }
    for (int64_t c = 0; c < n; ++c) {
      char* element = static_cast<char*>(p.raw()) +
                      (i * n * n + order[static_cast<size_t>(c)] * n + c) * p.itemsize();
      store_scalar(element, dtype, Scalar(1));
    }
  }
  return p;
}

Tensor _lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool adjoint) {
  check_matrix(lu, "linalg.lu_solve", true, "LU");
  check_same(lu, b, "linalg.lu_solve");
  FB_CHECK(b.dim() == lu.dim() && rows(b) == rows(lu) && pivots.dtype() == DType::Int32 &&
               pivots.sizes() == Dims(lu.sizes().begin(), lu.sizes().end() - 1),
           "linalg.lu_solve: LU ", lu.sizes(), ", pivots ", pivots.sizes(), " and B ", b.sizes(),
           " do not go together");
  const Tensor dense = contiguous(pivots);
  if (!lu.is_meta()) {
    const int32_t* p = dense.data<int32_t>();
    for (int64_t i = 0; i < dense.numel(); ++i)
      FB_CHECK(p[i] >= 1 && p[i] <= rows(lu), "linalg.lu_solve: pivot ", p[i],
               " is not between 1 and ", rows(lu));
  }
  return solve_with(copy_columns(lu, "linalg.lu_solve"), dense, b, adjoint ? 'C' : 'N',
                    "linalg.lu_solve");
}

// ---- systems ------------------------------------------------------------------------------------

Tensor _linalg_solve(const Tensor& a, const Tensor& b) {
  check_matrix(a, "linalg.solve", true);
  check_same(a, b, "linalg.solve");
  FB_CHECK(rows(b) == rows(a),
           "linalg.solve: Incompatible shapes of A and B for the equation AX = B (", rows(a), "x",
           columns(a), " and ", rows(b), "x", columns(b), ")");
  const Dims batch = common_batch(a, b, "linalg.solve");
  const Factors f = factorise(a, "linalg.solve");
  check_singular(f, "linalg.solve");
  Tensor lu = f.lu, pivots = f.pivots;
  if (batch != batch_of(a)) {
    lu = copy_columns(expand_batch(lu, batch), "linalg.solve");
    const Tensor row = alias(
        pivots, with_batch(batch_of(a), {1, rows(a)}),
        with_batch(Dims(pivots.strides().begin(), pivots.strides().end() - 1), {rows(a), 1}), 0);
    pivots = contiguous(expand_batch(row, batch));
  }
  return solve_with(lu, pivots, expand_batch(b, batch), 'N', "linalg.solve");
}

Tensor linalg_solve(const Tensor& a, const Tensor& b, bool left) {
  FB_CHECK(a.dim() >= 2, "linalg.solve: The input tensor A must have at least 2 dimensions.");
  // A vector, or a batch of vectors: B has the shape of A without its last dimension.
  const bool vector = b.dim() == 1 || (b.dim() == a.dim() - 1 &&
                                       b.sizes() == Dims(a.sizes().begin(), a.sizes().end() - 1));
  if (vector) {
    FB_CHECK(left,
             "linalg.solve: Vector broadcasting of the left hand side is not supported for "
             "left=False. In this "
             "case linalg.solve is equivalent to B / A.squeeze(-1)");
    return ops::squeeze_dim(ops::_linalg_solve(a, ops::unsqueeze(b, -1)), -1);
  }
  FB_CHECK(b.dim() >= 2, "linalg.solve: The input tensor B must have at least 2 dimensions.");
  if (left) return ops::_linalg_solve(a, b);
  FB_CHECK(columns(b) == rows(a),
           "linalg.solve: Incompatible shapes of A and B for the equation XA = B (", rows(a), "x",
           columns(a), " and ", rows(b), "x", columns(b), ")");
  return ops::transpose(ops::_linalg_solve(ops::transpose(a, -2, -1), ops::transpose(b, -2, -1)),
                        -2, -1);
}

std::tuple<Tensor, Tensor> linalg_inv_ex(const Tensor& a, bool check_errors) {
  check_matrix(a, "linalg.inv", true);
  const Factors f = factorise(a, "linalg.inv");
  Tensor inverse = f.lu;
  const int64_t n = rows(a);
  if (!a.is_meta()) {
    visit_lapack(a.dtype(), [&]<class T>() {
      T* to = inverse.data<T>();
      const int32_t* pivots = f.pivots.data<int32_t>();
      int32_t* info = f.infos.data<int32_t>();
      for_matrices(batch_count(a), cube(n), [&](int64_t i) {
        if (n > 0 && info[i] == 0)
          info[i] = Lapack<T>::getri(static_cast<int>(n), to + i * n * n, static_cast<int>(n),
                                     pivots + i * n);
      });
    });
  }
  if (check_errors) {
    check_infos(f.infos, "linalg.inv",
                "The diagonal element of U is zero, the inversion could not be completed because "
                "the input matrix is singular");
  }
  return {inverse, f.infos};
}

Tensor linalg_inv(const Tensor& a) { return std::get<0>(ops::linalg_inv_ex(a, true)); }

// ---- determinants -------------------------------------------------------------------------------

namespace {

// Calls f(i, odd, diagonal): the diagonal of U of each matrix, and whether the rows were swapped an
// odd number of times.
template <class T, class F>
void for_diagonals(const Factors& f, int64_t n, F&& call) {
  const T* lu = f.lu.data<T>();
  const int32_t* pivots = f.pivots.data<int32_t>();
  const int64_t count = f.infos.numel();
  std::vector<T> diagonal(static_cast<size_t>(n));
  for (int64_t i = 0; i < count; ++i) {
    bool odd = false;
    for (int64_t r = 0; r < n; ++r) {
      odd ^= pivots[i * n + r] != r + 1;
      diagonal[static_cast<size_t>(r)] = lu[i * n * n + r * (n + 1)];
    }
    call(i, odd, diagonal);
  }
}

}  // namespace

Tensor linalg_det(const Tensor& a) {
  check_matrix(a, "linalg.det", true);
  Tensor out = empty(batch_of(a), a.dtype(), a.device(), "linalg.det");
  const Factors f = factorise(a, "linalg.det");
  if (out.is_meta()) return out;
  visit_lapack(a.dtype(), [&]<class T>() {
    for_diagonals<T>(f, rows(a), [&](int64_t i, bool odd, const std::vector<T>& diagonal) {
      T det = odd ? T(-1) : T(1);
      for (const T& d : diagonal) det *= d;
      out.data<T>()[i] = det;
    });
  });
  return out;
}

std::tuple<Tensor, Tensor> linalg_slogdet(const Tensor& a) {
  check_matrix(a, "linalg.slogdet", true);
  Tensor sign = empty(batch_of(a), a.dtype(), a.device(), "linalg.slogdet");
  Tensor log = empty(batch_of(a), to_real(a.dtype()), a.device(), "linalg.slogdet");
  const Factors f = factorise(a, "linalg.slogdet");
  if (sign.is_meta()) return {sign, log};
  visit_lapack(a.dtype(), [&]<class T>() {
    using R = typename RealOf<T>::type;
    for_diagonals<T>(f, rows(a), [&](int64_t i, bool odd, const std::vector<T>& diagonal) {
      T s = odd ? T(-1) : T(1);
      R sum = 0;
      for (const T& d : diagonal) {
        const R size = std::abs(d);
        s *= size == 0 ? T(0) : d / size;
        sum += std::log(size);
      }
      sign.data<T>()[i] = s;
      log.data<R>()[i] = sum;
    });
  });
  return {sign, log};
}

Tensor logdet(const Tensor& a) {
  auto [sign, log] = ops::linalg_slogdet(a);
  return ops::add(log, ops::log(sign));
}

// ---- triangles ----------------------------------------------------------------------------------

Tensor _solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool unitriangular) {
  const char* op = "linalg.solve_triangular";
  check_matrix(a, op, true);
  check_same(a, b, op);
  FB_CHECK(b.dim() >= 2 && rows(b) == rows(a), op,
           ": Incompatible shapes of A and B for the equation AX = B (", rows(a), "x", columns(a),
           " and ", b.dim() >= 2 ? rows(b) : 0, "x", b.dim() >= 2 ? columns(b) : 0, ")");
  const Dims batch = common_batch(a, b, op);
  ensure_lapack(op);
  Tensor x = copy_columns(expand_batch(b, batch), op);
  if (a.is_meta() || x.is_meta() || x.numel() == 0) return x;
  const Tensor factor = copy_columns(expand_batch(a, batch), op);
  const int64_t n = rows(a), k = columns(x);
  visit_lapack(x.dtype(), [&]<class T>() {
    const T* from = factor.data<T>();
    T* to = x.data<T>();
    for_matrices(batch_count(x), cube(n), [&](int64_t i) {
      const int info = Lapack<T>::trtrs(upper ? 'U' : 'L', 'N', unitriangular ? 'U' : 'N',
                                        static_cast<int>(n), static_cast<int>(k), from + i * n * n,
                                        static_cast<int>(n), to + i * n * k, static_cast<int>(n));
      if (info >
          0) {  // a zero on the diagonal: LAPACK leaves B alone, division would give infinities
        for (int64_t e = 0; e < n * k; ++e) to[i * n * k + e] /= T(0);
      }
    });
  });
  return x;
}

Tensor linalg_solve_triangular(const Tensor& a, const Tensor& b, bool upper, bool left,
                               bool unitriangular) {
  if (left) return ops::_solve_triangular(a, b, upper, unitriangular);
  FB_CHECK(a.dim() >= 2 && b.dim() >= 2 && columns(b) == rows(a),
           "linalg.solve_triangular: Incompatible shapes of A "
           "and B for the equation XA = B (",
           shape_text(a.sizes()), " and ", shape_text(b.sizes()), ")");
  return ops::transpose(ops::_solve_triangular(ops::transpose(a, -2, -1), ops::transpose(b, -2, -1),
                                               !upper, unitriangular),
                        -2, -1);
}

std::tuple<Tensor, Tensor> linalg_cholesky_ex(const Tensor& a, bool upper, bool check_errors) {
  const char* op = "linalg.cholesky";
  check_matrix(a, op, true);
  ensure_lapack(op);
  const int64_t n = rows(a);
  Tensor l = copy_columns(a, op), infos = empty(batch_of(a), DType::Int32, a.device(), op);
  if (a.is_meta()) return {l, infos};
  visit_lapack(a.dtype(), [&]<class T>() {
    T* to = l.data<T>();
    int32_t* info = infos.data<int32_t>();
    for_matrices(batch_count(a), cube(n), [&](int64_t i) {
      T* matrix = to + i * n * n;
      info[i] = n == 0 ? 0
                       : Lapack<T>::potrf(upper ? 'U' : 'L', static_cast<int>(n), matrix,
                                          static_cast<int>(n));
      for (int64_t c = 0; c < n; ++c)  // the other triangle still has the input
        for (int64_t r = upper ? c + 1 : 0; r < (upper ? n : c); ++r) matrix[c * n + r] = T(0);
    });
  });
  if (check_errors) {
    const int32_t* info = infos.data<int32_t>();
    for (int64_t i = 0; i < infos.numel(); ++i)
      FB_CHECK(info[i] == 0, op, ": ",
               infos.dim() ? str("(Batch element ", i, "): ") : std::string(),
               "The factorization could not be completed because the input is not "
               "positive-definite (the leading minor "
               "of order ",
               info[i], " is not positive-definite).");
  }
  return {l, infos};
}

Tensor linalg_cholesky(const Tensor& a, bool upper) {
  return std::get<0>(ops::linalg_cholesky_ex(a, upper, true));
}
Tensor cholesky(const Tensor& a, bool upper) { return linalg_cholesky(a, upper); }

Tensor cholesky_solve(const Tensor& b, const Tensor& l, bool upper) {
  check_matrix(l, "cholesky_solve", true, "L");
  FB_CHECK(b.dim() >= 2, "cholesky_solve: b should have at least 2 dimensions, but has ", b.dim(),
           " dimensions instead");
  const Tensor adjoint = ops::conj(ops::transpose(l, -2, -1));
  const Tensor& first = upper ? adjoint : l;
  const Tensor& second = upper ? l : adjoint;
  return ops::_solve_triangular(second, ops::_solve_triangular(first, b, false, false), true,
                                false);
}

Tensor cholesky_inverse(const Tensor& l, bool upper) {
  check_matrix(l, "cholesky_inverse", true, "L");
  const Tensor unit = ops::matrix_power(l, 0);
  return cholesky_solve(unit, l, upper);
}

}  // namespace flambeau::impl
