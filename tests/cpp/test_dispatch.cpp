#include "cpu/dispatch.h"

#include <cstdlib>
#include <string>

#include "core/check.h"
#include "testing.h"

using namespace flambeau;

// Puts FLAMBEAU_CPU and the level back at the end of a test.
struct KeepLevel {
  const char* before = std::getenv("FLAMBEAU_CPU");
  std::string text = before ? before : "";
  ~KeepLevel() {
    if (before)
      setenv("FLAMBEAU_CPU", text.c_str(), 1);
    else
      unsetenv("FLAMBEAU_CPU");
    init_cpu_level();
  }
};

TEST(dispatch_cap) {
  KeepLevel keep;
  unsetenv("FLAMBEAU_CPU");
  init_cpu_level();
  const int best = cpu_level;
  setenv("FLAMBEAU_CPU", "", 1);
  init_cpu_level();
  EXPECT(cpu_level == best);
  setenv("FLAMBEAU_CPU", "baseline", 1);
  init_cpu_level();
  EXPECT(cpu_level == 0);
  setenv("FLAMBEAU_CPU", "avx2", 1);
  init_cpu_level();
  EXPECT(cpu_level == best || cpu_level == 1);
  EXPECT(std::string(cpu_level_name(0)) == "baseline" && std::string(cpu_level_name(1)) == "avx2");
  EXPECT_THROW(cpu_level_name(2), "cpu_level_name: level 2");
}

TEST(dispatch_unknown) {
  KeepLevel keep;
  setenv("FLAMBEAU_CPU", "avx1024", 1);
  try {
    init_cpu_level();
    EXPECT(!"an unknown instruction set was taken");
  } catch (const Error& error) {
    EXPECT(error.kind() == ErrorKind::Value);
    EXPECT(std::strstr(error.what(), "avx1024") && std::strstr(error.what(), "baseline or avx2"));
  }
}
