"""The generator: reads the operator table in ``ops/`` and writes C++ entry points, gradient nodes,
CPU loops, Python bindings, stubs and the operator reference."""
