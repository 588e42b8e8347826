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


@pytest.fixture
def cpu():
    flambeau.cpu.empty_cache()
    yield flambeau.cpu
    flambeau.cpu.set_memory_limit(None)


def test_memory_of_the_processor_is_counted(cpu):
    before = cpu.memory_allocated()
    cpu.reset_peak_memory_stats()
    x = flambeau.zeros(1 << 20)
    assert cpu.memory_allocated() - before == 4 << 20
    assert cpu.memory_reserved() >= cpu.memory_allocated()
    del x
    assert cpu.memory_allocated() == before
    assert cpu.max_memory_allocated() - before == 4 << 20
    kept = cpu.memory_reserved()
    cpu.empty_cache()
    assert kept - cpu.memory_reserved() >= 4 << 20


def test_memory_limit(cpu):
    assert cpu.memory_limit() is None
    cpu.set_memory_limit(cpu.memory_reserved() + (8 << 20))
    x = flambeau.zeros(1 << 20)
    with pytest.raises(RuntimeError, match="bytes of the [0-9]+ that are allowed"):
        x.double()
    assert float(x.sum()) == 0
    for wrong, error in ((-1, ValueError), (2**70, RuntimeError), (1.5, TypeError)):
        with pytest.raises(error):
            cpu.set_memory_limit(wrong)
    cpu.set_memory_limit(None)
    assert x.double().dtype is flambeau.float64
