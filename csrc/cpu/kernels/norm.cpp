#include "cpu/kernels/norm.h"

#include "cpu/kernels/inline_loops.h"

namespace flambeau::FB_ISA {
namespace norms {

constexpr int64_t kBlock = 1024;  // sums of more elements go through double

// f(i, k, sums) adds the k lanes at i to N vectors; f gives zero beyond the end by itself.
template <class T, int N, class F>
FB_VEC void sum_over(int64_t n, double (&totals)[N], F f) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  for (double& t : totals) t = 0;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t end = n - begin < kBlock ? n : begin + kBlock;
    V a[N], b[N], c[N], d[N];
    for (int j = 0; j < N; ++j) a[j] = b[j] = c[j] = d[j] = V(0);
    int64_t i = begin;
    for (; i + 4 * L <= end; i += 4 * L) {
      f(i, int64_t{L}, a);
      f(i + L, int64_t{L}, b);
      f(i + 2 * L, int64_t{L}, c);
      f(i + 3 * L, int64_t{L}, d);
    }
    for (; i + L <= end; i += L) f(i, int64_t{L}, a);
    if (i < end) f(i, end - i, b);
    for (int j = 0; j < N; ++j) totals[j] += reduce_add((a[j] + b[j]) + (c[j] + d[j]));
  }
}
template <class T, class F>
FB_VEC void each(int64_t n, F f) {
  constexpr int L = Vec<T>::lanes;
  int64_t i = 0;
  for (; i + L <= n; i += L) f(i, int64_t{L});
  if (i < n) f(i, n - i);
}
// x - mean, zero beyond the end.
template <class T>
FB_VEC Vec<T> centred(const T* x, Vec<T> mean, int64_t k) {
  const Vec<T> d = load_n(x, k) - mean;
  return k >= Vec<T>::lanes ? d : where(first_lanes<T>(k), d, Vec<T>(0));
}

template <class T, bool kWeight, bool kBias>
FB_VEC void scale_row(const T* x, const T* w, const T* b, T* y, T mean, T rstd, int64_t n) {
  using V = Vec<T>;
  const V m = V(mean), r = V(rstd);
  each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
    V v = (load_n(x + i, k) - m) * r;
    if constexpr (kWeight && kBias)
      v = mad(v, load_n(w + i, k), load_n(b + i, k));
    else if constexpr (kWeight)
      v = v * load_n(w + i, k);
    else if constexpr (kBias)
      v = v + load_n(b + i, k);
    store_n(y + i, v, k);
  });
}

template <class T>
void rows(const T* x, const T* w, const T* b, T* y, T* mean, T* rstd, int64_t rows, int64_t n,
          double eps, bool rms) {
  using V = Vec<T>;
  for (int64_t r = 0; r < rows; ++r, x += n) {
    double sums[2] = {0, 0};
    T m = 0;
    if (!rms) {
      double total[1];
      sum_over<T>(n, total,
                  [&](int64_t i, int64_t k, V* s) FB_INLINE { s[0] += load_n(x + i, k); });
      m = static_cast<T>(total[0] / static_cast<double>(n));
      mean[r] = m;
    }
    sum_over<T>(n, sums, [&](int64_t i, int64_t k, V* s) FB_INLINE {
      const V d = centred(x + i, V(m), k);
      s[0] += d;
      s[1] = mad(d, d, s[1]);
    });
    const double count = static_cast<double>(n);
    const double off = rms ? 0 : sums[0] / count;  // what rounding the mean lost
    const double var = sums[1] / count - off * off;
    rstd[r] = static_cast<T>(1 / __builtin_sqrt((var > 0 || var != var ? var : 0) + eps));
    if (!y) continue;  // the statistics alone
    T* to = y + r * n;
    if (w && b)
      scale_row<T, true, true>(x, w, b, to, m, rstd[r], n);
    else if (w)
      scale_row<T, true, false>(x, w, b, to, m, rstd[r], n);
    else if (b)
      scale_row<T, false, true>(x, w, b, to, m, rstd[r], n);
    else
      scale_row<T, false, false>(x, w, b, to, m, rstd[r], n);
  }
}

// dx = rstd (g w - mean(g w) - xhat mean(g w xhat)), without the second term for rms.
template <class T>
void rows_grad(const T* g, const T* x, const T* w, const T* mean, const T* rstd, T* dx, T* dw,
               T* db, int64_t rows, int64_t n, bool rms) {
  using V = Vec<T>;
  for (int64_t r = 0; r < rows; ++r, x += n, g += n) {
    const V m = V(rms ? T(0) : mean[r]), s = V(rstd[r]);
    auto weighted = [&](int64_t i, int64_t k) FB_INLINE {
      const V v = load_n(g + i, k);
      return w ? v * load_n(w + i, k) : v;
    };
    if (dx) {
      double sums[2];
      sum_over<T>(n, sums, [&](int64_t i, int64_t k, V* a) FB_INLINE {
        const V v = weighted(i, k);
        a[0] += v;
        a[1] = mad(v, centred(x + i, m, k), a[1]);
      });
      const double count = static_cast<double>(n), scale = rstd[r];
      const V c = V(static_cast<T>(rms ? 0 : -sums[0] / count * scale));
      const V b = V(static_cast<T>(-sums[1] / count * scale * scale * scale));
      T* to = dx + r * n;
      each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
        const V v = mad(weighted(i, k), s, c);
        store_n(to + i, mad(load_n(x + i, k) - m, b, v), k);
      });
    }
    if (dw && db) {
      each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
        const V v = load_n(g + i, k);
        store_n(dw + i, mad(v, (load_n(x + i, k) - m) * s, load_n(dw + i, k)), k);
        store_n(db + i, load_n(db + i, k) + v, k);
      });
    } else if (dw) {
      each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
        store_n(dw + i, mad(load_n(g + i, k), (load_n(x + i, k) - m) * s, load_n(dw + i, k)), k);
      });
    } else if (db) {
      each<T>(n, [&](int64_t i, int64_t k)
                     FB_INLINE { store_n(db + i, load_n(db + i, k) + load_n(g + i, k), k); });
    }
  }
}

template <class T>
void runs(const T* x, const T* mean, const T* scale, const T* shift, T* y, int64_t runs,
          int64_t n) {
  using V = Vec<T>;
  for (int64_t r = 0; r < runs; ++r, x += n, y += n) {
    const V m = V(mean[r]), a = V(scale[r]), b = V(shift[r]);
    each<T>(n, [&](int64_t i, int64_t k)
                   FB_INLINE { store_n(y + i, mad(load_n(x + i, k) - m, a, b), k); });
  }
}
template <class T>
void columns(const T* x, const T* mean, const T* scale, const T* shift, T* y, int64_t rows,
             int64_t n) {
  for (int64_t r = 0; r < rows; ++r, x += n, y += n)
    each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      store_n(
          y + i,
          mad(load_n(x + i, k) - load_n(mean + i, k), load_n(scale + i, k), load_n(shift + i, k)),
          k);
    });
}

template <class T>
void grad_runs(const T* g, const T* x, const T* mean, const T* a, const T* b, const T* c, T* dx,
               int64_t runs, int64_t n) {
  using V = Vec<T>;
  for (int64_t r = 0; r < runs; ++r, g += n, x += n, dx += n) {
    const V m = V(mean[r]), va = V(a[r]), vb = V(b[r]), vc = V(c[r]);
    each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      store_n(dx + i, mad(load_n(g + i, k), va, mad(load_n(x + i, k) - m, vb, vc)), k);
    });
  }
}
template <class T>
void grad_columns(const T* g, const T* x, const T* mean, const T* a, const T* b, const T* c, T* dx,
                  int64_t rows, int64_t n) {
  for (int64_t r = 0; r < rows; ++r, g += n, x += n, dx += n)
    each<T>(n, [&](int64_t i, int64_t k) FB_INLINE {
      const Vec<T> d = load_n(x + i, k) - load_n(mean + i, k);
      store_n(dx + i,
              mad(load_n(g + i, k), load_n(a + i, k), mad(d, load_n(b + i, k), load_n(c + i, k))),
              k);
    });
}

template <class T>
void sums_runs(const T* g, const T* x, const T* mean, double* sums, int64_t runs, int64_t n) {
  using V = Vec<T>;
  for (int64_t r = 0; r < runs; ++r, g += n, x += n) {
    double total[2];
    const V m = V(mean[r]);
    sum_over<T>(n, total, [&](int64_t i, int64_t k, V* a) FB_INLINE {
      const V v = load_n(g + i, k);
      a[0] += v;
      a[1] = mad(v, centred(x + i, m, k), a[1]);
    });
    sums[2 * r] = total[0];
    sums[2 * r + 1] = total[1];
  }
}
template <class T>
void sums_columns(const T* g, const T* x, const T* mean, double* sums, int64_t rows, int64_t n) {
  using V = Vec<T>;
  constexpr int L = V::lanes;
  for (int64_t c = 0; c < n; c += L) {
    const int64_t k = n - c < L ? n - c : L;
    const V m = load_n(mean + c, k);
    V a = V(0), b = V(0);
    for (int64_t r = 0; r < rows; ++r) {
      const V v = load_n(g + r * n + c, k);
      a += v;
      b = mad(v, load_n(x + r * n + c, k) - m, b);
    }
    for (int64_t i = 0; i < k; ++i) {
      sums[c + i] += a.v[i];
      sums[n + c + i] += b.v[i];
    }
  }
}

}  // namespace norms

#define FB_DEFINE_NORM(suffix, T)                                                                 \
  void norm_rows_##suffix(const T* x, const T* w, const T* b, T* y, T* mean, T* rstd,             \
                          int64_t rows, int64_t n, double eps, bool rms) {                        \
    norms::rows<T>(x, w, b, y, mean, rstd, rows, n, eps, rms);                                    \
  }                                                                                               \
  void norm_rows_grad_##suffix(const T* g, const T* x, const T* w, const T* mean, const T* rstd,  \
                               T* dx, T* dw, T* db, int64_t rows, int64_t n, bool rms) {          \
    norms::rows_grad<T>(g, x, w, mean, rstd, dx, dw, db, rows, n, rms);                           \
  }                                                                                               \
  void affine_runs_##suffix(const T* x, const T* mean, const T* scale, const T* shift, T* y,      \
                            int64_t runs, int64_t n) {                                            \
    norms::runs<T>(x, mean, scale, shift, y, runs, n);                                            \
  }                                                                                               \
  void affine_columns_##suffix(const T* x, const T* mean, const T* scale, const T* shift, T* y,   \
                               int64_t rows, int64_t n) {                                         \
    norms::columns<T>(x, mean, scale, shift, y, rows, n);                                         \
  }                                                                                               \
  void affine_grad_runs_##suffix(const T* g, const T* x, const T* mean, const T* a, const T* b,   \
                                 const T* c, T* dx, int64_t runs, int64_t n) {                    \
    norms::grad_runs<T>(g, x, mean, a, b, c, dx, runs, n);                                        \
  }                                                                                               \
  void affine_grad_columns_##suffix(const T* g, const T* x, const T* mean, const T* a,            \
                                    const T* b, const T* c, T* dx, int64_t rows, int64_t n) {     \
    norms::grad_columns<T>(g, x, mean, a, b, c, dx, rows, n);                                     \
  }                                                                                               \
  void grad_sums_runs_##suffix(const T* g, const T* x, const T* mean, double* sums, int64_t runs, \
                               int64_t n) {                                                       \
    norms::sums_runs<T>(g, x, mean, sums, runs, n);                                               \
  }                                                                                               \
  void grad_sums_columns_##suffix(const T* g, const T* x, const T* mean, double* sums,            \
                                  int64_t rows, int64_t n) {                                      \
    norms::sums_columns<T>(g, x, mean, sums, rows, n);                                            \
  }
FB_DEFINE_NORM(f32, float)
FB_DEFINE_NORM(f64, double)

}  // namespace flambeau::FB_ISA
