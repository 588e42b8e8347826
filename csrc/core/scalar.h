// One number whose type was decided at run time: a Python bool, int, float or complex.
#pragma once
#include "core/dtype.h"

namespace flambeau {

class Scalar {
 public:
  enum class Tag : uint8_t { Bool, Int, Float, Complex };

  Scalar() : Scalar(int64_t{0}) {}
  Scalar(bool v) : tag_(Tag::Bool) { i_ = v; }
  Scalar(int v) : Scalar(static_cast<int64_t>(v)) {}
  Scalar(int64_t v) : tag_(Tag::Int) { i_ = v; }
  Scalar(double v) : tag_(Tag::Float) {
    f_[0] = v;
    f_[1] = 0;
  }
  Scalar(float v) : Scalar(static_cast<double>(v)) {}
  Scalar(Complex128 v) : tag_(Tag::Complex) {
    f_[0] = v.real();
    f_[1] = v.imag();
  }

  Tag tag() const { return tag_; }
  bool is_bool() const { return tag_ == Tag::Bool; }
  bool is_integral() const { return tag_ <= Tag::Int; }
  bool is_float() const { return tag_ == Tag::Float; }
  bool is_complex() const { return tag_ == Tag::Complex; }

  template <class T>
  T to() const {
    switch (tag_) {
      case Tag::Float: return convert<T>(f_[0]);
      case Tag::Complex: return convert<T>(Complex128(f_[0], f_[1]));
      default: return convert<T>(i_);
    }
  }
  double to_double() const { return to<double>(); }
  int64_t to_int() const { return to<int64_t>(); }

  // The type a tensor made from this number has: bool, int64, the default float or its complex.
  DType dtype() const {
    switch (tag_) {
      case Tag::Bool: return DType::Bool;
      case Tag::Int: return DType::Int64;
      case Tag::Float: return default_dtype();
      default: return flambeau::to_complex(default_dtype());
    }
  }
  bool operator==(double v) const { return !is_complex() && to_double() == v; }

 private:
  Tag tag_;
  union {
    int64_t i_;
    double f_[2];
  };
};

inline std::ostream& operator<<(std::ostream& out, const Scalar& s) {
  if (s.is_bool()) return out << (s.to<bool>() ? "True" : "False");
  if (s.is_integral()) return out << s.to_int();
  if (s.is_float()) return out << s.to_double();
  const auto z = s.to<Complex128>();
  return out << "(" << z.real() << (z.imag() < 0 ? "" : "+") << z.imag() << "j)";
}

}  // namespace flambeau
