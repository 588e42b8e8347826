#if defined(__x86_64__)
#define FB_ISA avx2
#define FB_TEST_TARGET_AVX2
#include "cpu/dispatch.h"
#include "vec_math_checks.h"

TEST(vec_math_avx2) {
  if (flambeau::cpu_level < static_cast<int>(flambeau::CpuLevel::Avx2)) {
    std::printf("skipped: the processor, or FLAMBEAU_CPU, leaves avx2 out\n");
    return;
  }
  flambeau::avx2::test_vec_math();
}
#endif
