"""What ``import flambeau`` costs. `make checks` measures its time, undisturbed."""

from tools.checks import footprint


def test_import_stays_light():
    _, resident, modules = footprint.measure_import()
    assert "flambeau._C" in modules
    assert not footprint.heavy_among(modules)
    assert resident <= footprint.RESIDENT_MB * 1e6
