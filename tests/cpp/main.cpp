// Runs all tests, or those whose names contain one of the arguments.
#include "cpu/dispatch.h"
#include "testing.h"

int main(int argc, char** argv) {
  flambeau::init_cpu_level();
  int count = 0;
  for (auto* test = flambeau::testing::Test::first(); test != nullptr; test = test->next) {
    bool wanted = argc == 1;
    for (int i = 1; i < argc; ++i) wanted = wanted || std::strstr(test->name, argv[i]);
    if (!wanted) continue;
    std::printf("%s\n", test->name);
    std::fflush(stdout);
    test->run();
    ++count;
  }
  std::printf("%d tests passed\n", count);
  return count == 0;
}
