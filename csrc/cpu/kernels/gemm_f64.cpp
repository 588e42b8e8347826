// Matrix multiplication in double.
#include "cpu/kernels/gemm_micro.h"

namespace flambeau::FB_ISA {
FB_DEFINE_GEMM_KERNELS(f64, double)
FB_DEFINE_GEMM_DIRECT(f64, double)
}  // namespace flambeau::FB_ISA
