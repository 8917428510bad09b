"""What one record betrays of how the probes are connected and set, each with what to do.

Pure: who asks brings what the scope answered and what it measured.
"""

from __future__ import annotations

from collections.abc import Iterator

from monitor.config import InputSettings, InstrumentSettings
from monitor.model import Quantity, Supply
from monitor.setup.findings import Finding, spoken, swapped
from monitor.setup.level_findings import OUTLET_A, large_current, no_current, small, who
from monitor.setup.levels import Level, Levels, RailLevel
from monitor.setup.nominal import DANGEROUS_V, dc_or_rms, is_plausible, supply_v
from monitor.sources.inspect import Panel
from monitor.units import si

_CORES_V = (0.5, 60.0)  # where a DC rail may have any voltage
_FACTORS = (10.0, 0.1, 100.0, 0.01)
_NO_VOLTAGE_V = 0.5
_NO_CURRENT_V = 0.002  # at the input: 20 mA of a 100 mV/A clamp
_NO_CURRENT = 0.0025  # of the screen: a code of 8 bits
_SMALL = 0.1  # of the screen
_REVERSED = -0.02  # power factor
_ELSEWHERE = 0.3  # power factor below which the current hardly belongs to the voltage
_SLOWEST_CYCLE_S = 0.02
_TWO_CYCLES_S = 0.04


def of_record(
    levels: Levels,
    settings: InstrumentSettings,
    panel: Panel,
) -> tuple[Finding, ...]:
    """Return what is wrong with what was measured, the worst first.

    Parameters
    ----------
    levels
        Of one record.
    settings
        It was taken with.
    panel
        How the scope is set.
    """
    judge = _Judge(levels, settings, panel)
    found = [finding for rail in levels.rails for finding in judge.rail(rail)]
    named = {finding.input for finding in found}
    is_short = any(finding.id == "record-too-short" for finding in found)
    found += [
        finding
        for finding in judge.screens()
        if finding.level == "error" or not (is_short or finding.input in named)
    ]
    return tuple(sorted(found, key=lambda f: ("error", "warning", "note").index(f.level)))


class _Judge:
    """Looks at one record."""

    def __init__(
        self,
        levels: Levels,
        settings: InstrumentSettings,
        panel: Panel,
    ) -> None:
        self._levels = levels
        self._items = {item.input: item for item in settings.inputs}
        self._states = {state.input: state for state in panel.inputs}
        self._supply = settings.supply
        self._dialect = spoken(panel)
        self._nominal_v = settings.nominal_v

    def screens(self) -> Iterator[Finding]:
        """Yield what is wrong with how the signals stand on the screen."""
        for level in self._levels.channels:
            if level.n_clipped:
                yield Finding(
                    id="clipping",
                    level="error",
                    what=f"{who(level)} leaves the screen: {level.n_clipped} samples of the"
                    " record are clipped",
                    fix="choose more volts or amperes per division at the scope",
                    input=level.input,
                )
            elif self._screen(level) and not self._is_idle(level):
                share = max(level.high - level.low, abs(level.mean)) / self._screen(level)
                if share < _SMALL:
                    yield small(level, share)

    def rail(self, rail: RailLevel) -> Iterator[Finding]:
        """Yield what is wrong with one rail."""
        voltage = self._levels.of(rail.rail, Quantity.VOLTAGE)
        current = self._levels.of(rail.rail, Quantity.CURRENT)
        if voltage is None or current is None:
            return
        too_short = self._record_length(voltage)
        if too_short is not None:
            yield too_short  # and nothing else can be told
            return
        if self._is_swapped(voltage, current, rail):
            yield swapped(voltage.input, current.input)
            return
        wrong = self._voltage(voltage, rail)
        if wrong is not None:
            yield wrong
        if self._is_idle(current):
            yield no_current(current)
        elif rail.line_hz is not None and current.rms > OUTLET_A:
            yield large_current(current, self._items[current.input])
        if not self._is_idle(current) and voltage.rms >= _NO_VOLTAGE_V:
            yield from self._direction(rail, current)

    def _record_length(self, voltage: Level) -> Finding | None:
        duration_s = self._levels.duration_s * (1 + 1e-3)
        may_be_mains = self._supply is Supply.MAINS or (
            self._supply is Supply.AUTO
            and max(-voltage.low, voltage.high) > DANGEROUS_V
        )  # fmt: skip
        if not may_be_mains or duration_s >= _TWO_CYCLES_S:
            return None
        what = f"a record lasts {si(self._levels.duration_s, 's')}, "
        if duration_s < _SLOWEST_CYCLE_S:
            what += "less than one line cycle (20 ms at 50 Hz)"
        else:
            what += "in which no whole line cycle need lie"
        return Finding(
            id="record-too-short",
            level="error",
            what=what,
            fix="ask for 0.1 s (record_s = 0.1, five cycles of 50 Hz), or turn the timebase to"
            " 10 ms per division or slower; on DC say so (supply = \"dc\")",
        )  # fmt: skip

    def _is_swapped(self, voltage: Level, current: Level, rail: RailLevel) -> bool:
        """Return whether the voltage would be right if it came from the current's input."""
        here_v = dc_or_rms(voltage, rail)
        if self._supply_v(here_v, rail) is not None:
            return False
        if self._nominal_v is None and rail.line_hz is None and _CORES_V[0] < here_v < _CORES_V[1]:
            return False  # nobody knows which voltage to expect
        gain = self._units_per_volt(voltage.input) / self._units_per_volt(current.input)
        there_v = gain * dc_or_rms(current, rail)
        is_other = not 0.5 < here_v / there_v < 2.0 if there_v else False
        return is_other and self._supply_v(there_v, rail) is not None

    def _voltage(self, voltage: Level, rail: RailLevel) -> Finding | None:
        """Return what is wrong with the level of a voltage."""
        level_v = dc_or_rms(voltage, rail)
        is_flat = rail.line_hz is None and abs(voltage.mean) < 0.5 * voltage.rms
        is_usual = is_plausible(level_v, rail, self._nominal_v)
        for factor in () if is_usual or is_flat else _FACTORS:
            nominal_v = self._supply_v(level_v * factor, rail)
            if nominal_v is not None:
                return self._wrong_factor(voltage, level_v, factor, nominal_v)
        if voltage.rms < _NO_VOLTAGE_V or is_flat:
            return self._no_voltage(voltage, is_flat=voltage.rms >= _NO_VOLTAGE_V)
        if self._nominal_v is not None and not is_usual:
            return Finding(
                id="unexpected-voltage",
                level="warning",
                what=f"{who(voltage)} is {si(level_v, 'V')}, expected {si(self._nominal_v, 'V')}",
                fix="check what the probe is connected to, and its factor",
                input=voltage.input,
            )
        return self._wrong_supply(voltage, rail)

    def _no_voltage(self, voltage: Level, *, is_flat: bool) -> Finding:
        others = [
            str(state.input)
            for state in self._states.values()
            if state.shown and state.unit == "V" and state.input not in self._items
        ]
        hint = f"; the scope also shows {' and '.join(others)} in volts" if others else ""
        what = f"{who(voltage)} shows neither mains nor DC: {si(voltage.rms, 'V')} RMS"
        fix = f"name the input that the voltage probe is plugged into{hint}, or connect the probe"
        if is_flat:
            fix += (
                "; if DC was expected, something takes it away: couple the input and the probe DC"
            )
        return Finding(id="no-voltage", level="error", what=what, fix=fix, input=voltage.input)

    def _wrong_factor(
        self, voltage: Level, level_v: float, factor: float, nominal_v: float
    ) -> Finding:
        item, state = self._items[voltage.input], self._states.get(voltage.input)
        fix = "set the switch at the probe and the factor at the scope alike"
        if item.reports == "volts":
            fix += f", or ratio = {item.ratio * factor:g}"
        elif state is not None and state.probe_factor is not None:
            command = self._dialect.set_factor.format(
                input=voltage.input,
                value=f"{state.probe_factor * factor:g}",
                inverse=f"{1 / (state.probe_factor * factor):g}",
            )
            fix += f" ({command})"
        if self._nominal_v is None and nominal_v < DANGEROUS_V:
            fix += f"; if it is so, say what the supply has (--expect {level_v:.2g})"
        return Finding(
            id="probe-factor",
            level="error",
            what=f"{who(voltage)} is {si(level_v, 'V')}, {_times(factor)} what a supply of"
            f" {nominal_v:g} V has: the probe's factor is set on one side only",
            fix=fix,
            input=voltage.input,
        )

    def _wrong_supply(self, voltage: Level, rail: RailLevel) -> Finding | None:
        is_mains = rail.line_hz is not None
        if self._supply is Supply.MAINS and not is_mains:
            if self._levels.duration_s < 2 * _SLOWEST_CYCLE_S:
                return None  # the record cannot tell
            what, fix = "shows no line frequency, but the settings say mains", 'supply = "dc"'
        elif self._supply is Supply.DC and is_mains:
            what = f"has {rail.line_hz:.4g} Hz, but the settings say DC"
            fix = 'supply = "mains"'
        else:
            return None
        return Finding(
            id="supply",
            level="error",
            what=f"{who(voltage)} {what}",
            fix=f"correct the settings ({fix}), or the probe's place",
            input=voltage.input,
        )

    def _direction(self, rail: RailLevel, current: Level) -> Iterator[Finding]:
        if rail.apparent_va <= 0.0:
            return
        factor = rail.mean_w / rail.apparent_va
        item = self._items[current.input]
        if factor < _REVERSED:
            yield Finding(
                id="clamp-reversed",
                level="error",
                what=f"the mean power is {si(rail.mean_w, 'W')}: the current of input"
                f" {current.input} flows against the voltage",
                fix=f"turn the clamp round on its wire, or say that it is {_other_way(item)}"
                f" (ratio = {-item.ratio:g} for input {current.input})",
                input=current.input,
            )
        if rail.line_hz is not None and abs(factor) < _ELSEWHERE:
            yield Finding(
                id="power-factor",
                level="warning",
                what=f"the power factor is {factor:.2f}: current and voltage hardly belong"
                " together",
                fix="put the clamp around one conductor of the circuit whose voltage is measured,"
                " not around two, nor on another phase",
                input=current.input,
            )

    def _is_idle(self, level: Level) -> bool:
        """Return whether a current is too small to be one."""
        if level.quantity is not Quantity.CURRENT:
            return False
        least = max(
            _NO_CURRENT_V * self._units_per_volt(level.input), _NO_CURRENT * self._screen(level)
        )
        return level.rms < least

    def _screen(self, level: Level) -> float:
        """Return the height of the screen in the channel's unit; 0 if the scope does not tell."""
        state = self._states.get(level.input)
        return abs(self._items[level.input].ratio) * ((state and state.range) or 0.0)

    def _units_per_volt(self, which: int) -> float:
        """Return the channel's units per volt at the input."""
        state = self._states.get(which)
        factor = state.probe_factor if state is not None else None
        return abs(self._items[which].ratio * (factor or 1.0))

    def _supply_v(self, level_v: float, rail: RailLevel) -> float | None:
        return supply_v(level_v, rail, self._nominal_v)


def _other_way(item: InputSettings) -> str:
    return "the wrong way round" if item.ratio > 0 else "not the wrong way round"


def _times(factor: float) -> str:
    if factor < 1:
        return f"{1 / factor:g} times"
    return {10.0: "a tenth of", 100.0: "a hundredth of"}.get(factor, f"1/{factor:g} of")
