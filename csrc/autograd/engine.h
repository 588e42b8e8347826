// Backward: runs the graph from the roots in the calling thread, without recursion.
#pragma once
#include "autograd/autograd.h"

namespace flambeau {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
  bool accumulate = true;  // into the leaves; false for grad()
};

// Gradients of sum(roots[i] * grads[i]). With `inputs` only what leads to them runs and their
// gradients are returned (undefined where none arrives); with accumulate they are added to .grad.
TensorList run_backward(const TensorList& roots, const TensorList& grads, const TensorList& inputs,
                        const BackwardOptions& options);

// The node being applied by this thread's innermost backward, or null.
Node* current_node();
// Called once when the outermost running backward has finished.
void queue_callback(std::shared_ptr<NodeHook> callback);

}  // namespace flambeau
