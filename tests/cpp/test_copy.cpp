#include "core/allocator.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "strided.h"
#include "testing.h"

using namespace flambeau;
using namespace flambeau::testing;

namespace {

// The bytes an element of src has after conversion to the type of dst.
void expect_converted(const Tensor& dst, const Tensor& src, const char* where) {
  for_each_index(dst.sizes(), [&](const Dims& index) {
    char wanted[16] = {};
    visit_dtype(src.dtype(), [&]<class From>() {
      From v;
      std::memcpy(&v, element(src, index), sizeof v);
      visit_dtype(dst.dtype(), [&]<class To>() {
        const To w = convert<To>(v);
        std::memcpy(wanted, &w, sizeof w);
      });
    });
    const bool same = std::memcmp(wanted, element(dst, index), dst.itemsize()) == 0;
    EXPECT_IN(same, "%s: %s to %s, shape %s at %s", where, name(src.dtype()), name(dst.dtype()),
              str(dst.sizes()).c_str(), str(index).c_str());
  });
}

Tensor transposed(const Tensor& t) {
  return alias(t, {t.size(1), t.size(0)}, {t.stride(1), t.stride(0)}, t.offset());
}

}  // namespace

TEST(copy_all_type_pairs) {
  Random random(1);
  for (DType from : kAllTypes) {
    for (DType to : kAllTypes) {
      for (int round = 0; round < 12; ++round) {
        const Dims shape = random_shape(random, 4, 70);
        const Tensor dst = random_layout(shape, to, random);
        const Tensor src = random_layout(random_smaller(shape, random), from, random);
        copy_elements(dst, src);
        expect_converted(dst, src, "copy");
      }
    }
  }
}

TEST(copy_special_values) {
  const double values[] = {0.0,  -0.0,   1.5,     -1.5,  255.9, -129.2,   3e9,
                           -3e9, 9.3e18, -9.3e18, 1e20,  1e300, INFINITY, -INFINITY,
                           NAN,  65504,  65519,   65520, 1e-8,  6e-8};
  for (DType from :
       {DType::Float32, DType::Float64, DType::Float16, DType::BFloat16, DType::Complex64}) {
    const Tensor src = empty({600}, from);
    for (int64_t i = 0; i < 600; ++i)
      store_scalar(element(src, {i}), from, Scalar(values[(i < 300 ? i : i * i) % 20]));
    for (DType to : kAllTypes) {
      const Tensor dst = empty({600}, to);
      copy_elements(dst, src);
      for (int64_t i = 0; i < 600; ++i) {
        // The sign of a NaN is free.
        if (!is_integral(to) && std::isnan(value_at(src, {i}).real())) {
          EXPECT(std::isnan(value_at(dst, {i}).real()));
          store_scalar(element(dst, {i}), to, Scalar(0.0));
          store_scalar(element(src, {i}), from, Scalar(0.0));
        }
      }
      expect_converted(dst, src, "special");
      for (int64_t i = 0; i < 600; ++i)
        store_scalar(element(src, {i}), from, Scalar(values[(i < 300 ? i : i * i) % 20]));
    }
  }
}

TEST(copy_large_transposed) {
  Random random(2);
  for (DType t : {DType::UInt8, DType::Int16, DType::Float32, DType::Float64, DType::Complex128}) {
    for (const Dims& shape : {Dims{300, 517}, Dims{64, 64}, Dims{1030, 129}, Dims{3, 5000}}) {
      const Tensor src = empty(shape, t), dst = empty({shape[1], shape[0]}, t);
      randomize(src, random);
      copy_elements(dst, transposed(src));
      expect_converted(dst, transposed(src), "transposed");
      // Rows that start anywhere.
      const Tensor wide = empty({shape[1] + 3, shape[0] + 5}, t);
      const Tensor window = alias(wide, dst.sizes(), wide.strides(), 2 * (shape[0] + 5) + 3);
      copy_elements(window, transposed(src));
      expect_converted(window, transposed(src), "transposed window");
    }
  }
}

TEST(copy_large_and_channels_last) {
  Random random(3);
  const Dims shape{4, 30, 41, 50};
  for (DType t : {DType::Float32, DType::Float16}) {
    const Tensor src = empty(shape, t);
    randomize(src, random);
    const Tensor dst = empty_strided(shape, channels_last_strides(shape), t);
    copy_elements(dst, src);
    expect_converted(dst, src, "to channels last");
    const Tensor back = contiguous(dst);
    expect_converted(back, src, "from channels last");
    const Tensor wide = to_dtype(dst, DType::Float64);
    EXPECT(wide.strides() == dst.strides());
    expect_converted(wide, src, "to_dtype");
  }
}

TEST(copy_streaming_sizes) {
  const int64_t n = (40 << 20) / 4 + 13;
  const Tensor a = empty({n}, DType::Int32), b = empty({n}, DType::Int32);
  for (int64_t i = 0; i < n; ++i) a.data<int32_t>()[i] = static_cast<int32_t>(i * 2654435761);
  copy_elements(b, a);
  EXPECT(std::memcmp(a.raw(), b.raw(), n * 4) == 0);
}

TEST(copy_overlapping) {
  const Tensor t = empty({1000}, DType::Float32);
  for (int64_t i = 0; i < 1000; ++i) t.data<float>()[i] = static_cast<float>(i);
  copy_elements(alias(t, {999}, {1}, 1), alias(t, {999}, {1}, 0));
  for (int64_t i = 1; i < 1000; ++i) EXPECT(t.data<float>()[i] == static_cast<float>(i - 1));
  const Tensor m = empty({20, 20}, DType::Float32);
  for (int64_t i = 0; i < 400; ++i) m.data<float>()[i] = static_cast<float>(i);
  copy_elements(m, transposed(m));
  for (int64_t i = 0; i < 400; ++i)
    EXPECT(m.data<float>()[i] == static_cast<float>(i % 20 * 20 + i / 20));
  EXPECT_THROW(copy_elements(alias(t, {2}, {0}, 0), alias(t, {2}, {1}, 5)), "single memory");
  EXPECT_THROW(copy_elements(alias(t, {2}, {1}, 0), alias(t, {3, 2}, {2, 1}, 0)),
               "output with shape [2] doesn't match the broadcast shape [3, 2]");
}

TEST(fill_layouts_and_ranges) {
  Random random(4);
  for (DType type : kAllTypes) {
    for (int round = 0; round < 20; ++round) {
      const Tensor t = random_layout(random_shape(random, 4, 90), type, random);
      fill_elements(t, Scalar(int64_t{7}));
      for_each_index(t.sizes(), [&](const Dims& index) {
        EXPECT(value_at(t, index) == Complex128(type == DType::Bool ? 1 : 7, 0));
      });
    }
  }
  auto fails = [](DType type, const Scalar& v) {
    bool thrown = false;
    try {
      fill_elements(empty({2}, type), v);
    } catch (const Error&) { thrown = true; }
    return thrown;
  };
  EXPECT(fails(DType::UInt8, 300) && fails(DType::UInt8, -300) && !fails(DType::UInt8, -1));
  EXPECT(fails(DType::Int8, 200) && !fails(DType::Int8, -128) && fails(DType::Int32, NAN));
  EXPECT(fails(DType::Float32, 1e300) && !fails(DType::Float32, INFINITY));
  EXPECT(fails(DType::Float16, 1e5) && fails(DType::Float32, Complex128(1, 2)));
  EXPECT(!fails(DType::Bool, 200) && !fails(DType::Complex64, Complex128(1, 2)));
  EXPECT(!fails(DType::Int64, INT64_MIN) && fails(DType::Int64, 1e19));
}
