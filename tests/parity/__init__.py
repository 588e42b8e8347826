"""PyTorch's own operator, module and optimizer tables, run against flambeau."""
