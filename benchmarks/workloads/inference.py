"""Inference at batch 1, and generation token by token. A step returns a number to compare."""

from __future__ import annotations

from ._workload import INFERENCE, Workload
from .sequence import gpt_model
from .vision import resnet18_model


def _predictor(torch, model, *shape: int):
    model.eval()
    x = torch.randn(shape)

    def step():
        with torch.no_grad():
            return model(x).sum()

    return step


def resnet18(torch):
    """ResNet-18, one image of 224x224."""
    torch.manual_seed(0)
    return _predictor(torch, resnet18_model(torch, 1000, small_images=False), 1, 3, 224, 224)


def mobilenet(torch):
    """MobileNetV2 (Sandler et al., 2018), one image of 224x224."""
    nn = torch.nn
    torch.manual_seed(0)

    def unit(before, after, size, stride=1, groups=1, act=True):
        layers = [
            nn.Conv2d(before, after, size, stride, size // 2, groups=groups, bias=False),
            nn.BatchNorm2d(after),
        ]
        return layers + [nn.ReLU6()] * act

    class Inverted(nn.Module):
        def __init__(self, before, after, stride, expand):
            super().__init__()
            hidden = before * expand
            layers = unit(before, hidden, 1) if expand != 1 else []
            layers += unit(hidden, hidden, 3, stride, groups=hidden)
            self.body = nn.Sequential(*layers, *unit(hidden, after, 1, act=False))
            self.add = stride == 1 and before == after

        def forward(self, x):
            return x + self.body(x) if self.add else self.body(x)

    layers, before = unit(3, 32, 3, 2), 32
    for expand, after, count, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for i in range(count):
            layers.append(Inverted(before, after, stride if i == 0 else 1, expand))
            before = after
    model = nn.Sequential(
        *layers, *unit(320, 1280, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)
    )
    return _predictor(torch, model, 1, 3, 224, 224)


def generation(torch):
    """16 tokens from the GPT, each the likeliest after all before it."""
    torch.manual_seed(0)
    model = gpt_model(torch).eval()
    start = torch.randint(0, 65, (1, 32))

    def step():
        with torch.no_grad():
            text = start
            for _ in range(16):
                following = model(text)[:, -1].argmax(-1, keepdim=True)
                text = torch.cat((text, following), 1)
            return text.sum()

    return step


def lstm_stream(torch):
    """An LSTM of 128 that takes one step at a time, batch 1, 32 steps."""
    nn = torch.nn
    torch.manual_seed(0)
    lstm, head = nn.LSTM(32, 128), nn.Linear(128, 8)
    xs = torch.randn(32, 1, 1, 32)

    def step():
        with torch.no_grad():
            state, total = None, 0.0
            for x in xs:
                y, state = lstm(x, state)
                total = total + head(y).sum()
            return total

    return step


WORKLOADS = {
    "ResNet-18, batch 1": Workload(resnet18, INFERENCE),
    "MobileNetV2, batch 1": Workload(mobilenet, INFERENCE),
    "GPT generation": Workload(generation, INFERENCE),
    "LSTM stream, batch 1": Workload(lstm_stream, INFERENCE),
}
