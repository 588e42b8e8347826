"""The parts a loader is made of."""

from . import collate as collate
from . import fetch as fetch
