#include "cpu/lapack.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/check.h"

namespace flambeau {
namespace {

// Fortran passes everything by address and the lengths of strings at the end.
using Length = size_t;
constexpr Length kOne = 1;

template <class T>
struct Table {
  using R = typename RealOf<T>::type;
  void (*getrf)(const int*, const int*, T*, const int*, int*, int*);
  void (*getrs)(const char*, const int*, const int*, const T*, const int*, const int*, T*,
                const int*, int*, Length);
  void (*getri)(const int*, T*, const int*, const int*, T*, const int*, int*);
  void (*potrf)(const char*, const int*, T*, const int*, int*, Length);
  void (*potrs)(const char*, const int*, const int*, const T*, const int*, T*, const int*, int*,
                Length);
  void (*potri)(const char*, const int*, T*, const int*, int*, Length);
  void (*trtrs)(const char*, const char*, const char*, const int*, const int*, const T*, const int*,
                T*, const int*, int*, Length, Length, Length);
  void (*geqrf)(const int*, const int*, T*, const int*, T*, T*, const int*, int*);
  void (*orgqr)(const int*, const int*, const int*, T*, const int*, const T*, T*, const int*, int*);
  void* gesdd;  // these four have more arguments for complex numbers
  void* syevd;
  void* geev;
  void* gelsd;
};
template <class T>
Table<T> table;

bool loaded = false;

void* find(void* library, const std::string& name) {
  void* symbol = dlsym(library, ("scipy_" + name + "_").c_str());
  FB_CHECK(symbol, "linalg: the LAPACK library has no function ", name);
  return symbol;
}

template <class T>
void fill(void* library, char letter, bool is_complex) {
  Table<T> t;
  const std::string p(1, letter);
  const auto set = [&](auto& slot, const std::string& name) {
    slot = reinterpret_cast<std::remove_reference_t<decltype(slot)>>(find(library, p + name));
  };
  set(t.getrf, "getrf");
  set(t.getrs, "getrs");
  set(t.getri, "getri");
  set(t.potrf, "potrf");
  set(t.potrs, "potrs");
  set(t.potri, "potri");
  set(t.trtrs, "trtrs");
  set(t.geqrf, "geqrf");
  set(t.orgqr, is_complex ? "ungqr" : "orgqr");
  set(t.gesdd, "gesdd");
  set(t.syevd, is_complex ? "heevd" : "syevd");
  set(t.geev, "geev");
  set(t.gelsd, "gelsd");
  table<T> = t;
}

void* open_library(const std::string& path) {
  // OpenBLAS starts its own threads while it is loaded; ours come from the thread pool.
  const char* name = "OPENBLAS_NUM_THREADS";
  const char* before = std::getenv(name);
  const std::string kept = before ? before : "";
  setenv(name, "1", 1);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (before)
    setenv(name, kept.c_str(), 1);
  else
    unsetenv(name);
  FB_CHECK(library, "linalg: cannot open the LAPACK library ", path, ": ", dlerror());
  return library;
}

// The size of a workspace, which LAPACK gives as a number of the matrix's type.
template <class T>
int work_size(const T& value) {
  return std::max(1, static_cast<int>(std::real(value)));
}

template <class T>
constexpr bool kIsComplex = !std::is_same_v<T, typename RealOf<T>::type>;

}  // namespace

void ensure_lapack(const char* op) {
  if (loaded) return;
  FB_CHECK(lapack_path, op, "(): needs LAPACK, which this program does not provide");
  void* library = open_library(lapack_path());
  using SetThreads = void (*)(int);
  if (auto set = reinterpret_cast<SetThreads>(dlsym(library, "scipy_openblas_set_num_threads")))
    set(1);
  fill<float>(library, 's', false);
  fill<double>(library, 'd', false);
  fill<std::complex<float>>(library, 'c', true);
  fill<std::complex<double>>(library, 'z', true);
  loaded = true;
}

template <class T>
int Lapack<T>::getrf(int m, int n, T* a, int lda, int* pivots) {
  int info = 0;
  table<T>.getrf(&m, &n, a, &lda, pivots, &info);
  return info;
}

template <class T>
int Lapack<T>::getrs(char trans, int n, int nrhs, const T* a, int lda, const int* pivots, T* b,
                     int ldb) {
  int info = 0;
  table<T>.getrs(&trans, &n, &nrhs, a, &lda, pivots, b, &ldb, &info, kOne);
  return info;
}

template <class T>
int Lapack<T>::getri(int n, T* a, int lda, const int* pivots) {
  int info = 0, size = -1;
  T wanted{};
  table<T>.getri(&n, a, &lda, pivots, &wanted, &size, &info);
  size = work_size(wanted);
  std::vector<T> work(static_cast<size_t>(size));
  table<T>.getri(&n, a, &lda, pivots, work.data(), &size, &info);
  return info;
}

template <class T>
int Lapack<T>::potrf(char uplo, int n, T* a, int lda) {
  int info = 0;
  table<T>.potrf(&uplo, &n, a, &lda, &info, kOne);
  return info;
}

template <class T>
int Lapack<T>::potrs(char uplo, int n, int nrhs, const T* a, int lda, T* b, int ldb) {
  int info = 0;
  table<T>.potrs(&uplo, &n, &nrhs, a, &lda, b, &ldb, &info, kOne);
  return info;
}

template <class T>
int Lapack<T>::potri(char uplo, int n, T* a, int lda) {
  int info = 0;
  table<T>.potri(&uplo, &n, a, &lda, &info, kOne);
  return info;
}

template <class T>
int Lapack<T>::trtrs(char uplo, char trans, char diag, int n, int nrhs, const T* a, int lda, T* b,
                     int ldb) {
  int info = 0;
  table<T>.trtrs(&uplo, &trans, &diag, &n, &nrhs, a, &lda, b, &ldb, &info, kOne, kOne, kOne);
  return info;
}

template <class T>
int Lapack<T>::geqrf(int m, int n, T* a, int lda, T* tau) {
  int info = 0, size = -1;
  T wanted{};
  table<T>.geqrf(&m, &n, a, &lda, tau, &wanted, &size, &info);
  size = work_size(wanted);
  std::vector<T> work(static_cast<size_t>(size));
  table<T>.geqrf(&m, &n, a, &lda, tau, work.data(), &size, &info);
  return info;
}

template <class T>
int Lapack<T>::orgqr(int m, int n, int k, T* a, int lda, const T* tau) {
  int info = 0, size = -1;
  T wanted{};
  table<T>.orgqr(&m, &n, &k, a, &lda, tau, &wanted, &size, &info);
  size = work_size(wanted);
  std::vector<T> work(static_cast<size_t>(size));
  table<T>.orgqr(&m, &n, &k, a, &lda, tau, work.data(), &size, &info);
  return info;
}

template <class T>
int Lapack<T>::gesdd(char jobz, int m, int n, T* a, int lda, Real* s, T* u, int ldu, T* vt,
                     int ldvt) {
  const auto least = static_cast<size_t>(std::min(m, n)),
             most = static_cast<size_t>(std::max(m, n));
  std::vector<int> iwork(8 * least + 1);
  std::vector<Real> rwork(kIsComplex<T> ? std::max(5 * least * least + 5 * least,
                                                   2 * most * least + 2 * least * least + least) +
                                              1
                                        : 0);
  int info = 0, size = -1;
  const auto call = [&](T* work) {
    if constexpr (kIsComplex<T>) {
      using F = void (*)(const char*, const int*, const int*, T*, const int*, Real*, T*, const int*,
                         T*, const int*, T*, const int*, Real*, int*, int*, Length);
      reinterpret_cast<F>(table<T>.gesdd)(&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work,
                                          &size, rwork.data(), iwork.data(), &info, kOne);
    } else {
      using F = void (*)(const char*, const int*, const int*, T*, const int*, Real*, T*, const int*,
                         T*, const int*, T*, const int*, int*, int*, Length);
      reinterpret_cast<F>(table<T>.gesdd)(&jobz, &m, &n, a, &lda, s, u, &ldu, vt, &ldvt, work,
                                          &size, iwork.data(), &info, kOne);
    }
  };
  T wanted{};
  call(&wanted);
  size = work_size(wanted);
  std::vector<T> work(static_cast<size_t>(size));
  call(work.data());
  return info;
}

template <class T>
int Lapack<T>::syevd(char jobz, char uplo, int n, T* a, int lda, Real* w) {
  int info = 0, size = -1, rsize = -1, isize = -1;
  std::vector<Real> rwork(1);
  std::vector<int> iwork(1);
  const auto call = [&](T* work) {
    if constexpr (kIsComplex<T>) {
      using F = void (*)(const char*, const char*, const int*, T*, const int*, Real*, T*,
                         const int*, Real*, const int*, int*, const int*, int*, Length, Length);
      reinterpret_cast<F>(table<T>.syevd)(&jobz, &uplo, &n, a, &lda, w, work, &size, rwork.data(),
                                          &rsize, iwork.data(), &isize, &info, kOne, kOne);
    } else {
      using F = void (*)(const char*, const char*, const int*, T*, const int*, Real*, T*,
                         const int*, int*, const int*, int*, Length, Length);
      reinterpret_cast<F>(table<T>.syevd)(&jobz, &uplo, &n, a, &lda, w, work, &size, iwork.data(),
                                          &isize, &info, kOne, kOne);
    }
  };
  T wanted{};
  call(&wanted);
  size = work_size(wanted);
  rsize = std::max(1, static_cast<int>(rwork[0]));
  isize = std::max(1, iwork[0]);
  rwork.resize(static_cast<size_t>(rsize));
  iwork.resize(static_cast<size_t>(isize));
  std::vector<T> work(static_cast<size_t>(size));
  call(work.data());
  return info;
}

template <class T>
int Lapack<T>::geev(char jobvr, int n, T* a, int lda, T* w, [[maybe_unused]] T* wi, T* vr,
                    int ldvr) {
  const char no = 'N';
  const int one = 1;
  int info = 0, size = -1;
  std::vector<Real> rwork(kIsComplex<T> ? 2 * static_cast<size_t>(n) + 1 : 0);
  T unused{};
  const auto call = [&](T* work) {
    if constexpr (kIsComplex<T>) {
      using F = void (*)(const char*, const char*, const int*, T*, const int*, T*, T*, const int*,
                         T*, const int*, T*, const int*, Real*, int*, Length, Length);
      reinterpret_cast<F>(table<T>.geev)(&no, &jobvr, &n, a, &lda, w, &unused, &one, vr, &ldvr,
                                         work, &size, rwork.data(), &info, kOne, kOne);
    } else {
      using F = void (*)(const char*, const char*, const int*, T*, const int*, T*, T*, T*,
                         const int*, T*, const int*, T*, const int*, int*, Length, Length);
      reinterpret_cast<F>(table<T>.geev)(&no, &jobvr, &n, a, &lda, w, wi, &unused, &one, vr, &ldvr,
                                         work, &size, &info, kOne, kOne);
    }
  };
  T wanted{};
  call(&wanted);
  size = work_size(wanted);
  std::vector<T> work(static_cast<size_t>(size));
  call(work.data());
  return info;
}

template <class T>
int Lapack<T>::gelsd(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, Real* s, Real rcond,
                     int* rank) {
  int info = 0, size = -1;
  std::vector<Real> rwork(1);
  std::vector<int> iwork(1);
  const auto call = [&](T* work) {
    if constexpr (kIsComplex<T>) {
      using F = void (*)(const int*, const int*, const int*, T*, const int*, T*, const int*, Real*,
                         const Real*, int*, T*, const int*, Real*, int*, int*);
      reinterpret_cast<F>(table<T>.gelsd)(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work,
                                          &size, rwork.data(), iwork.data(), &info);
    } else {
      using F = void (*)(const int*, const int*, const int*, T*, const int*, T*, const int*, Real*,
                         const Real*, int*, T*, const int*, int*, int*);
      reinterpret_cast<F>(table<T>.gelsd)(&m, &n, &nrhs, a, &lda, b, &ldb, s, &rcond, rank, work,
                                          &size, iwork.data(), &info);
    }
  };
  T wanted{};
  call(&wanted);
  size = work_size(wanted);
  rwork.resize(std::max<size_t>(1, static_cast<size_t>(kIsComplex<T> ? rwork[0] : 0)));
  iwork.resize(static_cast<size_t>(std::max(1, iwork[0])));
  std::vector<T> work(static_cast<size_t>(size));
  call(work.data());
  return info;
}

template struct Lapack<float>;
template struct Lapack<double>;
template struct Lapack<std::complex<float>>;
template struct Lapack<std::complex<double>>;

}  // namespace flambeau
