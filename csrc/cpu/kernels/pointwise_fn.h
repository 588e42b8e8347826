// How the kernels of pointwise operators are called.
#pragma once
#include <cstdint>

namespace flambeau {

// out[i] = expr(in[0][i], in[1][i], ...): all operands contiguous and of the kernel's type, but for
// conditions (mask_inputs) and boolean outputs, which are bytes of 0 or 1, and real outputs of
// complex operands. `out` may be one of the inputs, else it overlaps none of them; addresses are
// aligned to one element only. `params` are numbers of the kernel's type, 16 bytes apart.
//
// `form` is 0, or for types named by PointwiseOp::vectors a sum of
//   1 << i     in[i] holds kRepeatBytes of copies of one element, the operand at every position
//   kBFloat16Form or kFloat16Form, of the float kernel: operands and result are of that type, but
//              repeated ones, which are floats, and `params`
using PointwiseFn = void (*)(void* out, const void* const* in, int64_t n, unsigned form,
                             const void* params);

inline constexpr unsigned kBFloat16Form = 0x100, kFloat16Form = 0x200;
inline constexpr int kRepeatBytes = 64;  // no vector is longer

}  // namespace flambeau
