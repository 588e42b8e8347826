#include "cpu/kernels/rnn_cells.h"

#include "cpu/vec_math.h"

namespace flambeau::FB_ISA {

namespace {

// One vector of units of one row: `n` of its lanes exist.
template <class T>
struct Lanes {
  int64_t n;
  FB_VEC Vec<T> load(const T* p) const { return load_n(p, n); }
  FB_VEC void store(T* p, Vec<T> v) const { store_n(p, v, n); }
};

template <class T, class F>
FB_VEC void for_units(int64_t rows, int64_t units, F f) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t u = 0; u < units; u += Vec<T>::lanes) f(r, u, Lanes<T>{units - u});
}

template <class T>
void forward_plain(RnnMode mode, const RnnForward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    T* gate = s.gates + r * s.gate_row + u;
    const int64_t at = r * s.hidden + u;
    const Vec<T> x = lanes.load(gate);
    const Vec<T> h = mode == RnnMode::Relu ? where(x < T(0), Vec<T>(T(0)), x) : tanh(x);
    lanes.store(gate, h);
    lanes.store(s.h + at, h);
    lanes.store(s.out + at, h);
  });
}

template <class T>
void forward_lstm(const RnnForward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    T* gate = s.gates + r * s.gate_row + u;
    const int64_t at = r * s.hidden + u;
    const Vec<T> i = sigmoid(lanes.load(gate)), f = sigmoid(lanes.load(gate + s.hidden)),
                 g = tanh(lanes.load(gate + 2 * s.hidden)),
                 o = sigmoid(lanes.load(gate + 3 * s.hidden));
    const Vec<T> c = f * lanes.load(s.c + at) + i * g;
    const Vec<T> h = o * tanh(c);
    lanes.store(gate, i);
    lanes.store(gate + s.hidden, f);
    lanes.store(gate + 2 * s.hidden, g);
    lanes.store(gate + 3 * s.hidden, o);
    lanes.store(s.c + at, c);
    if (s.cells) lanes.store(s.cells + at, c);
    lanes.store(s.h + at, h);
    lanes.store(s.out + at, h);
  });
}

template <class T>
void forward_gru(const RnnForward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    T* gate = s.gates + r * s.gate_row + u;
    const int64_t at = r * s.hidden + u;
    const Vec<T> reset = sigmoid(lanes.load(gate)), z = sigmoid(lanes.load(gate + s.hidden)),
                 q = lanes.load(gate + 2 * s.hidden);
    const Vec<T> n = tanh(lanes.load(gate + 3 * s.hidden) + reset * q);
    const Vec<T> h = n + z * (lanes.load(s.h + at) - n);
    lanes.store(gate, reset);
    lanes.store(gate + s.hidden, z);
    lanes.store(gate + 3 * s.hidden, n);
    lanes.store(s.h + at, h);
    lanes.store(s.out + at, h);
  });
}

template <class T>
FB_VEC Vec<T> arriving(const RnnBackward<T>& s, int64_t at, Lanes<T> lanes) {
  const Vec<T> g = lanes.load(s.g_h + at);
  return s.g_out ? g + lanes.load(s.g_out + at) : g;
}

template <class T>
void backward_plain(RnnMode mode, const RnnBackward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    const int64_t at = r * s.hidden + u, gate = r * s.gate_row + u;
    const Vec<T> h = lanes.load(s.gates + gate), g = arriving(s, at, lanes);
    lanes.store(s.g_gates + gate,
                mode == RnnMode::Relu ? where(h > T(0), g, Vec<T>(T(0))) : g * (T(1) - h * h));
  });
}

template <class T>
void backward_lstm(const RnnBackward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    const int64_t at = r * s.hidden + u, H = s.hidden;
    const T* gate = s.gates + r * s.gate_row + u;
    T* to = s.g_gates + r * s.gate_row + u;
    const Vec<T> i = lanes.load(gate), f = lanes.load(gate + H), g = lanes.load(gate + 2 * H),
                 o = lanes.load(gate + 3 * H);
    const Vec<T> g_h = arriving(s, at, lanes), squashed = tanh(lanes.load(s.cells + at));
    const Vec<T> g_c = lanes.load(s.g_c + at) + g_h * o * (T(1) - squashed * squashed);
    lanes.store(to, g_c * g * i * (T(1) - i));
    lanes.store(to + H, g_c * lanes.load(s.c_before + at) * f * (T(1) - f));
    lanes.store(to + 2 * H, g_c * i * (T(1) - g * g));
    lanes.store(to + 3 * H, g_h * squashed * o * (T(1) - o));
    lanes.store(s.g_c + at, g_c * f);
  });
}

template <class T>
void backward_gru(const RnnBackward<T>& s) {
  for_units<T>(s.rows, s.units, [&](int64_t r, int64_t u, Lanes<T> lanes) {
    const int64_t at = r * s.hidden + u, H = s.hidden;
    const T* gate = s.gates + r * s.gate_row + u;
    T* to = s.g_gates + r * s.gate_row + u;
    const Vec<T> reset = lanes.load(gate), z = lanes.load(gate + H), q = lanes.load(gate + 2 * H),
                 n = lanes.load(gate + 3 * H);
    const Vec<T> g_h = arriving(s, at, lanes);
    const Vec<T> g_n = g_h * (T(1) - z) * (T(1) - n * n);
    lanes.store(to, g_n * q * reset * (T(1) - reset));
    lanes.store(to + H, g_h * (lanes.load(s.h_before + at) - n) * z * (T(1) - z));
    lanes.store(to + 2 * H, g_n * reset);
    lanes.store(to + 3 * H, g_n);
    lanes.store(s.g_h + at, g_h * z);
  });
}

template <class T>
void forward(RnnMode mode, const RnnForward<T>& s) {
  if (mode == RnnMode::Lstm)
    forward_lstm(s);
  else if (mode == RnnMode::Gru)
    forward_gru(s);
  else
    forward_plain(mode, s);
}

template <class T>
void backward(RnnMode mode, const RnnBackward<T>& s) {
  if (mode == RnnMode::Lstm)
    backward_lstm(s);
  else if (mode == RnnMode::Gru)
    backward_gru(s);
  else
    backward_plain(mode, s);
}

}  // namespace

void rnn_forward_f32(RnnMode mode, const RnnForward<float>& s) { forward(mode, s); }
void rnn_forward_f64(RnnMode mode, const RnnForward<double>& s) { forward(mode, s); }
void rnn_backward_f32(RnnMode mode, const RnnBackward<float>& s) { backward(mode, s); }
void rnn_backward_f64(RnnMode mode, const RnnBackward<double>& s) { backward(mode, s); }

}  // namespace flambeau::FB_ISA
