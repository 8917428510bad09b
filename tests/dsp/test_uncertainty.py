"""The uncertainty of a stage's energy is how far the energy moves when the calibration is wrong."""

import math

import msgspec
import numpy as np
import pytest
from fakes import INFO, SCALES
from hypothesis import given
from hypothesis import strategies as st

from monitor.config import HistorySettings, MetricsSettings
from monitor.history.account import Account
from monitor.model import Block, Calibration, Channel, Edge, Marker, Quantity

RATE_HZ = INFO.sample_rate_hz
VOLTS, AMPS = (channel.name for channel in INFO.channels)


def calibrated(channels, **of):
    """The channels, some with a calibration."""
    return tuple(
        msgspec.structs.replace(
            channel,
            probe=msgspec.structs.replace(
                channel.probe, calibration=of.get(channel.name, Calibration())
            ),
        )
        for channel in channels
    )


def table(codes, channels=INFO.channels, missing=()):
    """Two stages in one, the second of a tenth; samples may be missing in a range."""
    account = Account(
        msgspec.structs.replace(INFO, channels=channels), MetricsSettings(), HistorySettings()
    )
    n = codes.shape[1]
    for start, stop in ((0, missing[0]), (missing[1], n)) if missing else ((0, n),):
        scales = SCALES * (len(channels) // 2)
        block = Block(start, codes[:, start:stop], scales, (0,) * len(channels), 0, 0)
        account.enter_block(block)
    spans = (("run", "", 0, n), ("a", "run", 0, n * 3 // 10), ("b", "run", n // 2, n * 6 // 10))
    for seq, (name, parent, start, stop) in enumerate(spans):
        for edge, at in ((Edge.BEGIN, start), (Edge.END, stop)):
            account.enter_marker(
                Marker(
                    time_ns=INFO.time_ns(at), stage=name, edge=edge, run_id="r", span_id=name,
                    parent_id=parent, seq=2 * seq + (edge is Edge.END),
                )
            )  # fmt: skip
    return account.table()


def everything(found):
    return [*found.stages, found.unattributed, found.total]


def dc(n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return np.stack(
        (rng.normal(12_000, 100, n), np.repeat(rng.uniform(0, 9000, n // 100), 100))
    ).astype(np.int16)


def moved(codes, **how):
    """How far each energy moves if the calibration is not nothing, but this."""
    plain, other = (
        everything(table(codes, channels))
        for channels in (INFO.channels, calibrated(INFO.channels, **how))
    )
    return [b.energy_j - a.energy_j for a, b in zip(plain, other, strict=True)]


@pytest.mark.parametrize("name", [VOLTS, AMPS])
def test_a_gain_that_is_wrong_moves_energies_by_their_uncertainty(name):
    codes = dc()
    stated = calibrated(INFO.channels, **{name: Calibration(gain_uncertainty=0.01)})
    found = [used.u_j for used in everything(table(codes, stated))]
    assert found == pytest.approx(moved(codes, **{name: Calibration(gain=1.01)}), rel=1e-3)


@pytest.mark.parametrize("name", [VOLTS, AMPS])
def test_an_offset_that_is_wrong_moves_energies_by_their_uncertainty(name):
    codes = dc()
    stated = calibrated(INFO.channels, **{name: Calibration(offset_uncertainty=0.05)})
    found = [used.u_j for used in everything(table(codes, stated))]
    assert found == pytest.approx(moved(codes, **{name: Calibration(offset=0.05)}), rel=1e-3)


def test_on_mains_the_zero_of_the_clamp_costs_next_to_nothing():
    t = np.arange(10_000) / RATE_HZ
    codes = np.round(8000 * np.stack((np.sin(314.159265 * t),) * 2)).astype(np.int16)
    stated = calibrated(INFO.channels, **{AMPS: Calibration(offset_uncertainty=0.1)})
    used = table(codes, stated).total
    assert used.u_j < 1e-3 * used.energy_j


def test_dead_time_is_as_uncertain_as_what_stands_for_it():
    codes = np.repeat([[12_000], [3000]], 4000, axis=1).astype(np.int16)
    stated = calibrated(INFO.channels, **{AMPS: Calibration(offset_uncertainty=0.05)})
    whole, gapped = (table(codes, stated, missing) for missing in ((), (1000, 3000)))
    assert [used.u_j for used in everything(gapped)] == pytest.approx(
        [used.u_j for used in everything(whole)]
    )


@given(st.tuples(*[st.just(0.0) | st.floats(1e-6, 0.1)] * 4))
def test_independent_parts_add_as_squares(parts):
    gain_v, gain_i, offset_v, offset_i = parts
    each = calibrated(
        INFO.channels,
        **{
            VOLTS: Calibration(gain_uncertainty=gain_v, offset_uncertainty=offset_v),
            AMPS: Calibration(gain_uncertainty=gain_i, offset_uncertainty=offset_i),
        },
    )
    codes = np.repeat([[12_000], [3000]], 1000, axis=1).astype(np.int16)
    used = table(codes, each).total
    expected = [3.6 * gain_v, 3.6 * gain_i, 0.3 * offset_v, 1.2 * offset_i]
    if not any(parts):
        assert used.u_j is None
    else:
        assert used.u_j == pytest.approx(math.hypot(*expected), rel=1e-4, abs=1e-12)


def test_several_rails_are_as_uncertain_as_the_worst_of_them():
    second = tuple(
        msgspec.structs.replace(channel, rail="gpu", name=f"gpu {channel.name}")
        for channel in INFO.channels
    )
    channels = (
        *calibrated(INFO.channels, **{AMPS: Calibration(gain_uncertainty=0.01)}),
        *calibrated(second, **{f"gpu {AMPS}": Calibration(gain_uncertainty=0.02)}),
    )
    used = table(np.concatenate((dc(), dc(seed=1))), channels).total
    assert used.u_j == pytest.approx(0.02 * used.energy_j)


def test_a_channel_that_is_power_has_its_own_share():
    channel = Channel(name="p", quantity=Quantity.POWER)
    channels = calibrated((channel,), p=Calibration(gain_uncertainty=0.03, offset_uncertainty=0.4))
    account = Account(
        msgspec.structs.replace(INFO, channels=channels), MetricsSettings(), HistorySettings()
    )
    account.enter_block(Block(0, np.full((1, 10_000), 2000, np.int16), SCALES[:1], (0,), 0, 0))
    used = account.table().total
    assert used.energy_j == pytest.approx(2.0)
    assert used.u_j == pytest.approx(math.hypot(0.06, 0.4))


def test_without_a_stated_uncertainty_there_is_none():
    channels = calibrated(INFO.channels, **{AMPS: Calibration(gain=1.1, offset=0.3)})
    assert {used.u_j for used in everything(table(dc(), channels))} == {None}
