// Einstein's notation, tensordot and chains of products: rearrangements that end in matmul.
#include <array>

#include "impl_matmul.h"
#include "ops/matmul_core.h"
#include "ops_matmul.h"
#include "ops_pointwise.h"
#include "ops_reduce.h"
#include "ops_shape.h"

namespace flambeau::impl {

namespace {

constexpr int kLetters = 52;
// A label: 0 to 51 for A-Z and a-z, from 52 on for the dimensions of the ellipsis.
using Labels = SmallVec<int, 8>;

struct Term {
  Tensor tensor;
  Labels labels;  // one for each dimension, all different
};

bool contains(const Labels& list, int label) {
  return std::find(list.begin(), list.end(), label) != list.end();
}
int position(const Labels& list, int label) {
  return static_cast<int>(std::find(list.begin(), list.end(), label) - list.begin());
}
std::string label_text(int label) {
  if (label >= kLetters) return "...";
  return std::string(1, static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26));
}

// What an equation says: for each operand its subscripts, kEllipsis among them.
constexpr int kEllipsis = -1;
struct Equation {
  std::vector<Labels> inputs;
  Labels output;
  bool explicit_output = false;
};

int letter_at(const std::string& text, size_t i) {
  const char c = text[i];
  const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';
  FB_CHECK(upper || lower, "einsum(): invalid subscript given at index ", i,
           " in the equation string, subscripts must be in [a-zA-Z]");
  return upper ? c - 'A' : c - 'a' + 26;
}

// Reads subscripts from `at` up to one of "," "-" or the end.
Labels read_subscripts(const std::string& text, size_t& at, const std::string& owner) {
  Labels labels;
  bool ellipsis = false;
  for (; at < text.size() && text[at] != ',' && text[at] != '-'; ++at) {
    if (text[at] == ' ') continue;
    if (text[at] == '.') {
      FB_CHECK(!ellipsis, "einsum(): found '.' for ", owner,
               " for which an ellipsis was already found");
      FB_CHECK(text.compare(at, 3, "...") == 0, "einsum(): found '.' for ", owner,
               " that is not part of any ellipsis");
      at += 2;
      ellipsis = true;
      labels.push_back(kEllipsis);
      continue;
    }
    labels.push_back(letter_at(text, at));
  }
  return labels;
}

Equation parse(const std::string& text, size_t operands) {
  Equation e;
  size_t at = 0;
  for (;;) {
    FB_CHECK(e.inputs.size() < operands,
             "einsum(): fewer operands were provided than specified in the equation");
    e.inputs.push_back(read_subscripts(text, at, str("operand ", e.inputs.size())));
    if (at == text.size() || text[at] != ',') break;
    ++at;
  }
  FB_CHECK(e.inputs.size() == operands,
           "einsum(): more operands were provided than specified in the equation");
  if (at == text.size()) return e;
  FB_CHECK(text.compare(at, 2, "->") == 0, "einsum(): invalid subscript given at index ", at,
           " in the equation string, subscripts must be in [a-zA-Z]");
  at += 2;
  e.explicit_output = true;
  e.output = read_subscripts(text, at, "the output");
  FB_CHECK(at == text.size(), "einsum(): invalid subscript given at index ", at,
           " in the equation string, subscripts must be in [a-zA-Z]");
  return e;
}

// Replaces the ellipsis by labels, numbered from the right, so that operands align there.
Labels expand_ellipsis(const Labels& given, int64_t dims) {
  Labels labels;
  for (int label : given) {
    if (label != kEllipsis)
      labels.push_back(label);
    else
      for (int64_t d = dims; d-- > 0;) labels.push_back(kLetters + static_cast<int>(d));
  }
  return labels;
}

// A repeated subscript stands for the diagonal.
void take_diagonals(Term& t, size_t operand) {
  for (size_t i = 0; i < t.labels.size(); ++i) {
    for (size_t j = i + 1; j < t.labels.size();) {
      if (t.labels[j] != t.labels[i]) {
        ++j;
        continue;
      }
      const auto a = static_cast<int64_t>(i), b = static_cast<int64_t>(j);
      FB_CHECK(t.tensor.size(a) == t.tensor.size(b), "einsum(): subscript ",
               label_text(t.labels[i]), " is repeated for operand ", operand,
               " but the sizes don't match, ", t.tensor.size(b), " != ", t.tensor.size(a));
      const Tensor diagonal = ops::diagonal(t.tensor, 0, a, b);  // last dimension
      Dims order;
      for (int64_t d = 0; d + 1 < diagonal.dim(); ++d) order.push_back(d);
      order.insert(i, diagonal.dim() - 1);
      t.tensor = ops::permute(diagonal, order);
      t.labels.erase(j);
    }
  }
}

Tensor sum_out(Term& t, const Labels& keep) {
  Dims dims;
  Labels left;
  for (size_t i = 0; i < t.labels.size(); ++i) {
    if (contains(keep, t.labels[i]))
      left.push_back(t.labels[i]);
    else
      dims.push_back(static_cast<int64_t>(i));
  }
  if (!dims.empty()) t.tensor = ops::sum(t.tensor, dims, false, t.tensor.dtype());
  t.labels = left;
  return t.tensor;
}

// The tensor with its dimensions in the order of `labels`, those it lacks with size 1.
Tensor arranged(const Term& t, const Labels& labels) {
  Dims order, sizes;
  for (int label : labels) {
    if (contains(t.labels, label)) {
      order.push_back(position(t.labels, label));
      sizes.push_back(t.tensor.size(order.back()));
    } else {
      sizes.push_back(1);
    }
  }
  bool in_order = true;
  for (size_t i = 0; i < order.size(); ++i) in_order &= order[i] == static_cast<int64_t>(i);
  const Tensor p = in_order ? t.tensor : ops::permute(t.tensor, order);
  return p.sizes() == sizes ? p : ops::reshape(p, sizes);
}

// One product: labels in both and wanted are its batch, labels in both and not wanted are summed.
Term contract(Term a, Term b, const Labels& keep) {
  Labels wanted_of_a = keep, wanted_of_b = keep;
  for (int l : b.labels) wanted_of_a.push_back(l);
  for (int l : a.labels) wanted_of_b.push_back(l);
  sum_out(a, wanted_of_a);
  sum_out(b, wanted_of_b);
  Labels batch, left, right, summed;
  for (int l : a.labels)
    (!contains(b.labels, l) ? left : contains(keep, l) ? batch : summed).push_back(l);
  for (int l : b.labels)
    if (!contains(a.labels, l)) right.push_back(l);
  Labels all = batch;
  all.append(left.begin(), left.end());
  all.append(right.begin(), right.end());
  if (summed.empty()) return {ops::mul(arranged(a, all), arranged(b, all)), all};
  const auto block = [](const Term& t, const Labels& labels) {
    int64_t n = 1;
    for (int l : labels) n *= t.tensor.size(position(t.labels, l));
    return n;
  };
  // (batch..., m, k) times (batch..., k, n): groups of labels become one dimension each.
  const auto matrix = [&](const Term& t, const Labels& first, const Labels& second) {
    Labels order = batch;
    order.append(first.begin(), first.end());
    order.append(second.begin(), second.end());
    Dims sizes;
    for (int l : batch) sizes.push_back(t.tensor.size(position(t.labels, l)));
    sizes.push_back(block(t, first));
    sizes.push_back(block(t, second));
    const Tensor p = arranged(t, order);
    return p.sizes() == sizes ? p : ops::reshape(p, sizes);
  };
  const Tensor y = ops::matmul(matrix(a, left, summed), matrix(b, summed, right));
  Dims sizes;
  for (int l : batch) sizes.push_back(a.tensor.size(position(a.labels, l)));
  for (int l : left) sizes.push_back(a.tensor.size(position(a.labels, l)));
  for (int l : right) sizes.push_back(b.tensor.size(position(b.labels, l)));
  return {y.sizes() == sizes ? y : ops::reshape(y, sizes), all};
}

// Operands with their labels, and the output's labels.
std::vector<Term> resolve(const Equation& e, const TensorList& operands, Labels* output,
                          std::vector<int64_t>* size_of) {
  int64_t ellipsis = 0;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Labels& given = e.inputs[i];
    const auto letters = static_cast<int64_t>(given.size()) - contains(given, kEllipsis);
    const int64_t dims = operands[i].dim();
    if (contains(given, kEllipsis)) {
      FB_CHECK(letters <= dims, "einsum(): the number of subscripts in the equation (", letters,
               ") is more than the number of dimensions (", dims, ") for operand ", i);
      ellipsis = std::max(ellipsis, dims - letters);
    } else {
      FB_CHECK(letters == dims, "einsum(): the number of subscripts in the equation (", letters,
               ") does not match the number of dimensions (", dims, ") for operand ", i,
               " and no ellipsis was given");
    }
  }
  size_of->assign(static_cast<size_t>(kLetters + ellipsis), 1);
  std::array<int, kLetters> uses{};
  std::vector<Term> terms;
  for (size_t i = 0; i < operands.size(); ++i) {
    const Labels& given = e.inputs[i];
    Term t{operands[i],
           expand_ellipsis(given, operands[i].dim() - static_cast<int64_t>(given.size()) + 1)};
    for (int l : given)
      if (l != kEllipsis) ++uses[l];
    take_diagonals(t, i);
    for (size_t d = 0; d < t.labels.size(); ++d) {
      int64_t& size = (*size_of)[t.labels[d]];
      const int64_t own = t.tensor.size(static_cast<int64_t>(d));
      FB_CHECK(own == size || own == 1 || size == 1, "einsum(): subscript ",
               label_text(t.labels[d]), " has size ", own, " for operand ", i,
               " which does not broadcast with previously seen size ", size);
      if (own != 1) size = own;
    }
    terms.push_back(std::move(t));
  }
  if (e.explicit_output) {
    *output = expand_ellipsis(e.output, ellipsis);
    for (size_t i = 0; i < output->size(); ++i) {
      const int l = (*output)[i];
      FB_CHECK(position(*output, l) == static_cast<int>(i), "einsum(): output subscript ",
               label_text(l), " appears more than once in the output");
      FB_CHECK(l >= kLetters || uses[l] > 0, "einsum(): output subscript ", label_text(l),
               " does not appear in the equation for any input operand");
    }
  } else {
    *output = expand_ellipsis({kEllipsis}, ellipsis);
    for (int l = 0; l < kLetters; ++l)
      if (uses[l] == 1) output->push_back(l);
  }
  return terms;
}

}  // namespace

Tensor _einsum(const std::string& equation, const TensorList& operands) {
  FB_CHECK(!operands.empty(), "einsum(): must provide at least one operand");
  Labels output;
  std::vector<int64_t> size_of;
  std::vector<Term> terms = resolve(parse(equation, operands.size()), operands, &output, &size_of);
  // A dimension of size 1 that others stretch takes no part in sums and products.
  for (Term& t : terms) {
    Dims sizes;
    Labels labels;
    for (size_t d = 0; d < t.labels.size(); ++d) {
      const int64_t own = t.tensor.size(static_cast<int64_t>(d));
      if (own == 1 && size_of[t.labels[d]] != 1) continue;
      sizes.push_back(own);
      labels.push_back(t.labels[d]);
    }
    if (labels.size() != t.labels.size()) t = {ops::reshape(t.tensor, sizes), labels};
  }
  Term result = terms[0];
  for (size_t i = 1; i < terms.size(); ++i) {
    Labels keep = output;
    for (size_t j = i + 1; j < terms.size(); ++j)
      keep.append(terms[j].labels.begin(), terms[j].labels.end());
    result = contract(result, terms[i], keep);
  }
  sum_out(result, output);
  Tensor y = arranged(result, output);
  Dims sizes;
  for (int l : output) sizes.push_back(size_of[l]);
  return y.sizes() == sizes ? y : ops::expand(y, sizes);
}

Tensor _tensordot(const Tensor& first, const Tensor& second, const Dims& dims_self,
                  const Dims& dims_other) {
  Tensor self = first, other = second;
  FB_CHECK(dims_self.size() == dims_other.size(),
           "tensordot(): both dimension lists should have same length, got ", dims_self, " and ",
           dims_other);
  const Dims a = wrap_dims(dims_self, self.dim(), "tensordot", false);
  const Dims b = wrap_dims(dims_other, other.dim(), "tensordot", false);
  int64_t k = 1;
  for (size_t i = 0; i < a.size(); ++i) {
    // A dimension of size 1 is repeated, so that the other one is summed.
    if (self.size(a[i]) == 1 && other.size(b[i]) != 1)
      other = ops::sum(other, Dims{b[i]}, true, other.dtype());
    else if (other.size(b[i]) == 1 && self.size(a[i]) != 1)
      self = ops::sum(self, Dims{a[i]}, true, self.dtype());
    FB_CHECK(self.size(a[i]) == other.size(b[i]),
             "tensordot(): contracted dimensions need to match, but first has "
             "size ",
             self.size(a[i]), " in dim ", dims_self[i], " and second has size ", other.size(b[i]),
             " in dim ", dims_other[i]);
    k *= self.size(a[i]);
  }
  Dims free_a, free_b, sizes;
  int64_t m = 1, n = 1;
  for (int64_t d = 0; d < self.dim(); ++d)
    if (std::find(a.begin(), a.end(), d) == a.end())
      free_a.push_back(d), sizes.push_back(self.size(d)), m *= self.size(d);
  for (int64_t d = 0; d < other.dim(); ++d)
    if (std::find(b.begin(), b.end(), d) == b.end())
      free_b.push_back(d), sizes.push_back(other.size(d)), n *= other.size(d);
  Dims order_a = free_a, order_b = b;
  order_a.append(a.begin(), a.end());
  order_b.append(free_b.begin(), free_b.end());
  const Tensor left = ops::reshape(ops::permute(self, order_a), {m, k});
  const Tensor right = ops::reshape(ops::permute(other, order_b), {k, n});
  return ops::reshape(ops::mm(left, right), sizes);
}

namespace {

// The cheapest bracketing of a chain with sizes p[0] x p[1], p[1] x p[2], ...: dynamic programming
// over subchains (Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, 15.2).
std::vector<std::vector<size_t>> cheapest_splits(const std::vector<double>& p) {
  const size_t n = p.size() - 1;
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> split(n, std::vector<size_t>(n, 0));
  for (size_t length = 2; length <= n; ++length)
    for (size_t i = 0; i + length <= n; ++i) {
      const size_t j = i + length - 1;
      cost[i][j] = std::numeric_limits<double>::infinity();
      for (size_t s = i; s < j; ++s) {
        const double c = cost[i][s] + cost[s + 1][j] + p[i] * p[s + 1] * p[j + 1];
        if (c < cost[i][j]) cost[i][j] = c, split[i][j] = s;
      }
    }
  return split;
}

Tensor multiply_chain(const TensorList& m, const std::vector<std::vector<size_t>>& split, size_t i,
                      size_t j) {
  if (i == j) return m[i];
  const size_t s = split[i][j];
  return ops::mm(multiply_chain(m, split, i, s), multiply_chain(m, split, s + 1, j));
}

}  // namespace

Tensor chain_matmul(const TensorList& matrices) {
  FB_CHECK(!matrices.empty(), "chain_matmul(): Expected one or more matrices");
  if (matrices.size() == 1) return matrices[0];
  TensorList m = matrices;
  const size_t last = m.size() - 1;
  for (size_t i = 0; i < m.size(); ++i) {
    const bool end = i == 0 || i == last;
    FB_CHECK(m[i].dim() == 2 || (end && m[i].dim() == 1), "multi_dot(): ",
             end ? "the first and the last tensor "
                   "must be 1D or 2D"
                 : "tensors between them must be 2D",
             " but tensor ", i, " is ", m[i].dim(), "D");
  }
  const bool row = m[0].dim() == 1, column = m[last].dim() == 1;
  if (row) m[0] = ops::reshape(m[0], {1, m[0].size(0)});
  if (column) m[last] = ops::reshape(m[last], {m[last].size(0), 1});
  std::vector<double> p{static_cast<double>(m[0].size(0))};
  for (size_t i = 0; i < m.size(); ++i) {
    FB_CHECK(i == 0 || m[i - 1].size(1) == m[i].size(0), "multi_dot(): tensors ", i - 1, " and ", i,
             " with shapes ", matrices[i - 1].sizes(), " and ", matrices[i].sizes(),
             " cannot be multiplied");
    p.push_back(static_cast<double>(m[i].size(1)));
  }
  const Tensor y = multiply_chain(m, cheapest_splits(p), 0, last);
  Dims sizes;
  if (!row) sizes.push_back(y.size(0));
  if (!column) sizes.push_back(y.size(1));
  return y.sizes() == sizes ? y : ops::reshape(y, sizes);
}

}  // namespace flambeau::impl
