// Whether operations are recorded. Per thread, read on every call.
#pragma once

namespace flambeau {

extern thread_local bool grad_enabled __attribute__((tls_model("initial-exec")));
extern thread_local bool inference_enabled __attribute__((tls_model("initial-exec")));
extern bool anomaly_enabled, anomaly_check_nan;

class GradMode {
 public:
  explicit GradMode(bool enabled) : before_(grad_enabled) { grad_enabled = enabled; }
  ~GradMode() { grad_enabled = before_; }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool before_;
};

}  // namespace flambeau
