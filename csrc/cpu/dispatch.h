// One kernel source, several instruction sets: each file of kernels/ is compiled once per set in a
// namespace of its own, and the set is chosen once, when the library starts.
#pragma once

namespace flambeau {

// The order is that of capability; `cpu_level` never exceeds what the processor has.
enum class CpuLevel : int { Baseline = 0, Avx2 = 1 };
inline constexpr int kCpuLevels = 2;

extern int cpu_level;   // index into every Kernel's table
void init_cpu_level();  // reads the processor and FLAMBEAU_CPU=baseline|avx2
const char* cpu_level_name(int level);

template <class Signature>
struct Kernel;

template <class R, class... Args>
struct Kernel<R(Args...)> {
  using Pointer = R (*)(Args...);
  Pointer version[kCpuLevels];
  R operator()(Args... args) const { return version[cpu_level](args...); }
  Pointer get() const { return version[cpu_level]; }
};

}  // namespace flambeau

// On processors other than x86-64 both entries name the baseline, whose vectors the compiler maps
// to the native ones (NEON on aarch64).
#if defined(__x86_64__)
#define FB_KERNEL(R, name, args)              \
  namespace baseline { R name args; }         \
  namespace avx2 { R name args; }             \
  inline constexpr ::flambeau::Kernel<R args> name{{baseline::name, avx2::name}}
#else
#define FB_KERNEL(R, name, args)              \
  namespace baseline { R name args; }         \
  inline constexpr ::flambeau::Kernel<R args> name{{baseline::name, baseline::name}}
#endif
