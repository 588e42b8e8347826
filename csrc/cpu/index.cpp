#include "cpu/index.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "core/blocking.h"
#include "cpu/copy.h"
#include "cpu/iterate.h"
#include "cpu/kernels/rearrange.h"
#include "cpu/thread_pool.h"
#include "cpu/visit_item.h"

namespace flambeau {
namespace {

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

// Rows that lie together. A call costs more than moving a short one.
inline void copy_bytes(char* to, const char* from, int64_t n) {
  if (n > 256) {
    if (n < 4096) return copy_row(to, from, n);
    std::memcpy(to, from, static_cast<size_t>(n));
    return;
  }
  if (n >= 16) {
    for (int64_t i = 0; i + 16 <= n; i += 16) std::memcpy(to + i, from + i, 16);
    std::memcpy(to + n - 16, from + n - 16, 16);
  } else if (n >= 8) {
    std::memcpy(to, from, 8);
    std::memcpy(to + n - 8, from + n - 8, 8);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i];
  }
}

template <class T>
void copy_items(T* to, int64_t to_step, const T* from, int64_t from_step, int64_t n) {
  if (to_step == 1 && from_step == 1) {
    copy_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from),
               n * static_cast<int64_t>(sizeof(T)));
  } else if (to_step == 1 && from_step == 0) {
    std::fill_n(to, n, *from);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
  }
}

constexpr int64_t kAhead = 8;  // rows whose first bytes are fetched before they are needed

int64_t grain_for(int64_t work) {
  return std::max<int64_t>(1, kParallelGrain / std::max<int64_t>(1, work));
}

// Parts of a row of `length` elements. They are wide: each walks over all rows, short pieces defeat
// the prefetcher, and processors fetch lines in pairs, which two of them would wrest from each
// other.
int64_t row_pieces(int64_t length) {
  constexpr int64_t kPart = 32;
  return std::clamp<int64_t>(length / kPart, 1, num_threads() > 1 ? 2 * num_threads() : 1);
}

// Runs `segment(b, r, c0, c1)` for pieces that never touch each other's elements: the positions
// before the index, the rows after it, and parts of long rows.
template <class F>
void for_disjoint(int64_t before, const Rows& rows, int64_t indices, F&& segment) {
  const int64_t parts = row_pieces(rows.length);
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

// The entries of a table by the part of memory that they lead to. Rows lie in one part, so that
// threads which take parts never meet, and what a part receives keeps its order.
class Parts {
 public:
  // Worth it, and possible: one index before rows of neighbours.
  static bool fit(const Target& t) {
    return t.before.count == 1 && t.rows.outer.count == 1 && t.rows.step == 1 && t.block >= 8 &&
           t.total() >= 2 * kParallelGrain && t.indices >= 64;
  }
  // `span`: elements of memory that the rows may lie in. Few parts read their sources in longer
  // runs; `least` of them keep a part in the second-level cache.
  Parts(const Target& t, int64_t span, int64_t least = 0) : block_(t.block) {
    const int64_t wanted = std::clamp<int64_t>(4 * num_threads(), std::min(least, kMost), kMost);
    while ((span - 1) >> shift_ >= 2 * wanted) ++shift_;
    count_ = ((span - 1) >> shift_) + 1;
    order_.reset(new int64_t[static_cast<size_t>(t.indices)]);
    for (int64_t i = 0; i < t.indices; ++i) ++start_[(t.table[i] >> shift_) + 1];
    for (int64_t p = 0; p < count_; ++p) {
      largest_ = std::max(largest_, start_[p + 1]);
      start_[p + 1] += start_[p];
    }
    int64_t next[2 * kMost];
    std::copy_n(start_, count_, next);
    for (int64_t i = 0; i < t.indices; ++i) order_[next[t.table[i] >> shift_]++] = i;
  }
  // One part has so much that others would wait for it.
  bool uneven() const { return 4 * largest_ > start_[count_]; }
  // Calls f(first element, end, entries, their number) for every part. Where rows fill the span,
  // the elements are those of the rows that begin in the part.
  template <class F>
  void each(int64_t span, F&& f) const {
    const auto first = [&](int64_t p) {
      return std::min(span, ((p << shift_) + block_ - 1) / block_ * block_);
    };
    parallel_for(count_, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        f(first(p), first(p + 1), order_.get() + start_[p], start_[p + 1] - start_[p]);
    });
  }

 private:
  static constexpr int64_t kMost = 64;
  int64_t block_, count_, largest_ = 0, start_[2 * kMost + 1] = {};
  int shift_ = 0;
  std::unique_ptr<int64_t[]> order_;
};

constexpr int64_t kNear = 256 * 1024;  // bytes that stay in a core's own cache

// True iff one thread should take all rows, which lead to so many bytes: in order, those that are
// read lie one behind the other, and none of the memory comes from another core's cache.
bool in_order(const Target& t, int64_t bytes, int64_t item) {
  return bytes <= kNear && t.block * item < 512;
}

int64_t span_of(const Target& t) {
  int64_t last = 0;
  for (int64_t i = 0; i < t.indices; ++i) last = std::max(last, t.table[i]);
  return last + t.block;
}

}  // namespace

Dims Windows::sizes() const {
  Dims all = before;
  all.append(index_sizes.begin(), index_sizes.end());
  all.append(after.begin(), after.end());
  return all;
}

namespace {

// index_offsets(), shared among the threads. `fail` gets the first index that is out of range.
template <class Fail>
void offsets_of(int64_t* to, bool add, const int64_t* p, int64_t n, int64_t size, int64_t least,
                int64_t stride, const Fail& fail) {
  parallel_for(n, kParallelGrain, [&](int64_t begin, int64_t end) {
    if (index_offsets(to + begin, add, p + begin, end - begin, size, least, stride)) return;
    for (int64_t k = begin; k < end; ++k)
      if (p[k] < least || p[k] >= size) fail(p[k]);
  });
}

void put_offsets(int64_t* to, bool add, const int64_t* p, int64_t n, int64_t dim, int64_t size,
                 int64_t stride) {
  offsets_of(to, add, p, n, size, -size, stride, [&](int64_t i) {
    fail(ErrorKind::Index, "index ", i, " is out of bounds for dimension ", dim, " with size ",
         size);
  });
}

void add_to_table(int64_t* table, bool add, const Tensor& index, const Dims& sizes, int64_t n,
                  int64_t dim, int64_t size, int64_t stride) {
  if (index.numel() == 0) return;
  const Tensor flat = contiguous(to_dtype(index, DType::Int64));
  const int64_t* p = flat.data<int64_t>();
  if (flat.numel() == n) return put_offsets(table, add, p, n, dim, size, stride);
  // Broadcast: the index's own strides, 0 where it is stretched.
  const Tensor offsets = empty({flat.numel()}, DType::Int64);
  const int64_t* o = offsets.data<int64_t>();
  put_offsets(offsets.data<int64_t>(), false, p, flat.numel(), dim, size, stride);
  Dims strides(sizes.size(), 0);
  const size_t shift = sizes.size() - flat.sizes().size();
  for (size_t d = shift; d < sizes.size(); ++d) {
    strides[d] = flat.size(static_cast<int64_t>(d - shift)) == 1
                     ? 0
                     : flat.stride(static_cast<int64_t>(d - shift));
  }
  const Rows rows(Walk(sizes, strides));
  parallel_for(rows.outer.count, grain_for(rows.length), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int64_t* from = o + rows.outer.offset(r);
      int64_t* to = table + r * rows.length;
      for (int64_t k = 0; k < rows.length; ++k) to[k] = from[k * rows.step] + (add ? to[k] : 0);
    }
  });
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
  bool add = false;
  for (int64_t d = 0; d < given; ++d) {
    if (!indices[d].defined()) continue;
    FB_CHECK(!indices[d].is_meta(), "index: the indices are on the meta device and have no values");
    add_to_table(table, add, indices[d], w.index_sizes, n, d, self.size(d), self.stride(d));
    add = true;
  }
  if (!add) std::fill_n(table, n, int64_t{0});
  return w;
}

Windows windows_of_dim(const Tensor& self, int64_t dim, const Tensor& index, const char* op,
                       ErrorKind kind) {
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
  offsets_of(w.table.data<int64_t>(), false, flat.data<int64_t>(), n, size, 0, stride,
             [&](int64_t i) {
               fail(kind, op, "(): index ", i, " is out of bounds for dimension ", dim,
                    " with size ", size, " (index out of range in self)");
             });
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
    for (int64_t u = begin; u < end;) {
      const int64_t b = u / t.indices, i0 = u % t.indices;
      const int64_t i1 = std::min(t.indices, i0 + (end - u));
      const T* base = from + t.before.offset(b);
      T* o = out + u * t.block;
      u += i1 - i0;
      if (t.rows.outer.count == 1 && t.rows.step == 1) {
        gather_rows(reinterpret_cast<char*>(o), reinterpret_cast<const char*>(base), t.table + i0,
                    sizeof(T), i1 - i0, t.block * static_cast<int64_t>(sizeof(T)));
        continue;
      }
      for (int64_t i = i0; i < i1; ++i) {
        if (i + kAhead < i1) __builtin_prefetch(base + t.table[i + kAhead]);
        for (int64_t r = 0; r < t.rows.outer.count; ++r, o += t.rows.length)
          copy_items(o, 1, base + t.table[i] + t.rows.outer.offset(r), t.rows.step, t.rows.length);
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
  constexpr auto item = static_cast<int64_t>(sizeof(T));
  const auto put = [&](T* base, const T* v, const int64_t* entries, int64_t n, int64_t length) {
    if (t.rows.step == 1 && !repeat)
      return put_rows(reinterpret_cast<char*>(base), {t.table, entries, nullptr, n},
                      reinterpret_cast<const char*>(v), t.block * item, item, length * item);
    for (int64_t k = 0; k < n; ++k) {
      const int64_t i = entries ? entries[k] : k;
      copy_items(base + t.table[i], t.rows.step, repeat ? v : v + i * t.block, repeat ? 0 : 1,
                 length);
    }
  };
  if (Parts::fit(t)) {
    const int64_t span = span_of(t);
    if (in_order(t, span * item, item)) return put(to, values, nullptr, t.indices, t.block);
    const Parts parts(t, span);
    if (!parts.uneven())
      return parts.each(span, [&](int64_t, int64_t, const int64_t* entries, int64_t n) {
        put(to, values, entries, n, t.block);
      });
  }
  for_disjoint(t.before.count, t.rows, t.indices,
               [&](int64_t b, int64_t r, int64_t c0, int64_t c1) {
                 put(to + t.before.offset(b) + t.rows.outer.offset(r) + c0 * t.rows.step,
                     repeat ? values : values + b * t.indices * t.block + r * t.rows.length + c0,
                     nullptr, t.indices, c1 - c0);
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

namespace {

// `fresh`: self is contiguous and counts as zeros, whatever it holds. `source`, for one index
// before everything else: which block of values each index gets.
void reduce_windows(const Windows& w, const Tensor& self, const Tensor& values, RowOp op,
                    bool fresh, const int64_t* source) {
  const Target t(w);
  const RowsFn rows = find_rows_op(static_cast<int>(self.dtype()), op);
  const PlaceFn place = find_place_op(static_cast<int>(self.dtype()), op);
  FB_CHECK(t.total() == 0 || (rows && place), "index: this reduction is not defined for ",
           self.dtype());
  char* to = static_cast<char*>(self.raw());
  const char* from = static_cast<const char*>(values.raw());
  const int64_t item = self.itemsize(), step = values.numel() == 1 ? 0 : 1, n = self.numel();
  const bool by_parts = t.total() > 0 && Parts::fit(t);
  if (fresh && !by_parts) fill_elements(self, 0);
  if (t.total() == 0) return;
  BlockingRegion region(t.total() > kBlockingWork);
  if (by_parts) {
    const int64_t span = fresh ? n : span_of(t);
    const auto part = [&](int64_t e0, int64_t e1, const int64_t* entries, int64_t m) {
      if (fresh) std::memset(to + e0 * item, 0, static_cast<size_t>((e1 - e0) * item));
      rows(to, 1, {t.table, entries, source, m}, from, step * t.block, step, t.block);
    };
    if (in_order(t, span * item, item)) return part(0, span, nullptr, t.indices);
    const Parts parts(t, span, fresh ? n * item / kNear : 0);
    if (!parts.uneven()) return parts.each(span, part);
  }
  if (fresh && by_parts)
    parallel_for(n * item, 256 * 1024, [&](int64_t begin, int64_t end) {
      std::memset(to + begin, 0, static_cast<size_t>(end - begin));
    });
  if (t.block == 1 && !source) {
    parallel_for(t.before.count, grain_for(t.indices), [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        place(to + t.before.offset(b) * item, 0, t.table, 1, INT64_MAX,
              from + step * b * t.indices * item, step, t.indices);
      }
    });
    return;
  }
  for_disjoint(
      t.before.count, t.rows, t.indices, [&](int64_t b, int64_t r, int64_t c0, int64_t c1) {
        char* base = to + (t.before.offset(b) + t.rows.outer.offset(r) + c0 * t.rows.step) * item;
        const char* v = from + step * (b * t.indices * t.block + r * t.rows.length + c0) * item;
        rows(base, t.rows.step, {t.table, nullptr, source, t.indices}, v, step * t.block, step,
             c1 - c0);
      });
}

}  // namespace

void windows_reduce(const Windows& w, const Tensor& self, const Tensor& values, RowOp op) {
  reduce_windows(w, self, values, op, false, nullptr);
}

void windows_sum(const Windows& w, const Tensor& out, const Tensor& values, const int64_t* source) {
  reduce_windows(w, out, values, RowOp::Add, true, source);
}

// ---- lines along one dimension

namespace {

// index as outer x count x inner; inner positions of self through a table unless they are evenly
// spaced.
struct Lines {
  Walk outer;
  int64_t count = 1, inner = 1, scale = 0, bound = 1, step = 0;
  std::vector<int64_t> places;  // of self, one per inner position, where `step` does not say it
  const char* self_data;
  const int64_t* index;
  int64_t dim, item;
  const char* op;

  Lines(const Tensor& self, int64_t d, const Tensor& index_tensor, const char* name)
      : outer(Dims(), Dims()),
        self_data(static_cast<const char*>(self.raw())),
        index(index_tensor.data<int64_t>()),
        dim(d),
        item(self.itemsize()),
        op(name) {
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
    if (rest.sizes.size() == 1) step = rest.strides[0];
    if (rest.sizes.size() > 1) {
      places.resize(static_cast<size_t>(inner));
      for (int64_t j = 0; j < inner; ++j) places[static_cast<size_t>(j)] = rest.offset(j);
    }
  }
  int64_t total() const { return outer.count * count * inner; }

  [[noreturn, gnu::noinline]] void fail_index(int64_t value) const {
    fail(ErrorKind::Runtime, op, "(): index ", value, " is out of bounds for dimension ", dim,
         " with size ", bound);
  }

  // Inner positions that one thread takes together: what they can reach of self mostly stays in the
  // second-level cache, yet rows are walked in long pieces and there is a part for every thread.
  int64_t part() const {
    constexpr int64_t kReach = 1024 * 1024, kParts = 4;
    const int64_t near = kReach / std::max<int64_t>(1, bound * item);
    return std::max<int64_t>(16, std::min(near, inner * outer.count / kParts) / 16 * 16);
  }

  // True iff a line lies together, is short, and most of it will be used: places at random are
  // nothing that the processor sees coming.
  bool worth_fetching() const {
    return scale == 1 && bound * item <= 16 * 1024 && bound <= 4 * count && inner == 1;
  }
  void fetch_line(int64_t o) const {
    const char* line = self_data + outer.offset(o) * item;
    for (int64_t at = 0; at < bound * item; at += 64) __builtin_prefetch(line + at);
  }

  // Calls run(o, position in index, places, n) for pieces that do not share elements of self: all
  // of a line's indices are in one piece. run returns n or the place of a bad index.
  template <class F>
  void each(F&& run) const {
    if (inner == 1) {
      const bool fetch = worth_fetching();
      parallel_for(outer.count, grain_for(count), [&](int64_t begin, int64_t end) {
        for (int64_t o = begin; o < end; ++o) {
          if (fetch && o + 1 < end) fetch_line(o + 1);
          const int64_t at = o * count, done = run(outer.offset(o), at, nullptr, count);
          if (done != count) fail_index(index[at + done]);
        }
      });
      return;
    }
    const int64_t width = part(), parts = (inner + width - 1) / width;
    parallel_for(outer.count * parts, grain_for(count * std::min(width, inner)),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t u = begin; u < end; ++u) {
                     const int64_t o = u / parts, j = u % parts * width,
                                   n = std::min(width, inner - j);
                     const int64_t base = outer.offset(o) + j * step;
                     const int64_t* p = places.empty() ? nullptr : places.data() + j;
                     for (int64_t k = 0; k < count; ++k) {
                       const int64_t at = (o * count + k) * inner + j;
                       const int64_t done = run(base, at, p, n);
                       if (done != n) fail_index(index[at + done]);
                     }
                   }
                 });
  }
};

constexpr int64_t kIndexAhead = 256;

// Calls f(j, place) for n elements, f.operator()(j, places[j] or j * step, plus index[j] * scale).
// Four indices are checked by one branch. Returns n or where a bad index is.
template <class F>
int64_t for_places(const Lines& lines, const int64_t* places, const int64_t* index, int64_t n,
                   F&& f) {
  const int64_t step = lines.step, scale = lines.scale;
  const int64_t ahead = lines.inner == 1 ? kIndexAhead : 0;
  const auto run = [&](auto&& place) {
    const auto limit = static_cast<uint64_t>(lines.bound);
    const auto bad = [&](int64_t j) { return static_cast<uint64_t>(index[j]) >= limit; };
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      if (bad(j) | bad(j + 1) | bad(j + 2) | bad(j + 3)) [[unlikely]]
        break;
      __builtin_prefetch(index + j + ahead);
#pragma GCC unroll 4
      for (int64_t k = j; k < j + 4; ++k) f(k, place(k) + index[k] * scale);
    }
    for (; j < n; ++j) {
      if (bad(j)) [[unlikely]]
        return j;
      f(j, place(j) + index[j] * scale);
    }
    return n;
  };
  if (places) return run([=](int64_t j) { return places[j]; });
  if (step == 0) return run([](int64_t) { return int64_t{0}; });
  return run([=](int64_t j) { return j * step; });
}

}  // namespace

void lines_gather(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& out,
                  const char* op) {
  const Lines lines(self, dim, index, op);
  if (lines.total() == 0) return;
  const void* from = self.raw();
  void* to = out.raw();
  BlockingRegion region(lines.total() > kBlockingWork);
  visit_item(lines.item, [&]<class T>() {
    lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
      const T* p = static_cast<const T*>(from) + base;
      T* o = static_cast<T*>(to) + at;
      return for_places(lines, places, lines.index + at, n,
                        [=](int64_t j, int64_t place) { o[j] = p[place]; });
    });
  });
}

void lines_put(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
               const char* op) {
  const Lines lines(self, dim, index, op);
  if (lines.total() == 0) return;
  void* to = self.raw();
  const void* from = src.raw();
  const bool repeat = src.numel() == 1;
  BlockingRegion region(lines.total() > kBlockingWork);
  visit_item(lines.item, [&]<class T>() {
    const T* values = static_cast<const T*>(from);
    const T one = values[0];
    lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
      T* p = static_cast<T*>(to) + base;
      const T* v = values + at;
      const auto put = [&](auto&& value) {
        return for_places(lines, places, lines.index + at, n,
                          [=](int64_t j, int64_t place) { p[place] = value(j); });
      };
      return repeat ? put([=](int64_t) { return one; }) : put([=](int64_t j) { return v[j]; });
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
  const int64_t item = lines.item, step = src.numel() == 1 ? 0 : 1;
  BlockingRegion region(lines.total() > kBlockingWork);
  lines.each([&](int64_t base, int64_t at, const int64_t* places, int64_t n) {
    if (places) {  // uneven places, one by one
      for (int64_t j = 0; j < n; ++j)
        if (place(to + (base + places[j]) * item, 0, lines.index + at + j, lines.scale, lines.bound,
                  from + (at + j) * step * item, step, 1) != 1)
          return j;
      return n;
    }
    return place(to + base * item, lines.step, lines.index + at, lines.scale, lines.bound,
                 from + at * step * item, step, n);
  });
}

}  // namespace flambeau
