// Errors: one exception class with a kind, which the Python layer turns into the matching
// exception.
#pragma once
#include <cstdint>
#include <exception>
#include <sstream>
#include <string>

namespace flambeau {

enum class ErrorKind : uint8_t { Runtime, Value, Type, Index, NotImplemented, OutOfMemory, Python };

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

template <class... Parts>
std::string str(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

template <class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(ErrorKind kind, const Parts&... parts) {
  throw Error(kind, str(parts...));
}

// Where warnings go (the Python layer raises them as UserWarning); null drops them. May throw Error
// where the user has turned warnings into errors.
inline void (*warn_hook)(const char* message) = nullptr;

}  // namespace flambeau

#define FB_CHECK_KIND(kind, cond, ...) \
  do {                                 \
    if (!(cond)) [[unlikely]]          \
      ::flambeau::fail(kind, __VA_ARGS__); \
  } while (0)
#define FB_CHECK(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Runtime, cond, __VA_ARGS__)
#define FB_CHECK_VALUE(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Value, cond, __VA_ARGS__)
#define FB_CHECK_TYPE(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Type, cond, __VA_ARGS__)
#define FB_CHECK_INDEX(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Index, cond, __VA_ARGS__)
