// The vectors of the baseline instruction set. The avx2 ones have a file of their own because a
// header that depends on FB_ISA can be included once.
#define FB_ISA baseline
#include "vec_math_checks.h"

TEST(vec_math_baseline) { flambeau::baseline::test_vec_math(); }
