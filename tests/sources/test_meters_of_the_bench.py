"""Meters of the bench over the libraries and sockets of real ones: the load's power, and gaps."""

import asyncio
import contextlib
import os

import numpy as np
import pytest

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.bench.meters.powermeter import Wrong
from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConnectionLostError, ProtocolError
from monitor.model import NS, Marker, Reading
from monitor.sources.clock import SystemClock
from monitor.sources.meters.make import make_meter

LOAD = WorkloadSettings(speed=60.0, texture=0.0, n_clips=1)
"""Loads models after 0.1 s, and is done after 2 s."""
QUERIES = tuple(
    QuerySettings(name=name, query="FETC? W,V,I", unit=name, field=k, invalid=(-1.0,))
    for k, name in enumerate("WVA")
)


class Hasty(SystemClock):
    """Real time, in which nobody pauses long."""

    async def sleep(self, seconds):
        await asyncio.sleep(min(seconds, 0.05))


def settings_of(name, lab, **changes):
    queries = {"queries": QUERIES, "setup": (":SENS:APER 0.1",)} if name == "scpi" else {}
    return MeterSettings(
        **{"kind": name, "address": lab.meters[name].address, "interval_s": 0.1, "window_s": 0.1}
        | queries
        | changes
    )


async def taken(name, until, before=lambda meter: None, clock=None, **changes):
    """Return the lab and all items up to one that ends it."""
    async with Lab(BenchSettings(meters=(name,), supply="dc", workload=LOAD)) as lab:
        before(lab.meters[name])
        meter = make_meter(settings_of(name, lab, **changes), clock or SystemClock())
        items = []
        async with meter, contextlib.aclosing(meter.readings()) as readings:
            async for item in readings:
                items.append(item)
                if until(items, lab):
                    return lab, items
    raise AssertionError("it ended by itself")


def powers(items):
    return [item for item in items if isinstance(item, Reading) and item.channel.unit == "W"]


def kinds(items):
    return [item.attrs["kind"] for item in items if isinstance(item, Marker)]


def truth_w(lab, reading):
    """Return the lowest and the highest mean power over a window that the reading may have."""
    end_s = (reading.time_ns - lab.zero_ns) / NS
    ends = np.linspace(end_s - 0.12, end_s + 0.02, 57)
    means = [lab.workload.energy_j(end - 0.1, end) / 0.1 for end in ends]
    return min(means), max(means)


@pytest.mark.parametrize(
    ("name", "changes"),
    [("scpi", {}), ("yokogawa-wt", {}), ("yokogawa-wt", {"format": "float"})],
)
def test_readings_are_means_of_the_load(name, changes):
    lab, items = asyncio.run(taken(name, lambda items, lab: len(powers(items)) == 9, **changes))
    for reading in powers(items):
        low, high = truth_w(lab, reading)
        assert 0.995 * low <= reading.value <= 1.005 * high
    values = [reading.value for reading in powers(items)]
    assert max(values) > 2 * min(values), "the load was not seen to change"


@pytest.mark.parametrize("wrong", Wrong)
@pytest.mark.parametrize("name", ["scpi", "yokogawa-wt"])
def test_no_error_value_is_a_reading(name, wrong):
    def begin(meter):
        meter.instrument.reader.wrong = wrong
        meter.instrument.reader.wrong_every = 2

    _, items = asyncio.run(
        taken(name, lambda items, lab: kinds(items).count("invalid-over") >= 2, begin)
    )
    values = [item.value for item in items if isinstance(item, Reading)]
    assert min(values) > 0.0
    assert max(values) < 2000.0


@pytest.mark.parametrize("name", ["scpi", "yokogawa-wt"])
def test_a_meter_that_is_switched_off_and_on_is_found_again(name):
    async def switch(meter):
        await meter.server.stop()
        await asyncio.sleep(0.1)
        await meter.server.start()

    tasks = []

    def until(items, lab):
        if len(powers(items)) == 2 and not tasks:
            tasks.append(asyncio.create_task(switch(lab.meters[name])))
        told = kinds(items)
        return "reconnected" in told and isinstance(items[-1], Reading)

    _, items = asyncio.run(taken(name, until, clock=Hasty(), timeout_s=0.5))
    assert [kind for kind in kinds(items) if kind in {"lost", "reconnected"}] == [
        "lost", "reconnected",
    ]  # fmt: skip


def pmd_truth_w(lab, reading):
    end_s = (reading.time_ns - lab.zero_ns) / NS
    ends = np.linspace(end_s - 0.15, end_s + 0.05, 81)
    means = [lab.workload.energy_j(end - 0.2, end) / 0.2 for end in ends]
    return min(means), max(means)


def test_a_pmd_reads_the_sum_of_its_inputs_with_the_offsets_that_it_keeps():
    lab, items = asyncio.run(
        taken(
            "elmorlabs-pmd",
            lambda items, lab: sum(r.channel.name == "input 4 power" for r in items) == 8,
            interval_s=0.2,
        )
    )
    totals = [item for item in items if item.channel.name == "power"]
    for reading in totals[1:]:
        low, high = pmd_truth_w(lab, reading)
        assert 0.99 * low - 2.0 <= reading.value <= 1.01 * high + 2.0
    by_time = {}
    for item in items:
        by_time.setdefault(item.time_ns, []).append(item.value)
    for total, *inputs in by_time.values():
        assert len(inputs) == 4
        assert sum(inputs) == pytest.approx(total)
    values = [reading.value for reading in totals]
    assert max(values) > 2 * min(values), "the load was not seen to change"


@pytest.mark.parametrize("how", ["unplugged", "lost byte", "silent"])
def test_a_pmd_that_goes_away_is_found_again(how):
    async def interfere(pmd):
        if how == "lost byte":
            pmd.lose_byte = True
        elif how == "silent":
            pmd.is_sending = False
        else:
            await pmd.unplug()
            await asyncio.sleep(0.1)
            pmd.plug()

    tasks = []

    def until(items, lab):
        if len(powers(items)) >= 5 and not tasks:
            tasks.append(asyncio.create_task(interfere(lab.meters["elmorlabs-pmd"])))
        return "reconnected" in kinds(items) and isinstance(items[-1], Reading)

    lab, items = asyncio.run(taken("elmorlabs-pmd", until, clock=Hasty(), timeout_s=0.4))
    assert kinds(items) == ["lost", "reconnected"]
    assert all(0 < item.value < 2000 for item in powers(items) if item.channel.name == "power")
    assert not lab.meters["elmorlabs-pmd"].is_sending, "it was told to stop"


def test_what_is_no_pmd_is_named(tmp_path):
    meter = make_meter(
        MeterSettings(kind="elmorlabs-pmd", address=str(tmp_path / "none")), SystemClock()
    )

    async def enter(what):
        async with what:
            pass

    with pytest.raises(ConnectionLostError, match=r"cannot be opened: .*No such file"):
        asyncio.run(enter(meter))

    async def stranger():
        ours, theirs = os.openpty()
        try:
            port = os.ttyname(theirs)
            settings = MeterSettings(kind="elmorlabs-pmd", address=port, timeout_s=0.2)
            await enter(make_meter(settings, SystemClock()))
        finally:
            os.close(ours)
            os.close(theirs)

    with pytest.raises(ProtocolError, match=r"expected an ElmorLabs PMD-USB .* says nothing"):
        asyncio.run(stranger())
