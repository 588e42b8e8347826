"""Hostile arguments for every operator: an exception or a result, never a signal."""
