"""Recurrent networks: Elman's (tanh and relu), LSTM, GRU; whole stacks of layers and single cells."""

from tools.opgen.table import FLOATING, S, T, op

_LAYER_GRAD = ("node, g_output, g_h_n, g_c_n, input, h0, c0, w_ih, w_hh, b_ih, b_hh, mode, "
               "batch_sizes, reverse")

op("_rnn_layer(Tensor input, Tensor h0, Tensor? c0, Tensor w_ih, Tensor w_hh, Tensor? b_ih, "
   "Tensor? b_hh, int mode, int[] batch_sizes, bool reverse, bool keep) -> "
   "(Tensor output, Tensor h_n, Tensor c_n, Tensor gates, Tensor cells)",
   grad={"input, h0, c0, w_ih, w_hh, b_ih, b_hh": f"rnn_layer_composed({_LAYER_GRAD})"},
   fast_grad={"input, h0, c0, w_ih, w_hh, b_ih, b_hh":
              f"rnn_layer_fused({_LAYER_GRAD}, output, gates, cells)"},
   dtypes=FLOATING, public=False,
   doc="One direction of a layer over (steps, batch, input), or over (rows, input) with the number "
       "of sequences that reach each step. With `keep` what the gradient needs is returned too.")

_STACK = ("Tensor[] params, bool has_biases, int num_layers, float dropout, bool train, "
          "bool bidirectional")
_PACKED = ("`data` is packed: rows of step after step, `batch_sizes` of them each. ")
_PARAMS = ("`params` holds for each layer and direction w_ih (gates hidden, input), "
           "w_hh (gates hidden, hidden) and, with `has_biases`, b_ih and b_hh (gates hidden,). ")
_RESULT = "Returns the outputs of the last layer and the last state of every layer and direction."

_LSTM_ARGS = "Tensor, Tensor, Tensor"
op(f"lstm.input(Tensor input, Tensor[] hx, {_STACK}, bool batch_first) -> ({_LSTM_ARGS})",
   "composite", samples=[
       S(T((3, 2, 4)), [T((1, 2, 3)), T((1, 2, 3))],
         [T((12, 4)), T((12, 3)), T((12,)), T((12,))], True, 1, 0.0, False, False, False),
       S(T((2, 3, 4)), [T((2, 2, 3)), T((2, 2, 3))],
         [T((12, 4)), T((12, 3)), T((12, 4)), T((12, 3))], False, 1, 0.0, False, True, True)],
   dtypes=FLOATING,
   doc="Long short-term memory (Hochreiter and Schmidhuber, 1997) over (steps, batch, input); `hx` "
       "is (h, c), each (layers directions, batch, hidden). " + _PARAMS + "A fifth one, w_hr "
       "(projection, hidden), makes h its product with the hidden state. " + _RESULT)
op(f"lstm.data(Tensor data, Tensor batch_sizes, Tensor[] hx, {_STACK}) -> ({_LSTM_ARGS})",
   "composite", samples=[], dtypes=FLOATING,
   doc="Long short-term memory over packed sequences. " + _PACKED + _PARAMS + _RESULT)

for _name, _title, _gates in (
        ("gru", "Gated recurrent units (Cho et al., 2014), the reset gate after the product", 3),
        ("rnn_tanh", "Elman's recurrent network with tanh", 1),
        ("rnn_relu", "Elman's recurrent network with relu", 1)):
    op(f"{_name}.input(Tensor input, Tensor hx, {_STACK}, bool batch_first) -> (Tensor, Tensor)",
       "composite", samples=[
           S(T((3, 2, 4)), T((1, 2, 3)), [T((3 * _gates, 4)), T((3 * _gates, 3)),
                                          T((3 * _gates,)), T((3 * _gates,))],
             True, 1, 0.0, False, False, False)],
       dtypes=FLOATING, gradcheck=_name != "rnn_relu",  # relu has no derivative at 0
       doc=f"{_title}, over (steps, batch, input); `hx` (layers directions, batch, hidden). "
           + _PARAMS + _RESULT)
    op(f"{_name}.data(Tensor data, Tensor batch_sizes, Tensor hx, {_STACK}) -> (Tensor, Tensor)",
       "composite", samples=[], dtypes=FLOATING,
       doc=f"{_title}, over packed sequences. " + _PACKED + _PARAMS + _RESULT)
    op(f"{_name}_cell(Tensor input, Tensor hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, "
       "Tensor? b_hh=None) -> Tensor", "composite",
       samples=[S(T((2, 4)), T((2, 3)), T((3 * _gates, 4)), T((3 * _gates, 3)), T((3 * _gates,)),
                  T((3 * _gates,))),
                S(T((2, 4)), T((2, 3)), T((3 * _gates, 4)), T((3 * _gates, 3)))],
       dtypes=FLOATING, gradcheck=_name != "rnn_relu",
       doc=f"{_title}: one step of (batch, input) from the state `hx` (batch, hidden).")

op("lstm_cell(Tensor input, Tensor[] hx, Tensor w_ih, Tensor w_hh, Tensor? b_ih=None, "
   "Tensor? b_hh=None) -> (Tensor, Tensor)", "composite",
   samples=[S(T((2, 4)), [T((2, 3)), T((2, 3))], T((12, 4)), T((12, 3)), T((12,)), T((12,)))],
   dtypes=FLOATING,
   doc="One step of an LSTM over (batch, input) from the state `hx`, which is (h, c).")
