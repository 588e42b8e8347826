// Orthogonal factorisations and eigenvalues: qr, svd, eigh, eig, least squares.
#include "autograd/autograd.h"
#include "cpu/copy.h"
#include "impl_linalg.h"
#include "ops/linalg_support.h"
#include "ops_complex.h"
#include "ops_linalg.h"
#include "ops_pointwise.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

double work_of(const Tensor& a) {
  const auto m = static_cast<double>(rows(a)), n = static_cast<double>(columns(a));
  return 4 * m * n * std::min(m, n);
}

void set_identity(const Tensor& t) {
  fill_elements(t, 0);
  const int64_t n = std::min(rows(t), columns(t)), d = t.dim();
  Dims sizes = batch_of(t), strides(t.strides().begin(), t.strides().end() - 2);
  sizes.push_back(n);
  strides.push_back(t.stride(d - 2) + t.stride(d - 1));
  fill_elements(alias(t, sizes, strides, 0), 1);
}

}  // namespace

// ---- QR -----------------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> linalg_qr(const Tensor& a, const std::string& mode) {
  const char* op = "linalg.qr";
  check_matrix(a, op, false);
  FB_CHECK(mode == "reduced" || mode == "complete" || mode == "r", op,
           ": received unrecognized mode '", mode,
           "' but expected one of 'reduced' (default), 'r', or 'complete'");
  ensure_lapack(op);
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  const bool complete = mode == "complete", with_q = mode != "r";
  const int64_t width = complete ? m : k;
  const Dims batch = batch_of(a);
  Tensor q = with_q ? empty_columns(with_batch(batch, {m, width}), a.dtype(), a.device(), op)
                    : empty({0}, a.dtype(), a.device(), op);
  Tensor r = empty_columns(with_batch(batch, {width, n}), a.dtype(), a.device(), op);
  if (a.is_meta()) return {q, r};
  if (k == 0) {
    if (with_q && q.numel()) set_identity(q);
    return {q, r};
  }
  const Tensor work = copy_columns(a, op);
  visit_lapack(a.dtype(), [&]<class T>() {
    T *from = work.data<T>(), *to_q = with_q ? q.data<T>() : nullptr, *to_r = r.data<T>();
    std::atomic<int> bad = 0;
    for_matrices(batch_count(a), work_of(a), [&](int64_t i) {
      std::vector<T> tau(static_cast<size_t>(k));
      T* matrix = from + i * m * n;
      int info = Lapack<T>::geqrf(static_cast<int>(m), static_cast<int>(n), matrix,
                                  static_cast<int>(m), tau.data());
      for (int64_t c = 0; c < n; ++c)
        for (int64_t row = 0; row < width; ++row)
          to_r[(i * n + c) * width + row] = row <= c && row < m ? matrix[c * m + row] : T(0);
      if (with_q) {
        T* target = to_q + i * m * width;
        std::copy(matrix, matrix + m * k, target);
        if (!info)
          info = Lapack<T>::orgqr(static_cast<int>(m), static_cast<int>(width), static_cast<int>(k),
                                  target, static_cast<int>(m), tau.data());
      }
      if (info) bad = info;
    });
    FB_CHECK(!bad, op, ": LAPACK refused its argument ", -bad.load());
  });
  return {q, r};
}

// ---- singular values ----------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> _linalg_svd(const Tensor& a, bool full_matrices,
                                               bool compute_uv) {
  const char* op = "linalg.svd";
  check_matrix(a, op, false);
  ensure_lapack(op);
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n);
  const Dims batch = batch_of(a);
  const int64_t wu = full_matrices ? m : k, wv = full_matrices ? n : k;
  Tensor u = compute_uv ? empty_columns(with_batch(batch, {m, wu}), a.dtype(), a.device(), op)
                        : empty({0}, a.dtype(), a.device(), op);
  Tensor v = compute_uv ? empty_columns(with_batch(batch, {wv, n}), a.dtype(), a.device(), op)
                        : empty({0}, a.dtype(), a.device(), op);
  Tensor s = empty(with_batch(batch, {k}), to_real(a.dtype()), a.device(), op);
  if (a.is_meta()) return {u, s, v};
  if (k == 0) {
    if (compute_uv && u.numel()) set_identity(u);
    if (compute_uv && v.numel()) set_identity(v);
    return {u, s, v};
  }
  const Tensor work = copy_columns(a, op);
  const Tensor infos = empty(batch, DType::Int32, a.device(), op);
  visit_lapack(a.dtype(), [&]<class T>() {
    using R = typename RealOf<T>::type;
    T *from = work.data<T>(), *to_u = compute_uv ? u.data<T>() : nullptr,
      *to_v = compute_uv ? v.data<T>() : nullptr;
    R* values = s.data<R>();
    int32_t* info = infos.data<int32_t>();
    for_matrices(batch_count(a), work_of(a), [&](int64_t i) {
      T* matrix = from + i * m * n;
      for (int64_t e = 0; e < m * n; ++e) {
        if (!std::isfinite(std::real(matrix[e])) || !std::isfinite(std::imag(matrix[e]))) {
          info[i] = -4;  // LAPACK may not return from such input
          return;
        }
      }
      info[i] = Lapack<T>::gesdd(
          !compute_uv     ? 'N'
          : full_matrices ? 'A'
                          : 'S',
          static_cast<int>(m), static_cast<int>(n), matrix, static_cast<int>(m), values + i * k,
          to_u + (compute_uv ? i * m * wu : 0), static_cast<int>(m),
          to_v + (compute_uv ? i * wv * n : 0), static_cast<int>(std::max<int64_t>(1, wv)));
    });
  });
  check_infos(
      infos, op,
      "The algorithm failed to converge because the input matrix is ill-conditioned, has too many "
      "repeated singular values, or is not finite");
  return {u, s, v};
}

std::tuple<Tensor, Tensor, Tensor> linalg_svd(const Tensor& a, bool full_matrices) {
  return ops::_linalg_svd(a, full_matrices, true);
}

Tensor linalg_svdvals(const Tensor& a) {
  return std::get<1>(ops::_linalg_svd(a, false, needs_grad(a)));
}

std::tuple<Tensor, Tensor, Tensor> svd(const Tensor& self, bool some, bool compute_uv) {
  if (compute_uv) {
    auto [u, s, vh] = ops::_linalg_svd(self, !some, true);
    return {u, s, ops::conj(ops::transpose(vh, -2, -1))};
  }
  check_matrix(self, "svd", false);
  Tensor u = empty(with_batch(batch_of(self), {rows(self), rows(self)}), self.dtype(),
                   self.device(), "svd");
  Tensor v = empty(with_batch(batch_of(self), {columns(self), columns(self)}), self.dtype(),
                   self.device(), "svd");
  if (!u.is_meta()) fill_elements(u, 0), fill_elements(v, 0);
  return {u, linalg_svdvals(self), v};
}

// ---- eigenvalues --------------------------------------------------------------------------------

std::tuple<Tensor, Tensor> _linalg_eigh(const Tensor& a, const std::string& uplo, bool compute_v) {
  const char* op = "linalg.eigh";
  check_matrix(a, op, true);
  const char letter = uplo.size() == 1 ? static_cast<char>(std::toupper(uplo[0])) : ' ';
  FB_CHECK(letter == 'L' || letter == 'U', op,
           ": Expected UPLO argument to be 'L' or 'U', but got ", uplo);
  ensure_lapack(op);
  const int64_t n = rows(a);
  const Dims batch = batch_of(a);
  Tensor values = empty(with_batch(batch, {n}), to_real(a.dtype()), a.device(), op),
         vectors = copy_columns(a, op);
  if (!a.is_meta() && n > 0) {
    const Tensor infos = empty(batch, DType::Int32, a.device(), op);
    visit_lapack(a.dtype(), [&]<class T>() {
      using R = typename RealOf<T>::type;
      T* v = vectors.data<T>();
      R* w = values.data<R>();
      int32_t* info = infos.data<int32_t>();
      for_matrices(batch_count(a), work_of(a), [&](int64_t i) {
        info[i] = Lapack<T>::syevd(compute_v ? 'V' : 'N', letter, static_cast<int>(n),
                                   v + i * n * n, static_cast<int>(n), w + i * n);
      });
    });
    check_infos(
        infos, op,
        "The algorithm failed to converge because the input matrix is ill-conditioned or has too "
        "many repeated eigenvalues");
  }
  if (!compute_v) vectors = empty({0}, a.dtype(), a.device(), op);
  return {values, vectors};
}

std::tuple<Tensor, Tensor> linalg_eigh(const Tensor& a, const std::string& uplo) {
  return ops::_linalg_eigh(a, uplo, true);
}
Tensor linalg_eigvalsh(const Tensor& a, const std::string& uplo) {
  return std::get<0>(ops::_linalg_eigh(a, uplo, needs_grad(a)));
}

std::tuple<Tensor, Tensor> linalg_eig(const Tensor& a) {
  const char* op = "linalg.eig";
  check_matrix(a, op, true);
  ensure_lapack(op);
  const int64_t n = rows(a);
  const Dims batch = batch_of(a);
  const DType dtype = to_complex(a.dtype());
  Tensor values = empty(with_batch(batch, {n}), dtype, a.device(), op);
  Tensor vectors = empty_columns(with_batch(batch, {n, n}), dtype, a.device(), op);
  if (a.is_meta() || n == 0) return {values, vectors};
  const Tensor work = copy_columns(a, op), infos = empty(batch, DType::Int32, a.device(), op);
  visit_lapack(a.dtype(), [&]<class T>() {
    using R = typename RealOf<T>::type;
    using C = std::complex<R>;
    T* from = work.data<T>();
    C *w = values.data<C>(), *v = vectors.data<C>();
    int32_t* info = infos.data<int32_t>();
    for_matrices(batch_count(a), 4 * work_of(a), [&](int64_t i) {
      T* matrix = from + i * n * n;
      for (int64_t e = 0; e < n * n; ++e) {
        if (!std::isfinite(std::real(matrix[e])) || !std::isfinite(std::imag(matrix[e]))) {
          info[i] = -3;
          return;
        }
      }
      if constexpr (std::is_same_v<T, C>) {
        info[i] = Lapack<T>::geev('V', static_cast<int>(n), matrix, static_cast<int>(n), w + i * n,
                                  nullptr, v + i * n * n, static_cast<int>(n));
      } else {
        std::vector<T> re(static_cast<size_t>(n)), im(static_cast<size_t>(n)),
            vr(static_cast<size_t>(n * n));
        info[i] = Lapack<T>::geev('V', static_cast<int>(n), matrix, static_cast<int>(n), re.data(),
                                  im.data(), vr.data(), static_cast<int>(n));
        for (int64_t j = 0; j < n; ++j) {
          const auto at = static_cast<size_t>(j);
          w[i * n + j] = C(re[at], im[at]);
          C* column = v + (i * n + j) * n;
          const T *first = vr.data() + j * n, *second = first + n;
          if (im[at] == 0) {
            for (int64_t r = 0; r < n; ++r) column[r] = C(first[r], 0);
          } else if (j + 1 < n) {  // a conjugate pair: real and imaginary parts in two columns
            w[i * n + j + 1] = C(re[at + 1], im[at + 1]);
            for (int64_t r = 0; r < n; ++r) {
              column[r] = C(first[r], second[r]);
              column[n + r] = C(first[r], -second[r]);
            }
            ++j;
          }
        }
      }
    });
  });
  check_infos(infos, op, "The algorithm failed to converge, or the input matrix is not finite");
  return {values, vectors};
}

Tensor linalg_eigvals(const Tensor& a) { return std::get<0>(ops::linalg_eig(a)); }

// ---- least squares ------------------------------------------------------------------------------

std::tuple<Tensor, Tensor, Tensor> _linalg_lstsq(const Tensor& a, const Tensor& b, double rcond) {
  const char* op = "linalg.lstsq";
  check_matrix(a, op, false);
  check_same(a, b, op);
  FB_CHECK(b.dim() == a.dim() && batch_of(a) == batch_of(b) && rows(a) == rows(b), op, ": A ",
           a.sizes(), " and B ", b.sizes(), " do not go together");
  ensure_lapack(op);
  const int64_t m = rows(a), n = columns(a), k = std::min(m, n), nrhs = columns(b),
                tall = std::max<int64_t>(1, std::max(m, n));
  const Dims batch = batch_of(a);
  Tensor x = empty_columns(with_batch(batch, {tall, nrhs}), a.dtype(), a.device(), op);
  Tensor rank = empty(batch, DType::Int64, a.device(), op);
  Tensor s = empty(with_batch(batch, {k}), to_real(a.dtype()), a.device(), op);
  if (a.is_meta()) return {x, rank, s};
  fill_elements(x, 0);
  fill_elements(rank, 0);
  if (k == 0 || nrhs == 0) return {x, rank, s};
  const Tensor work = copy_columns(a, op), rhs = copy_columns(b, op),
               infos = empty(batch, DType::Int32, a.device(), op);
  visit_lapack(a.dtype(), [&]<class T>() {
    using R = typename RealOf<T>::type;
    T *from = work.data<T>(), *to = x.data<T>(), *right = rhs.data<T>();
    for_matrices(batch_count(a), work_of(a), [&](int64_t i) {
      for (int64_t c = 0; c < nrhs; ++c)
        std::copy(right + (i * nrhs + c) * m, right + (i * nrhs + c + 1) * m,
                  to + (i * nrhs + c) * tall);
      int found = 0;
      infos.data<int32_t>()[i] = Lapack<T>::gelsd(
          static_cast<int>(m), static_cast<int>(n), static_cast<int>(nrhs), from + i * m * n,
          static_cast<int>(m), to + i * tall * nrhs, static_cast<int>(tall), s.data<R>() + i * k,
          static_cast<R>(rcond), &found);
      rank.data<int64_t>()[i] = found;
    });
  });
  check_infos(infos, op, "The least squares solution could not be computed");
  return {x, rank, s};
}

}  // namespace flambeau::impl
