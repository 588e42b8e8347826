"""Compose, ToTensor, Normalize on single images."""

import numpy as np
import torch


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, x):
        for t in self.transforms:
            x = t(x)
        return x


class ToTensor:
    """A uint8 image (H, W) becomes a tensor of the default dtype (1, H, W) in [0, 1]."""

    def __call__(self, image):
        return (
            torch.from_numpy(np.array(image, copy=True))
            .unsqueeze(0)
            .to(torch.get_default_dtype())
            .div(255)
        )


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = torch.tensor(mean), torch.tensor(std)

    def __call__(self, x):
        return x.sub(self.mean.view(-1, 1, 1)).div(self.std.view(-1, 1, 1))
