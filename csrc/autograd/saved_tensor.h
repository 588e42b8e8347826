// A tensor kept for backward, with the version it had: changing it in place is found out.
#pragma once
#include "autograd/node.h"

namespace flambeau {

// pack/unpack of saved_tensors_hooks; null when none are set.
struct SavedTensorHooks {
  void* (*pack)(const Tensor& t) = nullptr;  // returns an owned handle
  Tensor (*unpack)(void* packed) = nullptr;
  void (*drop)(void* packed) = nullptr;
  bool (*active)() = nullptr;
};
extern SavedTensorHooks saved_tensor_hooks;
extern int saved_tensor_hooks_depth;  // > 0: pack is called

class SavedTensor {
 public:
  SavedTensor() = default;
  SavedTensor(const SavedTensor&) = delete;
  SavedTensor& operator=(const SavedTensor&) = delete;
  ~SavedTensor() { clear(); }

  void save(const Tensor& t) { store(t, false); }
  // An output must not be held as it is: its history holds the node that saves it.
  void save_output(const Tensor& t, uint32_t nr) {
    store(t, true);
    output_nr_ = nr;
  }
  // The tensor with its history. `owner` is the node that saved it.
  Tensor unpack(Node* owner, const char* argument) const;
  void clear();
  Tensor& raw() { return tensor_; }
  bool is_output() const { return is_output_; }

 private:
  void store(const Tensor& t, bool is_output);
  [[noreturn]] void fail_modified(Node* owner, const char* argument) const;

  Tensor tensor_;
  void* packed_ = nullptr;
  uint32_t version_ = 0, output_nr_ = 0;
  bool is_output_ = false, saved_ = false, released_ = false;
};

}  // namespace flambeau
