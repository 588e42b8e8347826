// Matrix multiplication in float.
#include "cpu/kernels/gemm_micro.h"

namespace flambeau::FB_ISA {
FB_DEFINE_GEMM_KERNELS(f32, float)
FB_DEFINE_GEMM_DIRECT(f32, float)
}  // namespace flambeau::FB_ISA
