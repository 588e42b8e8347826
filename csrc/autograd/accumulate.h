// The node at the end of every path: adds what arrives to the `.grad` of a leaf.
#pragma once
#include "autograd/autograd.h"

namespace flambeau {

struct AccumulateGrad : Node {
  Tensor variable;
  AccumulateGrad();
};
extern const NodeClass accumulate_grad_class;

}  // namespace flambeau
