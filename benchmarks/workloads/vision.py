"""Models of images: residual network, vision transformer, autoencoder, generator, U-Net."""

from __future__ import annotations

from ._workload import Workload, trainer


def resnet18_model(torch, classes: int = 10, small_images: bool = True):
    """ResNet-18 (He et al., 2015); for 32x32 images with a 3x3 first convolution, no pooling."""
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.shortcut = None
            if stride != 1 or before != after:
                self.shortcut = nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
                )

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            y = self.bn2(self.conv2(y))
            return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))

    if small_images:
        layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    else:
        layers = [
            nn.Conv2d(3, 64, 7, 2, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        ]
    before = 64
    for after, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(before, after, stride), Block(after, after, 1)]
        before = after
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes))


def resnet18(torch):
    """ResNet-18 on 32x32 images, batches of 8."""
    torch.manual_seed(0)
    model = resnet18_model(torch)
    x, y = torch.randn(8, 3, 32, 32), torch.randint(0, 10, (8,))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return trainer(optimizer, lambda: torch.nn.functional.cross_entropy(model(x), y))


def small_vit(torch):
    """A vision transformer of 4 layers, width 128, on 32x32 images in 4x4 patches; batches of 8."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 128, 4, 4)
            self.token = nn.Parameter(torch.zeros(1, 1, 128))
            self.places = nn.Parameter(torch.randn(1, 65, 128) * 0.02)
            layer = nn.TransformerEncoderLayer(
                128, 4, 256, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            self.encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
            self.head = nn.Linear(128, 10)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat((self.token.expand(len(x), -1, -1), x), 1) + self.places
            return self.head(self.encoder(x)[:, 0])

    model = ViT()
    x, y = torch.randn(8, 3, 32, 32), torch.randint(0, 10, (8,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return trainer(optimizer, lambda: F.cross_entropy(model(x), y))


def vae(torch):
    """A variational autoencoder of linear layers (Kingma and Welling, 2013), batches of 64."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 40))
    decoder = nn.Sequential(nn.Linear(20, 256), nn.ReLU(), nn.Linear(256, 784))
    x = torch.rand(64, 784)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)

    def loss_of():
        mean, log_variance = encoder(x).chunk(2, -1)
        z = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
        likelihood = F.binary_cross_entropy_with_logits(decoder(z), x, reduction="sum")
        divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
        return (likelihood + divergence) / len(x)

    return trainer(optimizer, loss_of)


def dcgan(torch):
    """A step of discriminator and generator on 32x32 images (Radford et al., 2015)."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)
    generator = nn.Sequential(
        nn.ConvTranspose2d(64, 128, 4, 1, 0, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(True),
        nn.ConvTranspose2d(64, 32, 4, 2, 1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(True),
        nn.ConvTranspose2d(32, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    discriminator = nn.Sequential(
        nn.Conv2d(3, 32, 4, 2, 1),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(32, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.LeakyReLU(0.2, True),
        nn.Conv2d(128, 1, 4, 1, 0),
        nn.Flatten(0),
    )
    images = torch.rand(16, 3, 32, 32) * 2 - 1
    real, fake = torch.ones(16), torch.zeros(16)
    for_generator = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    for_discriminator = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    loss_of = F.binary_cross_entropy_with_logits

    def step():
        made = generator(torch.randn(16, 64, 1, 1))
        for_discriminator.zero_grad()
        loss = loss_of(discriminator(images), real) + loss_of(discriminator(made.detach()), fake)
        loss.backward()
        for_discriminator.step()
        for_generator.zero_grad()
        deceit = loss_of(discriminator(made), real)
        deceit.backward()
        for_generator.step()
        return loss.detach() + deceit.detach()

    return step


def unet(torch):
    """A U-Net of two levels on 64x64 images, batches of 4 (Ronneberger et al., 2015)."""
    nn, F = torch.nn, torch.nn.functional
    torch.manual_seed(0)

    def double(before, after):
        return nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(after, after, 3, padding=1),
            nn.ReLU(),
        )

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down1, self.down2, self.bottom = double(1, 16), double(16, 32), double(32, 64)
            self.up2 = nn.ConvTranspose2d(64, 32, 2, 2)
            self.join2 = double(64, 32)
            self.up1 = nn.ConvTranspose2d(32, 16, 2, 2)
            self.join1 = double(32, 16)
            self.head = nn.Conv2d(16, 1, 1)

        def forward(self, x):
            a = self.down1(x)
            b = self.down2(F.max_pool2d(a, 2))
            c = self.bottom(F.max_pool2d(b, 2))
            b = self.join2(torch.cat((self.up2(c), b), 1))
            return self.head(self.join1(torch.cat((self.up1(b), a), 1)))

    model = UNet()
    x, y = torch.randn(4, 1, 64, 64), (torch.rand(4, 1, 64, 64) > 0.5).float()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return trainer(optimizer, lambda: F.binary_cross_entropy_with_logits(model(x), y))


WORKLOADS = {
    "ResNet-18, 32x32": Workload(resnet18, "training"),
    "small ViT": Workload(small_vit, "training"),
    "VAE": Workload(vae, "training"),
    "DCGAN": Workload(dcgan, "training"),
    "U-Net": Workload(unet, "training"),
}
