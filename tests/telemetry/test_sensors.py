"""What a host can say of itself, and what is told of it."""

import inspect
import math
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.telemetry.nvml import gpus
from monitor.telemetry.poll import Poller
from monitor.telemetry.rapl import processors
from monitor.telemetry.sensors import Changes, Group, MeanOfCounter, Sensor

NS = 1_000_000_000
FAKES = Path(__file__).with_name("fakes")


@pytest.fixture
def pynvml(monkeypatch):
    """The fake, with one GPU whose time is 10 s and stands still."""
    monkeypatch.syspath_prepend(FAKES)
    monkeypatch.delitem(sys.modules, "pynvml", raising=False)
    import pynvml

    pynvml.GPUS[:] = [pynvml.Gpu(now=lambda: 10.0)]
    yield pynvml
    sys.modules.pop("pynvml", None)


def powercap(root: Path, **counts: int) -> Path:
    """Return a tree as the kernel makes it: zones by number, all in one folder."""
    names = {"0": "package-0", "0:0": "core", "0:1": "dram", "1": "psys"}
    for number, name in names.items():
        zone = root / f"intel-rapl:{number}"
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "name").write_text(name + "\n")
        (zone / "max_energy_range_uj").write_text("262143328850\n")
        (zone / "energy_uj").write_text(f"{counts.get(name, 0)}\n")
    (root / "intel-rapl").mkdir(exist_ok=True)
    (root / "intel-rapl-mmio:0").mkdir(exist_ok=True)
    return root


def told(poller: Poller, now_s: float) -> dict[str, float]:
    return {poller.sensors[number].name: value for number, _, value in poller.poll(now_s)}


def test_a_gpu_tells_each_kind_of_power_by_its_name(pynvml):
    said = []
    poller = Poller(gpus(0.02, said.append), said.append)
    assert told(poller, 0.0) == {
        "GPU 0 power, NVML instant": pytest.approx(pynvml.GPUS[0].power_w(10.0), abs=1e-3),
        "GPU 0 power, NVML 1 s average": pytest.approx(pynvml.energy_j(9.0, 10.0), abs=1e-3),
        "GPU 0 SM clock": 1410.0,
        "GPU 0 memory clock": 2619.0,
        "GPU 0 temperature": 54.0,
        "GPU 0 utilisation": 97.0,
        "GPU 0 memory utilisation": 41.0,
        "GPU 0 enforced power limit": 350.0,
    }
    assert said == []
    average = poller.sensors[1]
    assert (average.device, average.unit, average.window_s) == (
        "NVIDIA Fake 1 GPU-00000000",
        "W",
        1.0,
    )


def test_what_the_energy_counter_tells_is_the_energy_that_was_used(pynvml):
    gpu, clock_s = pynvml.GPUS[0], [10.0]
    gpu.now = lambda: clock_s[0]
    poller = Poller(gpus(0.02, print), print, clock_ns=lambda: round(clock_s[0] * NS))
    told = []
    for k in range(1, 401):
        for number, time_ns, value in poller.poll(clock_s[0]):
            if poller.sensors[number].name == "GPU 0 power, NVML energy counter":
                told.append((time_ns, value))
        clock_s[0] = 10.0 + k * 0.02
    (first_ns, _), *rest = told
    energy_j, last_ns = 0.0, first_ns
    for time_ns, power_w in rest:
        assert 99 < power_w < 401
        energy_j += power_w * (time_ns - last_ns) / NS
        last_ns = time_ns
    first_s, last_s = (math.floor(ns / NS * 10 + 1e-6) / 10 for ns in (first_ns, last_ns))
    assert last_s - first_s > 7
    assert energy_j == pytest.approx(pynvml.energy_j(first_s, last_s), abs=0.01)


def test_a_card_without_the_fields_tells_what_it_has_and_that_it_is_less(pynvml):
    pynvml.GPUS[0].fields = False
    pynvml.GPUS[0].counter = False
    said = []
    poller = Poller(gpus(0.02, said.append), said.append)
    powers = {name: value for name, value in told(poller, 0.0).items() if "power," in name}
    (power_w,) = [powers.pop("GPU 0 power, NVML usage")]
    assert power_w == pytest.approx(pynvml.GPUS[0].power_w(10.0), abs=1e-3)
    assert powers == {}
    assert said == [
        "GPU 0 does not tell instant and average power apart: a 1 s average on Ampere (but GA100)"
        " and later, else instant",
        "GPU 0 has no energy counter",
    ]


def test_a_gpu_that_is_lost_is_told_once_and_read_again(pynvml):
    said, clock_ns = [], [0]
    poller = Poller(gpus(0.02, said.append), said.append, clock_ns=lambda: clock_ns[0])
    told(poller, 0.0)
    pynvml.GPUS[0].lost = True
    for k in range(1, 400):
        assert told(poller, 0.02 * k) == {}
    assert sorted(said) == [
        "GPU 0 SM clock does not answer any more: GPU is lost",
        "GPU 0 power, NVML energy counter does not answer any more: GPU is lost",
        "GPU 0 power, NVML instant does not answer any more: GPU is lost",
    ]
    pynvml.GPUS[0].lost, clock_ns[0] = False, 30 * NS
    assert "GPU 0 power, NVML instant" in told(poller, 30.0)


def test_without_a_driver_nvml_says_so_and_that_is_all(pynvml, monkeypatch):
    monkeypatch.setenv("WATTSTAGE_FAKE_GPUS", "none")
    said = []
    assert gpus(0.02, said.append) == []
    assert said == ["no GPU telemetry: NVML says Driver Not Loaded"]


def test_the_real_pynvml_without_a_driver_does_the_same():
    pytest.importorskip("pynvml")
    said = []
    if gpus(0.02, said.append):
        pytest.skip("there is a GPU here")
    assert len(said) == 1
    assert said[0].startswith("no GPU telemetry: NVML")


def test_without_pynvml_what_to_install_is_said_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", None)
    said = []
    assert gpus(0.02, said.append) == []
    assert said == [
        "no GPU telemetry: pynvml is not installed; pip install 'wattstage[nvml]'",
    ]


def test_the_zones_of_a_processor_are_read_by_name(tmp_path):
    root = powercap(tmp_path)
    clock_ns = [10 * NS]
    said = []
    poller = Poller(processors(said.append, root), said.append, clock_ns=lambda: clock_ns[0])
    assert told(poller, 0.0) == {}
    powercap(root, **{"package-0": 1, "core": 1, "dram": 1})
    clock_ns[0] += NS // 10
    assert told(poller, 0.1) == {}, "now it is known when they were updated"
    powercap(root, **{"package-0": 5_000_001, "core": 4_000_001, "dram": 1_000_001})
    clock_ns[0] += NS // 10
    assert told(poller, 0.2) == {
        "CPU 0 package power, RAPL": 50.0,
        "CPU 0 core power, RAPL": 40.0,
        "CPU 0 dram power, RAPL": 10.0,
    }
    assert [sensor.name for sensor in poller.sensors][-1] == "CPU psys power, RAPL"
    assert said == []


def test_a_counter_that_nobody_may_read_is_said_once_with_what_helps(tmp_path, monkeypatch):
    root = powercap(tmp_path)
    refuse = Path.read_text

    def read(path, *args):
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return refuse(path, *args)

    monkeypatch.setattr(Path, "read_text", read)
    said = []
    assert processors(said.append, root) == []
    (text,) = said
    assert text.startswith(
        "no CPU telemetry: only root may read RAPL's energy counters; sudo chmod"
    )


def test_a_virtual_machine_without_zones_is_said_once(tmp_path):
    said = []
    assert processors(said.append, tmp_path / "none") == []
    (text,) = said
    assert text.startswith("no CPU telemetry: there are no RAPL zones in ")


def test_a_nonsense_zone_does_not_hide_the_others(tmp_path):
    root = powercap(tmp_path)
    (root / "intel-rapl:0:0" / "energy_uj").write_text("what\n")
    said = []
    assert len(processors(said.append, root)) == 3
    assert said[0].startswith("the RAPL zone intel-rapl:0:0 cannot be read: ")


@given(st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), min_size=1), st.data())
def test_a_counter_that_wraps_counts_every_joule(steps, data):
    size = data.draw(st.integers(10**6 + 1, 10**8))
    rule = MeanOfCounter(1e-6, least_s=0.0, range=size)
    total = data.draw(st.integers(0, size - 1))
    time_ns, energy_j = 1, 0.0
    updates = []  # when, and what had been counted by then
    rule.take(time_ns, total % size)
    for dt_ns, counts in steps:
        time_ns, total = time_ns + dt_ns, total + counts
        power_w = rule.take(time_ns, total % size)
        assert (power_w is not None) == (counts > 0 and bool(updates))
        if power_w is not None:
            energy_j += power_w * (time_ns - updates[-1][0]) / NS
        if counts > 0:
            updates.append((time_ns, total))
    counted = updates[-1][1] - updates[0][1] if updates else 0
    assert energy_j == pytest.approx(counted * 1e-6, rel=1e-9, abs=1e-12)


def test_a_mean_ends_where_the_counter_was_seen_to_change():
    rule = MeanOfCounter(1.0, least_s=0.15)
    looks = [(0.00, 0), (0.10, 10), (0.20, 20), (0.28, 20), (0.30, 35), (0.38, 35), (0.50, 60)]
    told = [(at_s, rule.take(round(at_s * NS), float(value))) for at_s, value in looks]
    assert [(at_s, value) for at_s, value in told if value is not None] == [
        (0.30, pytest.approx(25 / 0.2)),
        (0.50, pytest.approx(25 / 0.2)),
    ]


def test_a_counter_that_is_reset_or_a_clock_that_is_set_back_makes_no_power():
    rule = MeanOfCounter(1.0, least_s=0.0)
    assert rule.take(0, 90.0) is None
    assert rule.take(NS, 100.0) is None
    assert rule.take(2 * NS, 150.0) == 50.0
    assert rule.take(3 * NS, 3.0) is None
    assert rule.take(4 * NS, 10.0) == 7.0
    assert rule.take(NS, 20.0) is None
    assert rule.take(2 * NS, 25.0) == 5.0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_only_changes_and_heartbeats_are_told(values):
    rule = Changes(heartbeat_s=0.5)
    out = [rule.take(k * NS // 10, float(value)) for k, value in enumerate(values)]
    last_k, last = -math.inf, None
    for k, (value, each) in enumerate(zip(values, out, strict=True)):
        expected = value if value != last or k - last_k >= 5 else None
        assert each == expected
        if each is not None:
            last_k, last = k, value


def test_each_group_has_a_pace_of_its_own_and_being_late_skips():
    def group(name, period_s):
        sensor = Sensor(name=name, device="d", unit="", interval_s=period_s)
        return Group((sensor,), (Changes(0.0),), period_s, lambda: (1.0,))

    poller = Poller([group("fast", 0.25), group("slow", 1.0)], print)
    names = [sorted(told(poller, now_s)) for now_s in (4.0, 4.1, 4.25, 4.9, 5.0, 9.3, 9.4)]
    assert names == [
        ["fast", "slow"], [], ["fast"], ["fast"], ["fast", "slow"], ["fast", "slow"], [],
    ]  # fmt: skip
    assert poller.due_s == 9.5


def test_the_fake_has_the_calls_and_constants_of_the_real_one(pynvml):
    shown = {name: getattr(pynvml, name) for name in dir(pynvml) if name.lower().startswith("nvml")}
    assert len(shown) > 15
    sys.modules.pop("pynvml")
    sys.path.remove(str(FAKES))
    real = pytest.importorskip("pynvml")
    sys.modules.pop("pynvml")
    assert Path(real.__file__).parent != FAKES
    for name, ours in shown.items():
        theirs = getattr(real, name)
        if isinstance(ours, int):
            assert ours == theirs, name
        elif not isinstance(ours, type):
            assert inspect.signature(ours) == inspect.signature(theirs), name
