// Random fills of contiguous buffers, number for number those of PyTorch 2.13 on a CPU; see
// docs/design/random_streams.md for the algorithm of each. `n` counts elements of `dtype`.
//
// Strided outputs. PyTorch visits a strided tensor in the order of memory (dimensions sorted by
// stride, largest outermost), not in logical order. So: fill a contiguous buffer of n elements,
// then copy it to the tensor's elements in that order. Every fill is the same for contiguous and
// strided outputs except fill_normal, to which the caller says `contiguous = false` whenever the
// tensor is not contiguous in logical order (a transposed or channels-last one included).
//
// All throw Error (Runtime) for parameters outside their domain and for dtypes that the
// distribution does not have. A Generator is not synchronised: hold the interpreter lock.
#pragma once
#include <cstdint>

#include "core/dtype.h"
#include "core/generator.h"

namespace flambeau {

// The next n words of the stream, whole blocks at a time.
void fill_words(Generator& g, uint32_t* out, int64_t n);

// ---- continuous -------------------------------------------------------------------------------

// Uniform on [from, to). Floating and complex dtypes (real and imaginary parts independent).
void fill_uniform(Generator& g, DType dtype, void* out, int64_t n, double from, double to);
// Normal. Floating dtypes, and complex ones, where both parts have this mean and the variance
// std^2 / 2; `contiguous` as explained above.
void fill_normal(Generator& g, DType dtype, void* out, int64_t n, double mean, double std,
                 bool contiguous = true);
// Density rate * exp(-rate x). Floating dtypes.
void fill_exponential(Generator& g, DType dtype, void* out, int64_t n, double rate);
// exp of a normal of this mean and standard deviation. Floating dtypes.
void fill_log_normal(Generator& g, DType dtype, void* out, int64_t n, double mean, double std);
void fill_cauchy(Generator& g, DType dtype, void* out, int64_t n, double median, double sigma);

// ---- integers ---------------------------------------------------------------------------------

// Integers of [low, high), in any real dtype.
void fill_randint(Generator& g, DType dtype, void* out, int64_t n, int64_t low, int64_t high);
// random_(low, None): integers of [low, largest of the dtype], for floats up to 2^digits.
void fill_randint_from(Generator& g, DType dtype, void* out, int64_t n, int64_t low);
// random_(): integers of [0, largest of the dtype], for floats up to 2^digits.
void fill_random(Generator& g, DType dtype, void* out, int64_t n);
// Trials up to and including the first success of probability p, 0 < p < 1.
void fill_geometric(Generator& g, DType dtype, void* out, int64_t n, double p);
// A permutation of 0 ... n-1. Throws where the dtype cannot hold n-1 exactly.
void fill_randperm(Generator& g, DType dtype, void* out, int64_t n);

// ---- Bernoulli --------------------------------------------------------------------------------

// 1 with probability p, else 0. Dropout's mask is this with p = 1 - dropout, divided by p.
void fill_bernoulli(Generator& g, DType dtype, void* out, int64_t n, double p);
// The same with a probability for each element, p in float32, float64, float16 or bfloat16. The
// dtype of p, not that of out, decides how many words an element takes.
void fill_bernoulli_p(Generator& g, DType dtype, void* out, DType p_dtype, const void* p,
                      int64_t n);

// ---- one parameter per element (csrc/cpu/random_sampling.cpp) ---------------------------------

// Row-wise draws of `samples` categories with probability proportional to p[rows, n]; out is
// [rows, samples]. Without replacement, and for one sample, the largest of p / exponential.
void multinomial(Generator& g, DType dtype, const void* p, int64_t rows, int64_t n, int64_t samples,
                 bool replacement, int64_t* out);
// Counts of a Poisson process of this rate; rates and out share the floating dtype.
void fill_poisson(Generator& g, DType dtype, const void* rates, void* out, int64_t n);
// Gamma of shape alpha and scale one; alphas and out share the floating dtype.
void fill_standard_gamma(Generator& g, DType dtype, const void* alphas, void* out, int64_t n);
// Successes of counts[i] trials of probability p[i]; counts, p and out share the floating dtype.
void fill_binomial(Generator& g, DType dtype, const void* counts, const void* p, void* out,
                   int64_t n);

}  // namespace flambeau
