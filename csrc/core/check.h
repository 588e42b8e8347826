// Errors: one exception class with a kind, which the Python layer turns into the matching
// exception.
#pragma once
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <ostream>
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

// A part of a message: any value that streams print: where it is and how to print it. Without the
// type of the whole message, so that none of the hundreds of checks is a template of its own.
class MessagePart {
 public:
  MessagePart(const char* text) : value_(text), print_(nullptr) {}
  template <class T>
  MessagePart(const T& value)
      : value_(&value),
        print_([](std::ostream& out, const void* p) { out << *static_cast<const T*>(p); }) {}
  void print(std::ostream& out) const {
    if (print_)
      print_(out, value_);
    else
      out << static_cast<const char*>(value_);
  }

 private:
  const void* value_;
  void (*print_)(std::ostream&, const void*);
};

std::string message(std::initializer_list<MessagePart> parts);
[[noreturn, gnu::cold]] void fail_with(ErrorKind kind, std::initializer_list<MessagePart> parts);

template <class... Parts>
std::string str(const Parts&... parts) {
  return message({parts...});
}
template <class... Parts>
[[noreturn]] void fail(ErrorKind kind, const Parts&... parts) {
  fail_with(kind, {parts...});
}

// Where warnings go (the Python layer raises them as UserWarning); null drops them. May throw Error
// where the user has turned warnings into errors.
inline void (*warn_hook)(const char* message) = nullptr;

}  // namespace flambeau

#define FB_CHECK_KIND(kind, cond, ...)            \
  do {                                            \
    if (!(cond)) [[unlikely]]                     \
      ::flambeau::fail_with(kind, {__VA_ARGS__}); \
  } while (0)
#define FB_CHECK(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Runtime, cond, __VA_ARGS__)
#define FB_CHECK_VALUE(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Value, cond, __VA_ARGS__)
#define FB_CHECK_TYPE(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Type, cond, __VA_ARGS__)
#define FB_CHECK_INDEX(cond, ...) FB_CHECK_KIND(::flambeau::ErrorKind::Index, cond, __VA_ARGS__)
