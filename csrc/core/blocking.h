// Long kernels let other Python threads run: a BlockingRegion lives for as long as no tensor
// handle, reference count or allocator is touched.
#pragma once

namespace flambeau {

// What the Python layer supplies: `leave` gives the interpreter lock away and returns what `enter`
// needs to take it back. Null without Python.
struct BlockingHooks {
  void* (*leave)() = nullptr;
  void (*enter)(void* state) = nullptr;
};
inline BlockingHooks blocking_hooks;

class BlockingRegion {
 public:
  explicit BlockingRegion(bool worth_it = true) : active_(worth_it && blocking_hooks.leave) {
    if (active_) state_ = blocking_hooks.leave();
  }
  ~BlockingRegion() {
    if (active_) blocking_hooks.enter(state_);
  }
  BlockingRegion(const BlockingRegion&) = delete;
  BlockingRegion& operator=(const BlockingRegion&) = delete;

 private:
  bool active_;
  void* state_ = nullptr;
};

}  // namespace flambeau
