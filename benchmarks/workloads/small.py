"""Small classifiers and tiny dynamic programs, where overhead decides."""

from __future__ import annotations

import random

from ._workload import Workload, trainer


def tiny_mlp(torch):
    """16-32-4 on batches of 32."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 4))
    x, y = torch.randn(32, 16), torch.randint(0, 4, (32,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return trainer(optimizer, lambda: F.cross_entropy(model(x), y))


def mnist_mlp(torch):
    """784-256-128-10 on batches of 64, Adam."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 256),
        nn.ReLU(),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Linear(128, 10),
    )
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return trainer(optimizer, lambda: F.cross_entropy(model(x), y))


def lenet(torch):
    """Two convolutions with max pooling and three linear layers, batches of 64, SGD."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
            self.conv2 = nn.Conv2d(6, 16, 5)
            self.fc1 = nn.Linear(16 * 5 * 5, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.max_pool2d(F.relu(self.conv2(x)), 2)
            x = x.flatten(1)
            return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))

    model = LeNet()
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return trainer(optimizer, lambda: F.cross_entropy(model(x), y))


def tree_lstm(torch):
    """A binary tree LSTM by Python recursion over one tree of 31 nodes (Tai et al., 2015)."""
    nn = torch.nn
    torch.manual_seed(0)
    size = 32

    class Cell(nn.Module):
        def __init__(self):
            super().__init__()
            self.leaf = nn.Linear(size, 3 * size)
            self.node = nn.Linear(2 * size, 5 * size)

        def forward(self, tree):
            if not isinstance(tree, tuple):
                i, o, u = self.leaf(tree).chunk(3, -1)
                c = torch.sigmoid(i) * torch.tanh(u)
            else:
                (left, left_c), (right, right_c) = self(tree[0]), self(tree[1])
                gates = self.node(torch.cat((left, right), -1))
                i, o, u, f, g = gates.chunk(5, -1)
                c = (
                    torch.sigmoid(i) * torch.tanh(u)
                    + torch.sigmoid(f) * left_c
                    + torch.sigmoid(g) * right_c
                )
            return torch.sigmoid(o) * torch.tanh(c), c

    def tree(depth):
        return (tree(depth - 1), tree(depth - 1)) if depth else torch.randn(1, size)

    cell, head, sample = Cell(), nn.Linear(size, 2), tree(4)
    target = torch.tensor([1])
    parameters = [*cell.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    return trainer(optimizer, lambda: nn.functional.cross_entropy(head(cell(sample)[0]), target))


def reinforce(torch):
    """One episode of 20 moves in a corridor: batch-1 inference, then a policy-gradient step."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    draw = random.Random(0)
    policy = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(policy.parameters(), lr=1e-2)

    def step():
        place, chosen, rewards = 0.0, [], []
        for move in range(20):
            state = torch.tensor([[place, move / 20, draw.random(), 1.0]])
            logits = F.log_softmax(policy(state), dim=-1)
            action = torch.multinomial(logits.detach().exp(), 1)
            chosen.append(logits.gather(1, action).squeeze())
            place += 0.1 if action.item() else -0.1
            rewards.append(place)
        returns, total = [], 0.0
        for reward in reversed(rewards):
            total = reward + 0.9 * total
            returns.insert(0, total)
        returns = torch.tensor(returns)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        loss = -(torch.stack(chosen) * returns).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


SMALL = "small models"
WORKLOADS = {
    "tiny MLP": Workload(tiny_mlp, SMALL),
    "MNIST MLP": Workload(mnist_mlp, "training"),
    "LeNet": Workload(lenet, "training"),
    "Tree-LSTM": Workload(tree_lstm, SMALL),
    "REINFORCE": Workload(reinforce, SMALL),
}
