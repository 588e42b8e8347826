#include "autograd/saved_tensor.h"

#include "autograd/autograd.h"

namespace flambeau {

SavedTensorHooks saved_tensor_hooks;
int saved_tensor_hooks_depth = 0;

void SavedTensor::store(const Tensor& t, bool is_output) {
  clear();
  released_ = false;
  if (!t.defined()) return;
  FB_CHECK(!t->inference,
           "Inference tensors cannot be saved for backward. Make a clone outside "
           "inference_mode() and use that");
  saved_ = true;
  is_output_ = is_output;
  version_ = t->storage->version;
  tensor_ = is_output ? alias(t) : t;
  if (saved_tensor_hooks_depth > 0 && saved_tensor_hooks.active()) [[unlikely]] {
    packed_ = saved_tensor_hooks.pack(detach(t));
    if (is_output) tensor_ = Tensor();
  }
}

void SavedTensor::clear() {
  if (packed_) saved_tensor_hooks.drop(packed_);
  packed_ = nullptr;
  tensor_ = Tensor();
  released_ = saved_;
  saved_ = false;
}

Tensor SavedTensor::unpack(Node* owner, const char* argument) const {
  if (!saved_) {
    FB_CHECK(!released_,
             "Trying to backward through the graph a second time (or directly access "
             "saved tensors after they have already been freed): ",
             owner->cls->name,
             " dropped what it saved when backward or grad ran the first time. Specify "
             "retain_graph=True if you need to backward through the graph a second time");
    return Tensor();
  }
  if (packed_) [[unlikely]] { return saved_tensor_hooks.unpack(packed_); }
  if (tensor_->storage->version != version_) [[unlikely]]
    fail_modified(owner, argument);
  if (!is_output_) return tensor_;
  // The output again, tied back to its node so that a second derivative finds the way.
  Tensor t = alias(tensor_);
  if (grad_enabled && is_differentiable(t.dtype())) {
    t->requires_grad = true;
    t->grad_fn = owner;
    incref(owner);
    t->output_nr = output_nr_;
  }
  return t;
}

void SavedTensor::fail_modified(Node* owner, const char* argument) const {
  const std::string where = owner->location.describe();
  const std::string write = tensor_->storage->last_write.describe();
  Node* made_by = is_output_ ? owner : static_cast<Node*>(tensor_->grad_fn);
  fail(ErrorKind::Runtime,
       "one of the variables needed for gradient computation has been modified by an inplace "
       "operation: [",
       name(tensor_.dtype()), " ", tensor_.sizes(), "]",
       made_by ? str(", which is output ", is_output_ ? output_nr_ : tensor_->output_nr, " of ",
                     made_by->cls->name, ",")
               : std::string(),
       " is at version ", tensor_->storage->version, "; expected version ", version_, " instead. ",
       owner->cls->name, " saved it as '", argument, "'", where.empty() ? "" : " at " + where,
       "; it was written to in place", write.empty() ? "" : " at " + write,
       ". Use the out-of-place form of that operation, or clone() the tensor before changing it");
}

}  // namespace flambeau
