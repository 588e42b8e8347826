#include "core/allocator.h"
#include "cpu/copy.h"
#include "cpu/pointwise.h"
#include "cpu/thread_pool.h"
#include "strided.h"
#include "testing.h"

using namespace flambeau;
using namespace flambeau::testing;

namespace {

template <class T>
void add_kernel(void* out, const void* const* in, int64_t n, unsigned, const void*) {
  const T *a = static_cast<const T*>(in[0]), *b = static_cast<const T*>(in[1]);
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = static_cast<T>(a[i] + b[i]);
}
template <class T>
void scale_kernel(void* out, const void* const* in, int64_t n, unsigned, const void* params) {
  const T* a = static_cast<const T*>(in[0]);
  const char* p = static_cast<const char*>(params);
  T scale, shift;
  std::memcpy(&scale, p, sizeof(T));
  std::memcpy(&shift, p + kParamStride, sizeof(T));
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = static_cast<T>(a[i] * scale + shift);
}
template <class T>
void less_kernel(void* out, const void* const* in, int64_t n, unsigned, const void*) {
  const T *a = static_cast<const T*>(in[0]), *b = static_cast<const T*>(in[1]);
  uint8_t* o = static_cast<uint8_t*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = a[i] < b[i];
}
template <class T>
void select_kernel(void* out, const void* const* in, int64_t n, unsigned, const void*) {
  const auto* c = static_cast<const uint8_t*>(in[0]);
  const T *a = static_cast<const T*>(in[1]), *b = static_cast<const T*>(in[2]);
  T* o = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = c[i] ? a[i] : b[i];
}
template <class T>
void real_kernel(void* out, const void* const* in, int64_t n, unsigned, const void*) {
  const T* a = static_cast<const T*>(in[0]);
  using R = decltype(std::real(T()));
  R* o = static_cast<R*>(out);
  for (int64_t i = 0; i < n; ++i) o[i] = std::real(a[i]);
}

#define ARITHMETIC(k)                                                                         \
  {k<uint8_t>, k<int8_t>, k<int16_t>, k<int32_t>, k<int64_t>, nullptr, k<float>, k<double>
const PointwiseFn add_table[kDTypes] = ARITHMETIC(add_kernel), add_kernel<Complex64>,
                  add_kernel<Complex128>, nullptr, nullptr
};
const PointwiseFn scale_table[kDTypes] = ARITHMETIC(scale_kernel), nullptr, nullptr, nullptr,
                  nullptr
}
;
const PointwiseFn less_table[kDTypes] = ARITHMETIC(less_kernel), nullptr, nullptr,
                  less_kernel<uint8_t>, nullptr
}
;
const PointwiseFn select_table[kDTypes] = ARITHMETIC(select_kernel), select_kernel<Complex64>,
                  select_kernel<Complex128>, select_kernel<uint8_t>, nullptr
}
;
const PointwiseFn real_table[kDTypes] = {nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         nullptr,
                                         real_kernel<float>,
                                         real_kernel<double>,
                                         real_kernel<Complex64>,
                                         real_kernel<Complex128>,
                                         nullptr,
                                         nullptr};

constexpr uint16_t bit(DType t) { return static_cast<uint16_t>(1 << static_cast<int>(t)); }
constexpr uint16_t kAll = 0xFFF;
constexpr uint16_t kReal = kAll & ~bit(DType::Complex64) & ~bit(DType::Complex128);

const PointwiseOp add_op{"add",
                         2,
                         0,
                         Promotion::Default,
                         OutputType::Same,
                         0,
                         0,
                         kAll & ~bit(DType::Bool),
                         {add_table, add_table}};
const PointwiseOp scale_op{"scale", 1, 2,     Promotion::IntToFloat,     OutputType::Same,
                           0,       3, kReal, {scale_table, scale_table}};
const PointwiseOp less_op{"less", 2, 0,     Promotion::Default,      OutputType::Bool,
                          0,      0, kReal, {less_table, less_table}};
const PointwiseOp select_op{"select", 3, 0,    Promotion::Default,          OutputType::Same,
                            1,        0, kAll, {select_table, select_table}};
const PointwiseOp real_op{"real", 1, 0,    Promotion::IntToFloat,   OutputType::Real,
                          0,      0, kAll, {real_table, real_table}};

Tensor run(const PointwiseOp& op, std::initializer_list<const Tensor*> inputs,
           const Tensor* out = nullptr, const Scalar* params = nullptr) {
  return pointwise(op, inputs.begin(), params, out);
}

Tensor transposed(const Tensor& t) {
  return alias(t, {t.size(1), t.size(0)}, {t.stride(1), t.stride(0)}, t.offset());
}
Tensor filled(const Dims& shape, DType t, double v) {
  Tensor x = empty(shape, t);
  fill_elements(x, Scalar(v));
  return x;
}

// The value `v` would have in type `t`.
Complex128 rounded(Complex128 v, DType t) {
  char bytes[16];
  store_scalar(bytes, t, Scalar(v));
  return item_at(bytes, t).to<Complex128>();
}

const char* say(const Tensor& a, const Tensor& b, const Tensor& out) {
  static std::string text;
  text = str(name(a.dtype()), a.sizes(), a.strides(), " ", name(b.dtype()), b.sizes(), b.strides(),
             " -> ", name(out.dtype()), out.sizes(), out.strides());
  return text.c_str();
}

void expect_sum(const Tensor& r, const Tensor& a, const Tensor& b, DType computed) {
  for_each_index(r.sizes(), [&](const Dims& i) {
    const Complex128 sum = rounded(value_at(a, i), computed) + rounded(value_at(b, i), computed);
    EXPECT_IN(value_at(r, i) == rounded(rounded(sum, computed), r.dtype()), "%s at %s",
              say(a, b, r), str(i).c_str());
  });
}

}  // namespace

TEST(pointwise_random_layouts) {
  Random random(11);
  for (int round = 0; round < 2500; ++round) {
    const Dims shape = random_shape(random, 5, round % 50 == 0 ? 300 : 40);
    if (product(shape) > 400000) continue;
    const DType ta = kAllTypes[random.below(kDTypes)];
    const DType tb = random.chance(60) ? ta : kAllTypes[random.below(kDTypes)];
    const Tensor a = random_layout(random_smaller(shape, random), ta, random);
    const Tensor b = random_layout(shape, tb, random);
    const DType type = result_type(a, b);
    if (type == DType::Bool) {
      EXPECT_THROW(run(add_op, {&a, &b}), "\"add\" not implemented for 'Bool'");
      continue;
    }
    const Tensor r = run(add_op, {&a, &b});
    EXPECT(r.dtype() == type && r.sizes() == shape);
    expect_sum(r, a, b, type);
    const DType to = kAllTypes[random.below(kDTypes)];
    const Tensor out = random_layout(shape, to, random);
    if (!can_cast(type, to)) {
      EXPECT_THROW(run(add_op, {&a, &b}, &out), "can't be cast to the desired output type");
      continue;
    }
    run(add_op, {&a, &b}, &out);
    expect_sum(out, a, b, type);
    if (can_cast(type, tb)) {
      const Tensor before = clone_elements(b);
      run(add_op, {&b, &a}, &b);
      expect_sum(b, before, a, type);
    }
  }
}

TEST(pointwise_comparison_and_condition) {
  Random random(12);
  for (int round = 0; round < 800; ++round) {
    const Dims shape = random_shape(random, 4, 60);
    const DType t = kAllTypes[random.below(kDTypes)], u = kAllTypes[random.below(kDTypes)];
    const Tensor a = random_layout(random_smaller(shape, random), t, random);
    const Tensor b = random_layout(shape, u, random);
    const Tensor c = random_layout(random_smaller(shape, random), DType::Bool, random);
    const Tensor s = run(select_op, {&c, &a, &b});
    EXPECT(s.dtype() == result_type(a, b));
    for_each_index(shape, [&](const Dims& i) {
      const Tensor& from = value_at(c, i) != Complex128(0) ? a : b;
      EXPECT(value_at(s, i) == rounded(value_at(from, i), s.dtype()));
    });
    if (is_complex(result_type(a, b))) {
      EXPECT_THROW(run(less_op, {&a, &b}), "\"less\" not implemented for 'Complex");
      const Tensor r = run(real_op, {&s});
      EXPECT(r.dtype() == to_real(s.dtype()));
      for_each_index(shape,
                     [&](const Dims& i) { EXPECT(value_at(r, i) == value_at(s, i).real()); });
      continue;
    }
    const Tensor m = run(less_op, {&a, &b});
    EXPECT(m.dtype() == DType::Bool);
    for_each_index(shape, [&](const Dims& i) {
      const bool less = value_at(a, i).real() < value_at(b, i).real();
      EXPECT(value_at(m, i) == Complex128(less));
    });
  }
}

TEST(pointwise_numbers) {
  const Tensor f = filled({3, 4}, DType::Float32, 1), i = filled({3, 4}, DType::Int32, 1);
  const Tensor h = filled({3, 4}, DType::Float16, 1), d0 = filled({}, DType::Float64, 2);
  const Tensor two = number_tensor(2), half = number_tensor(0.5), flag = number_tensor(true);
  const Tensor complex_one = number_tensor(Complex128(0, 1));
  EXPECT(run(add_op, {&f, &two}).dtype() == DType::Float32);
  EXPECT(run(add_op, {&i, &two}).dtype() == DType::Int32);
  EXPECT(run(add_op, {&i, &half}).dtype() == DType::Float32);
  EXPECT(run(add_op, {&half, &i}).data<float>()[5] == 1.5f);
  EXPECT(run(add_op, {&f, &d0}).dtype() == DType::Float32);
  EXPECT(run(add_op, {&f, &d0}).data<float>()[11] == 3.0f);
  EXPECT(run(add_op, {&i, &d0}).dtype() == DType::Float64);
  EXPECT(run(add_op, {&h, &d0}).dtype() == DType::Float16);
  EXPECT(run(add_op, {&h, &complex_one}).dtype() == DType::Complex64);
  EXPECT(run(add_op, {&d0, &complex_one}).dtype() == DType::Complex128);
  EXPECT(run(add_op, {&i, &flag}).data<int32_t>()[0] == 2);
  EXPECT(run(add_op, {&d0, &half}).dtype() == DType::Float64);
  // Numbers alone give a number, in double precision, which promotes as one again.
  const Tensor number = run(add_op, {&two, &half});
  EXPECT(number->is_number && number.dtype() == DType::Float64);
  const Tensor big = filled({5000}, DType::Float32, 1);
  const Tensor r = run(add_op, {&big, &half});
  for (int64_t k = 0; k < 5000; ++k) EXPECT(r.data<float>()[k] == 1.5f);
  const Scalar params[] = {Scalar(2), Scalar(0.25)};
  EXPECT(run(scale_op, {&i}, nullptr, params).dtype() == DType::Float32);
  EXPECT(run(scale_op, {&i}, nullptr, params).data<float>()[3] == 2.25f);
  EXPECT(value_at(run(scale_op, {&h}, nullptr, params), {1, 1}) == 2.25);
  const Scalar complex_params[] = {Scalar(Complex128(0, 1)), Scalar(1)};
  EXPECT_THROW(run(scale_op, {&f}, nullptr, complex_params), "not implemented for 'ComplexFloat'");
  const Tensor b1 = filled({3}, DType::Bool, 1), x0 = filled({}, DType::Float32, 3);
  const Tensor y0 = filled({}, DType::Float32, 4);
  EXPECT(run(select_op, {&b1, &x0, &y0}).sizes() == Dims{3});
  EXPECT(run(select_op, {&b1, &x0, &y0}).data<float>()[2] == 3);
  EXPECT(run(add_op, {&x0, &y0}).dim() == 0 && run(add_op, {&x0, &y0}).data<float>()[0] == 7);
}

TEST(pointwise_result_layout) {
  const Dims shape{2, 3, 4, 5};
  const Tensor last = empty_strided(shape, channels_last_strides(shape), DType::Float32);
  const Tensor first = empty(shape, DType::Float32), bias = empty({3, 1, 1}, DType::Float32);
  fill_elements(last, 1), fill_elements(first, 1), fill_elements(bias, 1);
  EXPECT(run(add_op, {&last, &last}).strides() == last.strides());
  EXPECT(run(add_op, {&last, &bias}).strides() == last.strides());
  EXPECT(run(add_op, {&bias, &last}).strides() == last.strides());
  EXPECT(run(add_op, {&last, &first}).strides() == last.strides());
  EXPECT(run(add_op, {&first, &last}).is_contiguous());
  EXPECT(run(add_op, {&first, &bias}).is_contiguous());
  const Tensor t = transposed(empty({7, 9}, DType::Float32));
  EXPECT(run(add_op, {&t, &t}).strides() == t.strides());
  const Tensor one = number_tensor(1);
  EXPECT(run(add_op, {&t, &one}).strides() == t.strides());
}

TEST(pointwise_out_rules) {
  const Tensor a = filled({2, 2}, DType::Float32, 1), one = filled({1}, DType::Float32, 1);
  const Tensor l = filled({2, 2}, DType::Int64, 1);
  EXPECT_THROW(run(add_op, {&one, &a}, &one),
               "output with shape [1] doesn't match the broadcast shape [2, 2]");
  EXPECT_THROW(run(add_op, {&l, &a}, &l),
               "result type Float can't be cast to the desired output type Long");
  const Tensor row = alias(a, {2}, {1}, 0);
  EXPECT_THROW(run(add_op, {&a, &row}, &a), "some elements of the input tensor");
  const Tensor at = transposed(a);
  EXPECT_THROW(run(add_op, {&a, &at}, &a), "some elements of the input tensor");
  const Tensor wide = alias(one, {2, 2}, {0, 0}, 0);
  EXPECT_THROW(run(add_op, {&a, &a}, &wide), "more than one element of the written-to tensor");
}

TEST(pointwise_out_is_resized) {
  static int warnings;
  warnings = 0;
  warn_hook = [](const char* message) { warnings += std::strstr(message, "shape [3]") != nullptr; };
  const Tensor a = filled({2, 2}, DType::Float32, 1);
  const Tensor none = empty({0}, DType::Float64), three = empty({3}, DType::Float32);
  run(add_op, {&a, &a}, &none);
  EXPECT(none.sizes() == a.sizes() && none.data<double>()[3] == 2 && warnings == 0);
  run(add_op, {&a, &a}, &three);
  EXPECT(three.sizes() == a.sizes() && three.data<float>()[3] == 2 && warnings == 1);
  warn_hook = nullptr;
}

TEST(pointwise_meta) {
  const Tensor m = empty({2, 1}, DType::Float32, kMeta), n = empty({3}, DType::Int32, kMeta);
  const Tensor c = empty({3}, DType::Float32), two = number_tensor(2);
  const Tensor r = run(add_op, {&m, &n});
  EXPECT(r.is_meta() && r.sizes() == (Dims{2, 3}) && r.dtype() == DType::Float32);
  EXPECT(run(add_op, {&m, &two}).is_meta());
  EXPECT_THROW(run(add_op, {&m, &c}), "on the same device");
}

TEST(pointwise_large_any_thread_count) {
  const int before = num_threads();
  Random random(13);
  const Tensor a = empty({513, 700}, DType::Float32), b = empty({700, 513}, DType::Float32);
  const Tensor bias = empty({700}, DType::Float64);
  randomize(a, random), randomize(b, random), randomize(bias, random);
  const Tensor bt = transposed(b);
  for (int threads : {1, 2, 3}) {
    set_num_threads(threads);
    expect_sum(run(add_op, {&a, &bt}), a, bt, DType::Float32);
    expect_sum(run(add_op, {&a, &bias}), a, bias, DType::Float64);
    expect_sum(run(add_op, {&bt, &a}), bt, a, DType::Float32);
    const Tensor big = empty({9 << 20}, DType::Float32);
    float* p = big.data<float>();
    for (int64_t i = 0; i < big.numel(); ++i) p[i] = static_cast<float>(i & 0xFFFF);
    const Tensor sum = run(add_op, {&big, &big});
    for (int64_t i = 0; i < big.numel(); ++i) EXPECT(sum.data<float>()[i] == 2 * p[i]);
  }
  set_num_threads(before);
}
