// LAPACK, from the OpenBLAS of the PyPI package scipy-openblas32, opened when it is first needed.
// Matrices are column by column (Fortran order). Every call runs in the calling thread alone.
#pragma once
#include <complex>
#include <cstdint>
#include <string>

namespace flambeau {

// Gives the path of the library; the Python layer supplies it. Throws Error when there is none.
inline std::string (*lapack_path)() = nullptr;
// Opens the library on the first call. For the holder of the GIL; the functions below want it done.
void ensure_lapack(const char* op);

template <class T>
struct RealOf {
  using type = T;
};
template <class T>
struct RealOf<std::complex<T>> {
  using type = T;
};

// For T = float, double, std::complex of them. The result is LAPACK's info: 0, or what went wrong.
// Workspaces are made inside.
template <class T>
struct Lapack {
  using Real = typename RealOf<T>::type;
  static int getrf(int m, int n, T* a, int lda, int* pivots);
  static int getrs(char trans, int n, int nrhs, const T* a, int lda, const int* pivots, T* b,
                   int ldb);
  static int getri(int n, T* a, int lda, const int* pivots);
  static int potrf(char uplo, int n, T* a, int lda);
  static int potrs(char uplo, int n, int nrhs, const T* a, int lda, T* b, int ldb);
  static int potri(char uplo, int n, T* a, int lda);
  static int trtrs(char uplo, char trans, char diag, int n, int nrhs, const T* a, int lda, T* b,
                   int ldb);
  static int geqrf(int m, int n, T* a, int lda, T* tau);
  static int orgqr(int m, int n, int k, T* a, int lda, const T* tau);
  // jobz: 'A' all of u and vt, 'S' the first min(m, n), 'N' none.
  static int gesdd(char jobz, int m, int n, T* a, int lda, Real* s, T* u, int ldu, T* vt, int ldvt);
  // Eigenvalues ascending; jobz 'V' puts the vectors in a.
  static int syevd(char jobz, char uplo, int n, T* a, int lda, Real* w);
  // Right eigenvectors in the LAPACK form: w (and wi for real T) and vr; jobvr 'V' or 'N'.
  static int geev(char jobvr, int n, T* a, int lda, T* w, T* wi, T* vr, int ldvr);
  // Least squares by singular values; b is max(m, n) x nrhs.
  static int gelsd(int m, int n, int nrhs, T* a, int lda, T* b, int ldb, Real* s, Real rcond,
                   int* rank);
};

}  // namespace flambeau
