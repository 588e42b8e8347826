"""Lazy modules."""

from .._lazy_mixin import LazyModuleMixin as LazyModuleMixin
