// Taking every other lane of two vectors, and putting them back. Included by kernel sources only.
#pragma once
#include "cpu/vec.h"

namespace flambeau::FB_ISA {

template <class T>
FB_VEC Vec<T> evens(Vec<T> a, Vec<T> b) {
  typename Mask<sizeof(T)>::Raw index;
  for (int i = 0; i < Vec<T>::lanes; ++i) index[i] = 2 * i;
  return __builtin_shuffle(a.v, b.v, index);
}

template <class T>
FB_VEC Vec<T> odds(Vec<T> a, Vec<T> b) {
  typename Mask<sizeof(T)>::Raw index;
  for (int i = 0; i < Vec<T>::lanes; ++i) index[i] = 2 * i + 1;
  return __builtin_shuffle(a.v, b.v, index);
}

template <class T>
FB_VEC void store_interleaved(T* p, Vec<T> a, Vec<T> b) {
  constexpr int L = Vec<T>::lanes;
  typename Mask<sizeof(T)>::Raw low, high;
  for (int i = 0; i < L; ++i) {
    low[i] = i % 2 * L + i / 2;
    high[i] = i % 2 * L + L / 2 + i / 2;
  }
  store(p, Vec<T>(__builtin_shuffle(a.v, b.v, low)));
  store(p + L, Vec<T>(__builtin_shuffle(a.v, b.v, high)));
}

}  // namespace flambeau::FB_ISA
