"""Recurrent networks."""

from .._rnn import (
    apply_permutation as apply_permutation, GRU as GRU, GRUCell as GRUCell, LSTM as LSTM,
    LSTMCell as LSTMCell, RNN as RNN, RNNBase as RNNBase, RNNCell as RNNCell,
    RNNCellBase as RNNCellBase,
)
