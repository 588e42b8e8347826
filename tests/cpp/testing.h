// The C++ tests: TEST(name) { EXPECT(...); } in any file, one main for all. EXPECT stays active in
// release builds. A new test file needs no list to be edited.
#pragma once
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

namespace flambeau::testing {

struct Test {
  const char* name;
  void (*run)();
  Test* next;
  static Test*& first() {
    static Test* list = nullptr;
    return list;
  }
  Test(const char* n, void (*r)()) : name(n), run(r), next(first()) { first() = this; }
};

[[noreturn, gnu::format(printf, 3, 4)]] inline void fail(const char* file, int line,
                                                          const char* format, ...) {
  std::fprintf(stderr, "%s:%d: ", file, line);
  va_list args;
  va_start(args, format);
  std::vfprintf(stderr, format, args);
  va_end(args);
  std::fputc('\n', stderr);
  std::exit(1);
}

}  // namespace flambeau::testing

#define TEST(id)                                                    \
  static void test_##id();                                          \
  static ::flambeau::testing::Test registered_##id(#id, test_##id); \
  static void test_##id()

#define EXPECT(cond) \
  do {               \
    if (!(cond)) ::flambeau::testing::fail(__FILE__, __LINE__, "expected: %s", #cond); \
  } while (0)

// Like EXPECT, with a printf text that says for which case it failed.
#define EXPECT_IN(cond, ...)                                                              \
  do {                                                                                    \
    if (!(cond)) {                                                                        \
      std::fprintf(stderr, "in ");                                                        \
      std::fprintf(stderr, __VA_ARGS__);                                                  \
      std::fputc('\n', stderr);                                                           \
      ::flambeau::testing::fail(__FILE__, __LINE__, "expected: %s", #cond);               \
    }                                                                                     \
  } while (0)

#define EXPECT_THROW(expression, part)                                                      \
  do {                                                                                      \
    bool thrown_ = false;                                                                   \
    try {                                                                                   \
      expression;                                                                           \
    } catch (const std::exception& e_) {                                                    \
      thrown_ = std::strstr(e_.what(), part) != nullptr;                                    \
      if (!thrown_) std::fprintf(stderr, "another error: %s\n", e_.what());                 \
    }                                                                                       \
    if (!thrown_) ::flambeau::testing::fail(__FILE__, __LINE__, "no error: %s", #expression); \
  } while (0)
