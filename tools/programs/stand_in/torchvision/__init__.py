"""A stand-in for the few names of torchvision that the MNIST example uses."""

from . import datasets as datasets
from . import transforms as transforms
