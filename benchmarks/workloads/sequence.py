"""Models of sequences: recurrent networks, a GPT, word vectors."""

from __future__ import annotations

from ._workload import Workload, trainer


def char_lstm(torch):
    """A character model: embedding, LSTM of 128, 64 steps, batches of 16."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)

    class CharLSTM(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(65, 64)
            self.lstm = nn.LSTM(64, 128, batch_first=True)
            self.head = nn.Linear(128, 65)

        def forward(self, x):
            return self.head(self.lstm(self.embedding(x))[0])

    model = CharLSTM()
    text = torch.randint(0, 65, (16, 65))
    x, y = text[:, :-1], text[:, 1:]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return trainer(optimizer, lambda: F.cross_entropy(model(x).flatten(0, 1), y.flatten()))


def gru_forecaster(torch):
    """A GRU of 64 that forecasts the next value of 8 series from 48, batches of 32."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    gru, head = nn.GRU(8, 64, batch_first=True), nn.Linear(64, 8)
    series = torch.randn(32, 49, 8).cumsum(1)
    x, y = series[:, :-1], series[:, -1]
    optimizer = torch.optim.Adam([*gru.parameters(), *head.parameters()], lr=1e-3)
    return trainer(optimizer, lambda: F.mse_loss(head(gru(x)[0][:, -1]), y))


def gpt_model(
    torch,
    vocabulary: int = 65,
    width: int = 128,
    heads: int = 4,
    layers: int = 4,
    context: int = 128,
):
    """A decoder-only transformer (Radford et al., 2019)."""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            batch, time, _ = x.shape
            q, k, v = (
                part.view(batch, time, heads, width // heads).transpose(1, 2)
                for part in self.qkv(self.norm1(x)).split(width, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(batch, time, width))
            return x + self.down(F.gelu(self.up(self.norm2(x))))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(vocabulary, width)
            self.places = nn.Embedding(context, width)
            self.blocks = nn.ModuleList(Block() for _ in range(layers))
            self.norm = nn.LayerNorm(width)
            self.head = nn.Linear(width, vocabulary, bias=False)

        def forward(self, x):
            x = self.tokens(x) + self.places(torch.arange(x.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return GPT()


def gpt(torch):
    """A GPT of 4 layers and width 128, 128 tokens, batches of 8."""
    F = torch.nn.functional
    torch.manual_seed(0)
    model = gpt_model(torch)
    text = torch.randint(0, 65, (8, 129))
    x, y = text[:, :-1], text[:, 1:]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return trainer(optimizer, lambda: F.cross_entropy(model(x).flatten(0, 1), y.flatten()))


def skip_gram(torch):
    """Word vectors by negative sampling (Mikolov et al., 2013): 5000 words of 64, 256 pairs."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    centre, around = nn.Embedding(5000, 64), nn.Embedding(5000, 64)
    words, near = torch.randint(0, 5000, (256,)), torch.randint(0, 5000, (256,))
    far = torch.randint(0, 5000, (256, 5))
    optimizer = torch.optim.SGD([*centre.parameters(), *around.parameters()], lr=0.1)

    def loss_of():
        v = centre(words)
        good = (v * around(near)).sum(-1)
        bad = (around(far) @ v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(good).mean() + F.logsigmoid(-bad).sum(1).mean())

    return trainer(optimizer, loss_of)


WORKLOADS = {
    "char-LSTM": Workload(char_lstm, "training"),
    "GRU forecaster": Workload(gru_forecaster, "training"),
    "GPT, 4 layers x 128": Workload(gpt, "training"),
    "skip-gram": Workload(skip_gram, "training"),
}
