"""flambeau and PyTorch side by side: ``python -m benchmarks`` in an environment that has both."""
