"""Training steps of ``workloads`` written by hand for JAX, jitted as a whole.

``build(jax, torch)`` makes the data and first parameters of the workload of that name, from the
same seed, and returns ``step()``: it gives the loss without waiting for it, so that JAX may run
ahead. Parameters and optimizer state are donated, which lets XLA update them in place.
"""

from __future__ import annotations

from collections.abc import Callable


def _arrays(jax, module) -> dict:
    return {n: jax.numpy.array(p.detach().numpy()) for n, p in module.named_parameters()}


def _linear(p: dict, name: str, x):
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def _cross_entropy(jax, logits, y):
    return -jax.numpy.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1).mean()


def _sgd(lr: float, momentum: float = 0.0):
    def update(jax, p, g, state):
        if not momentum:
            return jax.tree.map(lambda a, b: a - lr * b, p, g), state
        state = jax.tree.map(lambda m, b: momentum * m + b, state, g)
        return jax.tree.map(lambda a, m: a - lr * m, p, state), state

    return update, lambda jax, p: jax.tree.map(jax.numpy.zeros_like, p) if momentum else ()


def _adam(lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8):
    def update(jax, p, g, state):
        m, v, t = state
        t = t + 1
        m = jax.tree.map(lambda a, b: beta1 * a + (1 - beta1) * b, m, g)
        v = jax.tree.map(lambda a, b: beta2 * a + (1 - beta2) * b * b, v, g)
        size, root = lr / (1 - beta1**t), (1 - beta2**t) ** 0.5
        p = jax.tree.map(lambda a, b, c: a - size * b / (c**0.5 / root + eps), p, m, v)
        return p, (m, v, t)

    def start(jax, p):
        zeros = jax.tree.map(jax.numpy.zeros_like, p)
        return zeros, jax.tree.map(jax.numpy.zeros_like, p), jax.numpy.zeros(())

    return update, start


def _trainer(jax, parameters: dict, data: tuple, loss_of: Callable, optimizer, random=False):
    """`loss_of(parameters, *data)`, with a key at the end if it is to be random.

    The data are arguments: XLA would compute what depends on constants alone while compiling.
    """
    update, start = optimizer
    state = parameters, start(jax, parameters), jax.random.key(0)
    data = tuple(map(jax.numpy.array, data))

    def pure(state, data):
        p, s, key = state
        if random:
            key, now = jax.random.split(key)
            data = (*data, now)
        loss, g = jax.value_and_grad(loss_of)(p, *data)
        return loss, (*update(jax, p, g, s), key)

    compiled = jax.jit(pure, donate_argnums=0)

    def step():
        nonlocal state
        loss, state = compiled(state, data)
        return loss

    return step


def tiny_mlp(jax, torch):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.Tanh(), torch.nn.Linear(32, 4))
    x, y = torch.randn(32, 16).numpy(), torch.randint(0, 4, (32,)).numpy()

    def loss_of(p, x, y):
        return _cross_entropy(jax, _linear(p, "2", jax.numpy.tanh(_linear(p, "0", x))), y)

    return _trainer(jax, _arrays(jax, model), (x, y), loss_of, _sgd(0.1))


def mnist_mlp(jax, torch):
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.ModuleList([nn.Linear(784, 256), nn.Linear(256, 128), nn.Linear(128, 10)])
    x, y = torch.randn(64, 784).numpy(), torch.randint(0, 10, (64,)).numpy()

    def loss_of(p, x, y):
        h = jax.nn.relu(_linear(p, "0", x))
        return _cross_entropy(jax, _linear(p, "2", jax.nn.relu(_linear(p, "1", h))), y)

    return _trainer(jax, _arrays(jax, model), (x, y), loss_of, _adam(1e-3))


def lenet(jax, torch):
    nn, lax = torch.nn, jax.lax
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {
            "conv1": nn.Conv2d(1, 6, 5, padding=2),
            "conv2": nn.Conv2d(6, 16, 5),
            "fc1": nn.Linear(16 * 5 * 5, 120),
            "fc2": nn.Linear(120, 84),
            "fc3": nn.Linear(84, 10),
        }
    )
    x, y = torch.randn(64, 1, 28, 28).numpy(), torch.randint(0, 10, (64,)).numpy()

    def layer(p, name, x, padding):
        pads = [(padding, padding)] * 2
        x = lax.conv_general_dilated(x, p[f"{name}.weight"], (1, 1), pads)
        x = jax.nn.relu(x + p[f"{name}.bias"][:, None, None])
        window = (1, 1, 2, 2)
        return lax.reduce_window(x, -float("inf"), lax.max, window, window, "VALID")

    def loss_of(p, x, y):
        h = layer(p, "conv2", layer(p, "conv1", x, 2), 0).reshape(len(x), -1)
        h = jax.nn.relu(_linear(p, "fc2", jax.nn.relu(_linear(p, "fc1", h))))
        return _cross_entropy(jax, _linear(p, "fc3", h), y)

    return _trainer(jax, _arrays(jax, model), (x, y), loss_of, _sgd(0.05, 0.9))


def vae(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    model = nn.ModuleList(
        [nn.Linear(784, 256), nn.Linear(256, 40), nn.Linear(20, 256), nn.Linear(256, 784)]
    )
    x = torch.rand(64, 784).numpy()

    def loss_of(p, x, key):
        mean, log_variance = jnp.split(_linear(p, "1", jax.nn.relu(_linear(p, "0", x))), 2, -1)
        z = mean + jax.random.normal(key, mean.shape) * jnp.exp(0.5 * log_variance)
        logits = _linear(p, "3", jax.nn.relu(_linear(p, "2", z)))
        likelihood = (jax.nn.softplus(logits) - logits * x).sum()
        divergence = -0.5 * (1 + log_variance - mean**2 - jnp.exp(log_variance)).sum()
        return (likelihood + divergence) / len(x)

    return _trainer(jax, _arrays(jax, model), (x,), loss_of, _adam(1e-3), random=True)


def gru_forecaster(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    model = nn.ModuleDict({"gru": nn.GRU(8, 64, batch_first=True), "head": nn.Linear(64, 8)})
    series = torch.randn(32, 49, 8).cumsum(1)
    x, y = series[:, :-1].transpose(0, 1).contiguous().numpy(), series[:, -1].numpy()

    def loss_of(p, x, y):
        inputs = x @ p["gru.weight_ih_l0"].T + p["gru.bias_ih_l0"]

        def cell(h, gates):
            r, z, n = jnp.split(gates, 3, -1)
            hr, hz, hn = jnp.split(h @ p["gru.weight_hh_l0"].T + p["gru.bias_hh_l0"], 3, -1)
            r, z = jax.nn.sigmoid(r + hr), jax.nn.sigmoid(z + hz)
            h = (1 - z) * jnp.tanh(n + r * hn) + z * h
            return h, None

        h, _ = jax.lax.scan(cell, jnp.zeros((32, 64)), inputs)
        return ((_linear(p, "head", h) - y) ** 2).mean()

    return _trainer(jax, _arrays(jax, model), (x, y), loss_of, _adam(1e-3))


def char_lstm(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    model = nn.ModuleDict(
        {
            "embedding": nn.Embedding(65, 64),
            "lstm": nn.LSTM(64, 128, batch_first=True),
            "head": nn.Linear(128, 65),
        }
    )
    text = torch.randint(0, 65, (16, 65))
    x, y = text[:, :-1].t().contiguous().numpy(), text[:, 1:].t().contiguous().flatten().numpy()

    def loss_of(p, x, y):
        bias = p["lstm.bias_ih_l0"] + p["lstm.bias_hh_l0"]
        inputs = p["embedding.weight"][x] @ p["lstm.weight_ih_l0"].T + bias

        def cell(state, gates):
            h, c = state
            i, f, u, o = jnp.split(gates + h @ p["lstm.weight_hh_l0"].T, 4, -1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(u)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (h, c), h

        zeros = jnp.zeros((16, 128))
        _, hs = jax.lax.scan(cell, (zeros, zeros), inputs)
        return _cross_entropy(jax, _linear(p, "head", hs.reshape(-1, 128)), y)

    return _trainer(jax, _arrays(jax, model), (x, y), loss_of, _adam(1e-3))


def nerf_mlp(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    sizes = [60, *(6 * [128]), 4]
    model = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
    points, colours = torch.rand(1024, 3).numpy(), torch.rand(1024, 4).numpy()
    octaves = (2.0 ** torch.arange(10)).numpy()

    def loss_of(p, points, colours, octaves):
        angles = (points[..., None] * octaves).reshape(len(points), -1)
        h = jnp.concatenate((jnp.sin(angles), jnp.cos(angles)), -1)
        for i in range(6):
            h = jax.nn.relu(_linear(p, str(i), h))
        return ((jax.nn.sigmoid(_linear(p, "6", h)) - colours) ** 2).mean()

    return _trainer(jax, _arrays(jax, model), (points, colours, octaves), loss_of, _adam(5e-4))


def skip_gram(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    model = nn.ModuleDict({"centre": nn.Embedding(5000, 64), "around": nn.Embedding(5000, 64)})
    words, near = torch.randint(0, 5000, (256,)).numpy(), torch.randint(0, 5000, (256,)).numpy()
    far = torch.randint(0, 5000, (256, 5)).numpy()

    def loss_of(p, words, near, far):
        v, around = p["centre.weight"][words], p["around.weight"]
        good = (v * around[near]).sum(-1)
        bad = jnp.einsum("bkd,bd->bk", around[far], v)
        return -(jax.nn.log_sigmoid(good).mean() + jax.nn.log_sigmoid(-bad).sum(1).mean())

    return _trainer(jax, _arrays(jax, model), (words, near, far), loss_of, _sgd(0.1))


def gcn(jax, torch):
    nn, jnp = torch.nn, jax.numpy
    torch.manual_seed(0)
    nodes, edges = 500, 4000
    x, y = torch.randn(nodes, 64).numpy(), torch.randint(0, 7, (nodes,)).numpy()
    source = torch.randint(0, nodes, (edges,)).numpy()
    target = torch.randint(0, nodes, (edges,)).numpy()
    degree = jnp.ones(nodes).at[target].add(1.0)
    weight = ((degree[source] * degree[target]) ** -0.5)[:, None]
    model = nn.ModuleList([nn.Linear(64, 32), nn.Linear(32, 7)])

    def spread(h, source, target, degree, weight):
        return h / degree[:, None] + jnp.zeros_like(h).at[target].add(h[source] * weight)

    def loss_of(p, x, y, *graph):
        h = jax.nn.relu(spread(_linear(p, "0", x), *graph))
        return _cross_entropy(jax, spread(_linear(p, "1", h), *graph), y)

    return _trainer(
        jax, _arrays(jax, model), (x, y, source, target, degree, weight), loss_of, _adam(1e-2)
    )


WORKLOADS = {
    "tiny MLP": tiny_mlp,
    "MNIST MLP": mnist_mlp,
    "LeNet": lenet,
    "VAE": vae,
    "char-LSTM": char_lstm,
    "GRU forecaster": gru_forecaster,
    "skip-gram": skip_gram,
    "NeRF MLP": nerf_mlp,
    "GCN by index_add": gcn,
}
