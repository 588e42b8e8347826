// Which instruction set the kernels use: the best the processor has, capped by FLAMBEAU_CPU.
#include "cpu/dispatch.h"

#include <cstdlib>
#include <cstring>

#include "core/check.h"

namespace flambeau {

int cpu_level = static_cast<int>(CpuLevel::Baseline);

static constexpr const char* kLevelNames[kCpuLevels] = {"baseline", "avx2"};

static int processor_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c"))
    return static_cast<int>(CpuLevel::Avx2);
#endif
  return static_cast<int>(CpuLevel::Baseline);
}

static int level_from_name(const char* name) {
  for (int level = 0; level < kCpuLevels; ++level)
    if (std::strcmp(name, kLevelNames[level]) == 0) return level;
  return -1;
}

void init_cpu_level() {
  int level = processor_level();
  const char* cap = std::getenv("FLAMBEAU_CPU");
  if (cap != nullptr && *cap != '\0') {
    int asked = level_from_name(cap);
    FB_CHECK_VALUE(asked >= 0, "FLAMBEAU_CPU: unknown instruction set '", cap,
                   "'; use baseline or avx2, or unset the variable");
    if (asked < level) level = asked;
  }
  cpu_level = level;
}

const char* cpu_level_name(int level) {
  FB_CHECK_VALUE(level >= 0 && level < kCpuLevels, "cpu_level_name: level ", level,
                 " is not in [0, ", kCpuLevels - 1, "]");
  return kLevelNames[level];
}

}  // namespace flambeau
