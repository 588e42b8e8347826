// Matrix multiplication of integers, modulo 2^32 and 2^64.
#include "cpu/kernels/gemm_micro.h"

namespace flambeau::FB_ISA {
FB_DEFINE_GEMM_KERNELS(i32, uint32_t)
FB_DEFINE_GEMM_KERNELS(i64, uint64_t)
}  // namespace flambeau::FB_ISA
