"""Embeddings."""

from .._embedding import Embedding as Embedding
from .._embedding import EmbeddingBag as EmbeddingBag
