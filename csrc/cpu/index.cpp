#include "cpu/index.h"

#include <cstring>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/thread_pool.h"

namespace flambeau {
namespace {

struct Bytes16 { uint64_t a, b; };

// Moves need only the size of an element.
template <class F>
decltype(auto) visit_item(int64_t item, F&& f) {
  switch (item) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    case 8: return f.template operator()<uint64_t>();
    default: return f.template operator()<Bytes16>();
  }
}

// Dimensions with those of size 1 dropped and neighbours that are walked as one merged.
struct Walk {
  Dims sizes, strides;
  int64_t count = 1;

  Walk(const Dims& s, const Dims& t) {
    for (size_t d = 0; d < s.size(); ++d) {
      count *= s[d];
      if (s[d] == 1) continue;
      if (!sizes.empty() && strides.back() == s[d] * t[d]) {
        sizes.back() *= s[d];
        strides.back() = t[d];
      } else {
        sizes.push_back(s[d]);
        strides.push_back(t[d]);
      }
    }
  }
  int64_t offset(int64_t i) const {
    if (sizes.size() == 1) return i * strides[0];
    int64_t o = 0;
    for (size_t d = sizes.size(); d-- > 0;) {
      o += i % sizes[d] * strides[d];
      i /= sizes[d];
    }
    return o;
  }
};

// The dimensions after the index: rows along the last of them.
struct Rows {
  Walk outer;
  int64_t length = 1, step = 1;

  explicit Rows(const Walk& after) : outer(Dims(), Dims()) {
    if (after.sizes.empty()) {
      outer.count = after.count;  // 0 or 1
      return;
    }
    length = after.sizes.back();
    step = after.strides.back();
    Dims s = after.sizes, t = after.strides;
    s.pop_back();
    t.pop_back();
    outer = Walk(s, t);
  }
};

template <class T>
void copy_row(T* to, int64_t to_step, const T* from, int64_t from_step, int64_t n) {
  if (to_step == 1 && from_step == 1) {
    std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }
}

int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(1, work));
}

// Runs `segment(b, r, c0, c1)` for pieces that never touch each other's elements: the positions
// before the index, the rows after it, and parts of long rows.
template <class F>
void for_disjoint(int64_t before, const Rows& rows, int64_t indices, F&& segment) {
  // Parts are wide: each walks over all rows, and short pieces of rows defeat the prefetcher.
  constexpr int64_t kPart = 32;
  const int64_t parts =
      std::clamp<int64_t>(rows.length / kPart, 1, num_threads() > 1 ? 2 * num_threads() : 1);
  const int64_t per_part = (rows.length + parts - 1) / parts;
  const int64_t units = before * rows.outer.count;
  const bool split = units < 64 && units * rows.length * indices >= 2 * kParallelGrain;
  const int64_t pieces = split ? parts : 1;
  const int64_t width = split ? per_part : rows.length;
  parallel_for(units * pieces, grain_for(width * indices), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end;) {
      // Neighbouring parts of one row go together.
      const int64_t unit = u / pieces, first = u % pieces;
      const int64_t last = std::min(pieces, first + (end - u));
      const int64_t c0 = first * width, c1 = std::min(rows.length, last * width);
      if (c0 < c1) segment(unit / rows.outer.count, unit % rows.outer.count, c0, c1);
      u += last - first;
    }
  });
}

struct Target {
  Walk before;
  Rows rows;
  int64_t indices, row_stride, block;  // block: elements after the index
  const int64_t* table;

  explicit Target(const Windows& w)
      : before(w.before, w.before_strides),
        rows(Walk(w.after, w.after_strides)),
        indices(w.table.numel()),
        row_stride(rows.length),
        block(rows.outer.count * rows.length),
        table(w.table.data<int64_t>()) {}
  int64_t total() const { return before.count * indices * block; }
};

}  // namespace

Dims Windows::sizes() const {
  Dims all = before;
  all.append(index_sizes.begin(), index_sizes.end());
  all.append(after.begin(), after.end());
  return all;
}

namespace {

void add_to_table(int64_t* table, const Tensor& index, const Dims& sizes, int64_t n, int64_t dim,
                  int64_t size, int64_t stride) {
  if (index.numel() == 0) return;
  const Tensor flat = contiguous(to_dtype(index, DType::Int64));
  const int64_t* p = flat.data<int64_t>();
  auto checked = [&](int64_t i) {
    const int64_t wrapped = i < 0 ? i + size : i;
    FB_CHECK_INDEX(static_cast<uint64_t>(wrapped) < static_cast<uint64_t>(size), "index ", i,
                   " is out of bounds for dimension ", dim, " with size ", size);
    return wrapped * stride;
  };
  if (flat.sizes() == sizes) {
    for (int64_t k = 0; k < n; ++k) table[k] += checked(p[k]);
    return;
  }
  // Broadcast: the index's own strides, 0 where it is stretched.
  Dims strides(sizes.size(), 0);
  const size_t shift = sizes.size() - flat.sizes().size();
  for (size_t d = shift; d < sizes.size(); ++d) {
    strides[d] = flat.size(static_cast<int64_t>(d - shift)) == 1
                     ? 0
                     : flat.stride(static_cast<int64_t>(d - shift));
  }
  const Walk walk(sizes, strides);
  for (int64_t k = 0; k < n; ++k) table[k] += checked(p[walk.offset(k)]);
}

std::string shapes_of(const TensorList& indices) {
  std::string text;
  for (const Tensor& t : indices) {
    if (t.defined()) text += str(text.empty() ? "" : ", ", t.sizes());
  }
  return text;
}

Dims broadcast_indices(const TensorList& indices) {
  Dims sizes;
  for (const Tensor& t : indices) {
    if (!t.defined()) continue;
    const Dims& own = t.sizes();
    if (own.size() > sizes.size()) {
      Dims longer(own.size() - sizes.size(), 1);
      longer.append(sizes.begin(), sizes.end());
      sizes = longer;
    }
    const size_t shift = sizes.size() - own.size();
    for (size_t d = 0; d < own.size(); ++d) {
      int64_t& s = sizes[d + shift];
      if (s == 1) s = own[d];
      FB_CHECK_INDEX(own[d] == s || own[d] == 1,
                     "shape mismatch: indexing tensors could not be "
                     "broadcast together with shapes ",
                     shapes_of(indices));
    }
  }
  return sizes;
}

}  // namespace

Windows windows_of_indices(const Tensor& self, const TensorList& indices) {
  Windows w;
  w.index_sizes = broadcast_indices(indices);
  const int64_t given = static_cast<int64_t>(indices.size());
  int64_t first = -1, last = -1, defined = 0;
  for (int64_t d = 0; d < given; ++d) {
    if (!indices[d].defined()) continue;
    if (first < 0) first = d;
    last = d;
    ++defined;
  }
  const bool adjacent = defined > 0 && last - first + 1 == defined;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d < given && indices[d].defined()) continue;
    const bool front = adjacent && d < first;
    (front ? w.before : w.after).push_back(self.size(d));
    (front ? w.before_strides : w.after_strides).push_back(self.stride(d));
  }
  const int64_t n = checked_numel(w.index_sizes, 8, "index");
  w.table = empty({n}, DType::Int64);
  if (self.is_meta()) return w;
  int64_t* table = w.table.data<int64_t>();
  if (n) std::memset(table, 0, static_cast<size_t>(n) * 8);
  for (int64_t d = 0; d < given; ++d) {
    if (!indices[d].defined()) continue;
    FB_CHECK(!indices[d].is_meta(), "index: the indices are on the meta device and have no values");
    add_to_table(table, indices[d], w.index_sizes, n, d, self.size(d), self.stride(d));
  }
  return w;
}

Windows windows_of_dim(const Tensor& self, int64_t dim, const Tensor& index, const char* op) {
  Windows w;
  for (int64_t d = 0; d < self.dim(); ++d) {
    if (d == dim) continue;
    (d < dim ? w.before : w.after).push_back(self.size(d));
    (d < dim ? w.before_strides : w.after_strides).push_back(self.stride(d));
  }
  const int64_t n = index.numel();
  w.index_sizes = {n};
  w.table = empty({n}, DType::Int64);
  if (self.is_meta() || n == 0) return w;
  const int64_t size = self.dim() ? self.size(dim) : 1, stride = self.dim() ? self.stride(dim) : 0;
  const Tensor flat = contiguous(to_dtype(index, DType::Int64));
  const int64_t* p = flat.data<int64_t>();
  int64_t* table = w.table.data<int64_t>();
  for (int64_t k = 0; k < n; ++k) {
    FB_CHECK_INDEX(static_cast<uint64_t>(p[k]) < static_cast<uint64_t>(size), op, "(): index ",
                   p[k], " is out of bounds for dimension ", dim, " with size ", size,
                   " (index out of range in self)");
    table[k] = p[k] * stride;
  }
  return w;
}

namespace {

template <class T>
void get_typed(const Target& t, const T* from, T* out) {
  if (t.block == 1) {
    parallel_for(t.before.count * t.indices, kParallelGrain, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end;) {
        const int64_t b = u / t.indices, i0 = u % t.indices;
        const int64_t i1 = std::min(t.indices, i0 + (end - u));
        const T* base = from + t.before.offset(b);
        T* o = out + b * t.indices;
        for (int64_t i = i0; i < i1; ++i) o[i] = base[t.table[i]];
        u += i1 - i0;
      }
    });
    return;
  }
  parallel_for(t.before.count * t.indices, grain_for(t.block), [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const T* base = from + t.before.offset(u / t.indices) + t.table[u % t.indices];
      T* o = out + u * t.block;
      for (int64_t r = 0; r < t.rows.outer.count; ++r, o += t.rows.length) {
        copy_row(o, 1, base + t.rows.outer.offset(r), t.rows.step, t.rows.length);
      }
    }
  });
}

template <class T>
void put_typed(const Target& t, T* to, const T* values, bool repeat) {
  if (t.block == 1) {
    parallel_for(t.before.count, grain_for(t.indices), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        T* base = to + t.before.offset(b);
        const T* v = repeat ? values : values + b * t.indices;
        for (int64_t i = 0; i < t.indices; ++i) base[t.table[i]] = v[repeat ? 0 : i];
      }
    });
    return;
  }
  for_disjoint(
      t.before.count, t.rows, t.indices, [&](int64_t b, int64_t r, int64_t c0, int64_t c1) {
        T* base = to + t.before.offset(b) + t.rows.outer.offset(r) + c0 * t.rows.step;
        const T* v = repeat ? values : values + b * t.indices * t.block + r * t.rows.length + c0;
        for (int64_t i = 0; i < t.indices; ++i) {
          copy_row(base + t.table[i], t.rows.step, repeat ? v : v + i * t.block, repeat ? 0 : 1,
                   c1 - c0);
        }
      });
}

}  // namespace

void windows_get(const Windows& w, const Tensor& self, const Tensor& out) {
  const Target t(w);
  if (t.total() == 0) return;
  const void* from = self.raw();
  void* to = out.raw();
  const int64_t item = self.itemsize();
  BlockingRegion region(t.total() > kBlockingWork);
  visit_item(item,
             [&]<class T>() { get_typed(t, static_cast<const T*>(from), static_cast<T*>(to)); });
}

void windows_put(const Windows& w, const Tensor& self, const Tensor& values) {
  const Target t(w);
  if (t.total() == 0) return;
  void* to = self.raw();
  const void* from = values.raw();
  const bool repeat = values.numel() == 1;
  const int64_t item = self.itemsize();
  BlockingRegion region(t.total() > kBlockingWork);
  visit_item(item, [&]<class T>() {
    put_typed(t, static_cast<T*>(to), static_cast<const T*>(from), repeat);
  });
}

void windows_reduce(const Windows& w, const Tensor& self, const Tensor& values, RowOp op) {
  const Target t(w);
  if (t.total() == 0) return;
  const RowFn row = find_row_op(static_cast<int>(self.dtype()), op);
  const PlaceFn place = find_place_op(static_cast<int>(self.dtype()), op);
  FB_CHECK(row && place, "index: this reduction is not defined for ", self.dtype());
  char* to = static_cast<char*>(self.raw());
  const char* from = static_cast<const char*>(values.raw());
  const int64_t item = self.itemsize(), step = values.numel() == 1 ? 0 : 1;
  BlockingRegion region(t.total() > kBlockingWork);
  if (t.block == 1) {
    parallel_for(t.before.count, grain_for(t.indices), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        place(to + t.before.offset(b) * item, nullptr, t.table, 1, INT64_MAX,
              from + step * b * t.indices * item, step, t.indices);
      }
    });
    return;
  }
  for_disjoint(
      t.before.count, t.rows, t.indices, [&](int64_t b, int64_t r, int64_t c0, int64_t c1) {
        char* base = to + (t.before.offset(b) + t.rows.outer.offset(r) + c0 * t.rows.step) * item;
        const char* v = from + step * (b * t.indices * t.block + r * t.rows.length + c0) * item;
        for (int64_t i = 0; i < t.indices; ++i) {
          row(base + t.table[i] * item, t.rows.step, v + step * i * t.block * item, step, c1 - c0);
        }
      });
}

// ---- lines along one dimension

namespace {

// index as outer x count x inner; inner positions of self through a table when there are several.
struct Lines {
  Walk outer;
  int64_t count = 1, inner = 1, scale = 0, bound = 1;
  std::vector<int64_t> places;  // of self, one per inner position
  const int64_t* index;
  int64_t dim;
  const char* op;

  Lines(const Tensor& self, int64_t d, const Tensor& index_tensor, const char* name)
      : outer(Dims(), Dims()), index(index_tensor.data<int64_t>()), dim(d), op(name) {
    if (self.dim() == 0) {
      count = index_tensor.numel();
      return;
    }
    Dims before, before_strides, after, after_strides;
    for (int64_t k = 0; k < index_tensor.dim(); ++k) {
      if (k < d) {
        before.push_back(index_tensor.size(k));
        before_strides.push_back(self.stride(k));
      } else if (k > d) {
        after.push_back(index_tensor.size(k));
        after_strides.push_back(self.stride(k));
      }
    }
    outer = Walk(before, before_strides);
    const Walk rest(after, after_strides);
    inner = rest.count;
    count = index_tensor.dim() ? index_tensor.size(d) : 1;
    scale = self.stride(d);
    bound = self.size(d);
    if (inner > 1) {
      places.resize(static_cast<size_t>(inner));
      for (int64_t j = 0; j < inner; ++j) places[static_cast<size_t>(j)] = rest.offset(j);
    }
  }
  int64_t total() const { return outer.count * count * inner; }

  [[noreturn, gnu::noinline]] void fail_index(int64_t value) const {
    fail(ErrorKind::Runtime, op, "(): index ", value, " is out of bounds for dimension ", dim,
         " with size ", bound);
  }

  // Calls run(o, position in index, inner position, n) for pieces that do not share elements of
  // self: all of a line's indices are in one piece. run returns n or the place of a bad index.
  template <class F>
  void each(F&& run) const {
    if (inner == 1) {
      parallel_for(outer.count, grain_for(count), [&](int64_t begin, int64_t end) {
        for (int64_t o = begin; o < end; ++o) {
          const int64_t at = o * count, done = run(outer.offset(o), at, nullptr, count);
          if (done != count) fail_index(index[at + done]);
        }
      });
      return;
    }
    constexpr int64_t kPart = 256;
    const int64_t parts = (inner + kPart - 1) / kPart;
    parallel_for(outer.count * parts, grain_for(count * std::min(kPart, inner)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t u = begin; u < end; ++u) {
                     const int64_t o = u / parts, j = u % parts * kPart,
                                   n = std::min(kPart, inner - j);
                     const int64_t base = outer.offset(o);
                     for (int64_t k = 0; k < count; ++k) {
                       const int64_t at = (o * count + k) * inner + j;
                       const int64_t done = run(base, at, places.data() + j, n);
                       if (done != n) fail_index(index[at + done]);
                     }
                   }
                 });
  }
};

template <class T>
int64_t gather_run(const T* from, const int64_t* places, const int64_t* index, int64_t scale,
                   int64_t bound, T* out, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const int64_t i = index[j];
    if (static_cast<uint64_t>(i) >= static_cast<uint64_t>(bound)) [[unlikely]]
      return j;
    out[j] = from[(places ? places[j] : 0) + i * scale];
  }
  return n;
}

template <class T>
int64_t put_run(T* to, const int64_t* places, const int64_t* index, int64_t scale, int64_t bound,
                const T* from, int64_t from_step, int64_t n) {
  for (int64_t j = 0; j < n; ++j) {
    const int64_t i = index[j];
    if (static_cast<uint64_t>(i) >= static_cast<uint64_t>(bound)) [[unlikely]]
      return j;
    to[(places ? places[j] : 0) + i * scale] = from[j * from_step];
  }
  return n;
}

}  // namespace

void lines_gather(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& out,
                  const char* op) {
  const Lines lines(self, dim, index, op);
  if (lines.total() == 0) return;
  const void* from = self.raw();
  void* to = out.raw();
  const int64_t item = self.itemsize();
  BlockingRegion region(lines.total() > kBlockingWork);
  visit_item(item, [&]<class T>() {
    lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
      return gather_run(static_cast<const T*>(from) + base, places, lines.index + at, lines.scale,
                        lines.bound, static_cast<T*>(to) + at, n);
    });
  });
}

void lines_put(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
               const char* op) {
  const Lines lines(self, dim, index, op);
  if (lines.total() == 0) return;
  void* to = self.raw();
  const void* from = src.raw();
  const int64_t item = self.itemsize(), step = src.numel() == 1 ? 0 : 1;
  BlockingRegion region(lines.total() > kBlockingWork);
  visit_item(item, [&]<class T>() {
    lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
      return put_run(static_cast<T*>(to) + base, places, lines.index + at, lines.scale, lines.bound,
                     static_cast<const T*>(from) + at * step, step, n);
    });
  });
}

void lines_reduce(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                  RowOp reduce, const char* op) {
  const Lines lines(self, dim, index, op);
  if (lines.total() == 0) return;
  const PlaceFn place = find_place_op(static_cast<int>(self.dtype()), reduce);
  FB_CHECK(place, op, "(): this reduction is not defined for ", self.dtype());
  char* to = static_cast<char*>(self.raw());
  const char* from = static_cast<const char*>(src.raw());
  const int64_t item = self.itemsize(), step = src.numel() == 1 ? 0 : 1;
  BlockingRegion region(lines.total() > kBlockingWork);
  lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
    return place(to + base * item, places, lines.index + at, lines.scale, lines.bound,
                 from + at * step * item, step, n);
  });
}

}  // namespace flambeau
