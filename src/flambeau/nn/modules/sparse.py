"""Embeddings."""

from .._embedding import (
    Embedding as Embedding, EmbeddingBag as EmbeddingBag,
)
