"""The instrument, what is connected to it, and what it delivers in a few seconds."""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections.abc import Iterator, Set
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.calibration.taking import Taken, take
from monitor.config import InputSettings, InstrumentSettings
from monitor.doctor.report import Level, Line, failed
from monitor.dsp.power import total_power
from monitor.errors import WattstageError
from monitor.model import Quantity, Supply
from monitor.setup.preview import Preview
from monitor.sources.clock import SystemClock
from monitor.units import give_or_take, share, si, window

_ENOUGH = 2.0  # times as long as asked for, dead time included
_NO_POWER = frozenset({"clamp-reversed", "no-current", "no-voltage"})
"""What explains that there is no power, or less than none."""
_NOISE_S = 0.02  # window of the live power
_GOOD_COVERAGE, _POOR_COVERAGE = 0.5, 0.05
_MOST_CLIPPED = 1e-3  # of the samples; the energy of more is not what it says
_MOST_NOISE = 0.01  # of the power, over the window
_LIKELY_A = 0.05  # of a clamp that nobody has zeroed
_MATTERS = 1e-3  # of the power
_OLD_DAYS = 7
_SAME_RATE = 0.01
_LEVELS: dict[str, Level] = {"error": "fail", "warning": "warn", "note": "ok"}


@dataclass(slots=True)
class Flow:
    """How fast data comes; told by the instrument, asked for by who looks at the disk."""

    bytes_per_s: float


def expected_flow(settings: InstrumentSettings | None) -> Flow:
    """Return what a profile lets expect; 100 kS/s of two channels if it does not say."""
    rate_hz = settings.sample_rate_hz if settings is not None else None
    n_inputs = len(settings.inputs) if settings is not None else 2
    width = 1 if settings is not None and settings.format == "BYTE" else 2
    return Flow((rate_hz or 100e3) * n_inputs * width)


def examine(settings: InstrumentSettings, seconds: float, flow: Flow) -> Iterator[Line]:
    """Yield what is found; blocking.

    Parameters
    ----------
    seconds
        That are measured.
    flow
        Is told how fast data comes.
    """
    told: set[str] = set()
    if settings.kind == "scope":
        try:
            with Preview(settings, wait=_sleep) as preview:
                trial = preview.take()
        except WattstageError as error:
            yield failed("instrument", error)
            return
        yield Line(id="instrument", level="ok", what=f"{trial.panel.identity} answers")
        told = {finding.id for finding in trial.findings}
        for finding in trial.findings:
            yield Line(
                id=finding.id,
                level=_LEVELS[finding.level],
                what=finding.what,
                fix=finding.fix,
            )
        if trial.is_refused:
            return
    if "record-too-short" in told:  # it is refused where mains is said, and that is known now
        settings = msgspec.structs.replace(settings, supply=Supply.AUTO)
    try:
        taken = asyncio.run(take(settings, seconds, SystemClock(), enough_s=_ENOUGH * seconds))
    except WattstageError as error:
        yield failed("measurement", error)
        return
    if settings.kind != "scope":
        yield Line(id="instrument", level="ok", what=f"source {settings.kind!r} delivers")
    flow.bytes_per_s = taken.bytes_per_s
    yield _rate(settings, taken)
    yield _coverage(taken)
    yield from _clipping(taken)
    values = [_calibrated(record, settings.inputs) for record in taken.records]
    powers = [total_power(each, taken.channels) for each in values]
    yield from _power(powers, taken, told)
    volts, now = _volts(values, settings.inputs), datetime.datetime.now(datetime.UTC)
    for item in settings.inputs:
        if item.quantity is Quantity.CURRENT:
            yield zero(item, volts, _mean_w(powers), now)


def zero(item: InputSettings, volts: float, power_w: float, now: datetime.datetime) -> Line:
    """Return what is known of a clamp's zero.

    Parameters
    ----------
    volts
        Mean voltage; on mains about 0, where a zero that is wrong costs next to nothing.
    power_w
        Mean power, which the zero's error is compared with.
    """
    found, name = item.calibration, item.channel().name
    fix = f"wattstage calibrate zero --config PROFILE --input {item.input}, without current"
    if not found.date and not found.offset and not item.offset:
        likely_w = _LIKELY_A * abs(volts)
        matters = not likely_w < _MATTERS * abs(power_w)
        return Line(
            id="zero",
            level="warn" if matters else "ok",
            what=f"{name} was never zeroed; a zero that is off by {si(_LIKELY_A, 'A')} makes"
            f" {si(likely_w, 'W')} at this supply",
            fix=fix if matters else "",
        )
    age = _age_days(found.date, now)
    what = f"{name}: offset {give_or_take(found.offset, found.offset_uncertainty or None, 'A')}"
    if found.offset_uncertainty:
        what += f", ± {si(found.offset_uncertainty * abs(volts), 'W')} at the mean voltage"
    what += f", zeroed {age:.0f} days ago" if age is not None else ", zeroed nobody knows when"
    is_old = age is None or age > _OLD_DAYS
    return Line(
        id="zero",
        level="warn" if is_old else "ok",
        what=what,
        fix=fix if is_old else "",
        value=found.offset,
        unit="A",
    )


def noise_w(powers: list[NDArray[np.float32]]) -> float:
    """Return the standard deviation of the noise of the power's samples, in W.

    From second differences, which see neither a level nor a slope; the median, so that edges of
    the load count little.
    """
    bends = np.concatenate([np.diff(each.astype(np.float64), 2) for each in powers])
    if not bends.size:
        return math.nan
    spread = 1.4826 * float(np.median(np.abs(bends)))
    return (spread or float(bends.std())) / math.sqrt(6)


def _rate(settings: InstrumentSettings, taken: Taken) -> Line:
    asked, rate_hz = settings.sample_rate_hz, taken.sample_rate_hz
    what = f"{si(rate_hz, 'S/s', 4)} per channel"
    fix, level = "", "ok"
    if asked is None:
        what += ", the instrument's own choice"
    elif abs(rate_hz / asked - 1) <= _SAME_RATE:
        what += ", as asked for"
    else:
        level, what = "warn", what + f", not the {si(asked, 'S/s', 4)} asked for"
        fix = "choose a rate and a record length that the instrument has (its memory limits both)"
    return Line(
        id="rate", level="warn" if level == "warn" else "ok", what=what, fix=fix, value=rate_hz,
        unit="S/s",
    )  # fmt: skip


def _coverage(taken: Taken) -> Line:
    covered = taken.coverage
    is_good = covered >= _GOOD_COVERAGE
    return Line(
        id="coverage",
        level="ok" if is_good else "warn" if covered >= _POOR_COVERAGE else "fail",
        what=f"{share(covered)} of the time is captured (over {window(taken.span_s)},"
        f" {window(taken.seconds)} in {len(taken.records)} records of"
        f" {si(taken.seconds / len(taken.records), 's')})",
        fix=""
        if is_good
        else "longer records (record_s), a lower rate, format = BYTE, or a faster connection",
        value=covered,
        unit="",
    )


def _clipping(taken: Taken) -> Iterator[Line]:
    n = sum(record.shape[1] for record in taken.records)
    for channel, clipped in zip(taken.channels, taken.n_clipped, strict=True):
        if clipped:
            yield Line(
                id="clipping",
                level="fail" if clipped > _MOST_CLIPPED * n else "warn",
                what=f"{channel.name}: {clipped} of {n} samples stand at the edge of the screen"
                f" (over {window(taken.span_s)})",
                fix="more volts or amperes per division at the instrument",
                value=clipped / n,
            )
    if not any(taken.n_clipped):
        what = f"none of {n} samples stands at the edge of the screen"
        yield Line(id="clipping", level="ok", what=what, value=0.0)


def _power(powers: list[NDArray[np.float32]], taken: Taken, told: Set[str]) -> Iterator[Line]:
    mean_w = _mean_w(powers)
    is_explained = mean_w > 0 or bool(told & _NO_POWER)
    over = f"over {window(taken.span_s)}, {share(taken.coverage)} covered"
    yield Line(
        id="power",
        level="ok" if mean_w > 0 else "warn",
        what=f"{si(mean_w, 'W')} mean ({over})",
        fix="" if is_explained else "nothing flows, or a clamp is the wrong way round",
        value=mean_w,
        unit="W",
    )
    sample_w = noise_w(powers)
    noise = sample_w / math.sqrt(max(1.0, _NOISE_S * taken.sample_rate_hz))
    is_good = not noise > _MOST_NOISE * abs(mean_w)
    yield Line(
        id="noise",
        level="ok" if is_good else "warn",
        what=f"noise floor {si(noise, 'W')} rms over {window(_NOISE_S)}"
        f" ({si(sample_w, 'W')} from sample to sample)",
        fix=""
        if is_good
        else "a smaller range, format = WORD, a probe for smaller currents, or shorter leads",
        value=noise,
        unit="W",
    )


def _mean_w(powers: list[NDArray[np.float32]]) -> float:
    return float(np.concatenate(powers).mean(dtype=np.float64))


def _calibrated(
    record: NDArray[np.float32], inputs: tuple[InputSettings, ...]
) -> NDArray[np.float32]:
    found = [item.calibration for item in inputs]
    gains, offsets = (
        np.asarray(values, np.float32)[:, np.newaxis]
        for values in ([each.gain for each in found], [each.offset for each in found])
    )
    return gains * record + offsets


def _volts(values: list[NDArray[np.float32]], inputs: tuple[InputSettings, ...]) -> float:
    rows = [k for k, item in enumerate(inputs) if item.quantity is Quantity.VOLTAGE]
    if not rows:
        return math.nan
    return float(np.concatenate([each[rows[0]] for each in values]).mean(dtype=np.float64))


def _age_days(date: str, now: datetime.datetime) -> float | None:
    try:
        then = datetime.datetime.fromisoformat(date)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=datetime.UTC)
    return (now - then).total_seconds() / 86_400


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False
