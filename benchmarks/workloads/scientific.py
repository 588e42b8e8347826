"""Fields, graphs, and gradients of gradients."""

from __future__ import annotations

from ._workload import Workload, trainer


def nerf_mlp(torch):
    """A field of colours and densities: 6 layers of 128 on 1024 points with sines of 10 octaves."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    layers = [nn.Linear(60, 128), nn.ReLU()]
    for _ in range(5):
        layers += [nn.Linear(128, 128), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(128, 4))
    points, colours = torch.rand(1024, 3), torch.rand(1024, 4)
    octaves = 2.0 ** torch.arange(10)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)

    def loss_of():
        angles = (points.unsqueeze(-1) * octaves).flatten(1)
        features = torch.cat((angles.sin(), angles.cos()), -1)
        return F.mse_loss(torch.sigmoid(model(features)), colours)

    return trainer(optimizer, loss_of)


def gcn(torch):
    """Two graph convolutions (Kipf and Welling, 2016) by index_add: 500 nodes, 4000 edges."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    nodes, edges = 500, 4000
    x, y = torch.randn(nodes, 64), torch.randint(0, 7, (nodes,))
    source, target = torch.randint(0, nodes, (edges,)), torch.randint(0, nodes, (edges,))
    degree = torch.ones(nodes).index_add(0, target, torch.ones(edges))
    weight = (degree[source] * degree[target]).rsqrt().unsqueeze(1)
    first, second = nn.Linear(64, 32), nn.Linear(32, 7)
    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=1e-2)

    def spread(h):
        return h / degree.unsqueeze(1) + torch.zeros_like(h).index_add(
            0, target, h[source] * weight
        )

    return trainer(optimizer, lambda: F.cross_entropy(spread(second(F.relu(spread(first(x))))), y))


def gradient_penalty(torch):
    """A critic whose gradient norm is held at 1 (Gulrajani et al., 2017): double backward."""
    nn = torch.nn
    torch.manual_seed(0)
    critic = nn.Sequential(
        nn.Linear(32, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1)
    )
    real, fake = torch.randn(64, 32), torch.randn(64, 32)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-4)

    def loss_of():
        t = torch.rand(64, 1)
        between = (real * t + fake * (1 - t)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return (
            critic(fake).mean() - critic(real).mean() + 10 * ((slope.norm(dim=1) - 1) ** 2).mean()
        )

    return trainer(optimizer, loss_of)


WORKLOADS = {
    "NeRF MLP": Workload(nerf_mlp, "training"),
    "GCN by index_add": Workload(gcn, "training"),
    "gradient penalty": Workload(gradient_penalty, "training"),
}
