"""What a build for the CPU answers to questions about other devices."""

import pytest

import flambeau


def test_no_accelerator():
    assert flambeau.accelerator.is_available() is False
    assert flambeau.accelerator.device_count() == 0
    assert flambeau.accelerator.current_accelerator() is None
    for call in (
        flambeau.accelerator.synchronize,
        flambeau.accelerator.current_device_index,
        lambda: flambeau.accelerator.set_device_index(0),
        flambeau.accelerator.memory_allocated,
    ):
        with pytest.raises(RuntimeError, match=r"^accelerator\.\w+\(\): no accelerator"):
            call()


def test_no_cuda():
    assert flambeau.cuda.is_available() is False
    assert flambeau.cuda.device_count() == 0
    flambeau.cuda.manual_seed_all(0)
    with pytest.raises(RuntimeError, match="without CUDA"):
        flambeau.cuda.synchronize()
