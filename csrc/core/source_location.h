// A line of the user's program, kept cheaply so that an error can name it later.
#pragma once
#include <cstdint>
#include <string>
#include <utility>

namespace flambeau {

// `code` is an owned reference to the running code object; both hooks come from the Python layer.
struct SourceLocationHooks {
  void (*capture)(void** code, int32_t* instruction) = nullptr;
  void (*retain)(void* code) = nullptr;
  void (*drop)(void* code) = nullptr;
  std::string (*describe)(void* code, int32_t instruction) = nullptr;
};
extern SourceLocationHooks source_location_hooks;

class SourceLocation {
 public:
  SourceLocation() = default;
  SourceLocation(SourceLocation&& o) noexcept
      : code_(std::exchange(o.code_, nullptr)), instruction_(o.instruction_) {}
  SourceLocation& operator=(SourceLocation&& o) noexcept {
    std::swap(code_, o.code_);
    std::swap(instruction_, o.instruction_);
    return *this;
  }
  SourceLocation(const SourceLocation& o) : code_(o.code_), instruction_(o.instruction_) {
    if (code_) source_location_hooks.retain(code_);
  }
  SourceLocation& operator=(const SourceLocation& o) { return *this = SourceLocation(o); }
  ~SourceLocation() {
    if (code_) source_location_hooks.drop(code_);
  }
  static SourceLocation here() {
    SourceLocation l;
    if (source_location_hooks.capture) source_location_hooks.capture(&l.code_, &l.instruction_);
    return l;
  }
  // "train.py:31, in step", or "" when unknown.
  std::string describe() const {
    return code_ ? source_location_hooks.describe(code_, instruction_) : std::string();
  }

 private:
  void* code_ = nullptr;
  int32_t instruction_ = 0;
};

}  // namespace flambeau
