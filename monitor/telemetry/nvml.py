"""The sensors of NVIDIA GPUs, through NVML.

What a value of power is depends on the card and its driver, so none is called just power. The
instant one is of a short time before each update (25 of 100 ms on GA100 and GH100), the average
one of the last second. See docs.nvidia.com/deploy/nvml-api, nvmlDeviceGetPowerUsage and
nvmlFieldValueEnums.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from monitor.telemetry.sensors import Changes, Group, MeanOfCounter, Rule, Say, Sensor

_HEARTBEAT_S = 0.2
_POWER_S = 0.1  # nominal between two values of power: what most cards need for an update
_COUNTER_S = 0.2  # two updates, of which the times are known to a look each
_SLOW_S = 1.0

_INSTANT = ("power, NVML instant", 186, 0.0, "of a short time before each update")
_AVERAGE = ("power, NVML 1 s average", 185, 1.0, "mean of the last second, by the driver")
_MEMBERS = {0: "dVal", 1: "uiVal", 2: "ulVal", 3: "ullVal", 4: "sllVal", 5: "siVal"}
"""Of the union that a field's value is, by nvmlValueType_t."""


def gpus(interval_s: float, say: Say) -> list[Group]:
    """Return the sensors of every GPU of this host; none where there is no NVML.

    Parameters
    ----------
    interval_s
        Between two looks at the power.
    say
        Is told why there is no GPU, or which quantity one does not have.
    """
    try:
        nvml: Any = importlib.import_module("pynvml")
    except ImportError:
        say("no GPU telemetry: pynvml is not installed; pip install 'wattstage[nvml]'")
        return []
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    except Exception as error:  # of NVML, or of a pynvml that is none
        say(f"no GPU telemetry: NVML says {error}")
        return []
    if not handles:
        say("no GPU telemetry: NVML knows of no GPU")
    groups: list[Group] = []
    for number, handle in enumerate(handles):
        try:
            groups += _Gpu(nvml, handle, number).groups(interval_s, say)
        except Exception as error:  # one that has fallen off the bus, say
            say(f"GPU {number} cannot be read: {error}")
    return groups


class _Gpu:
    """One GPU, by its number in NVML, which CUDA may count otherwise."""

    def __init__(self, nvml: Any, handle: Any, number: int) -> None:
        self._nvml = nvml
        self._handle = handle
        self._name = f"GPU {number}"
        model, uuid = nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetUUID(handle)
        self._device = f"{_text(model)} {_text(uuid)}"

    def groups(self, interval_s: float, say: Say) -> Iterator[Group]:
        yield self._power(interval_s, say)
        if _answers(self._energy_mj):
            sensor = self._sensor(
                "power, NVML energy counter", "W", _COUNTER_S, 0.0, "mean since the value before"
            )
            rule = MeanOfCounter(1e-3, least_s=0.75 * _COUNTER_S)
            yield Group((sensor,), (rule,), interval_s, self._energy_mj)
        else:
            say(f"{self._name} has no energy counter")
        slow = [(sensor, read) for sensor, read in self._slow() if _answers(read)]
        sensors = tuple(sensor for sensor, _ in slow)
        rules: tuple[Rule, ...] = tuple(Changes(0.0) for _ in slow)
        yield Group(sensors, rules, _SLOW_S, lambda: [read() for _, read in slow])

    def _power(self, interval_s: float, say: Say) -> Group:
        kinds = [kind for kind in (_INSTANT, _AVERAGE) if self._has_field(kind[1])]
        sensors = [
            self._sensor(name, "W", _POWER_S, window_s, note) for name, _, window_s, note in kinds
        ]
        read = functools.partial(self._fields_w, [number for _, number, _, _ in kinds])
        if not kinds and _answers(self._usage_w):
            note = "a 1 s average on Ampere (but GA100) and later, else instant"
            sensors = [self._sensor("power, NVML usage", "W", _POWER_S, 0.0, note)]
            read = functools.partial(self._usage_w)
            say(f"{self._name} does not tell instant and average power apart: {note}")
        elif not kinds:
            say(f"{self._name} does not tell its power")
        rules = tuple(Changes(_HEARTBEAT_S) for _ in sensors)
        return Group(tuple(sensors), rules, interval_s, read)

    def _slow(self) -> Iterator[tuple[Sensor, Callable[[], float]]]:
        nvml, handle = self._nvml, self._handle
        for name, unit, note, read in (
            ("SM clock", "MHz", "",
             lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            ("memory clock", "MHz", "",
             lambda: nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
            ("temperature", "°C", "",
             lambda: nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
            ("utilisation", "%", "share of the time in which a kernel ran",
             lambda: nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
            ("memory utilisation", "%", "share of the time in which memory was read or written",
             lambda: nvml.nvmlDeviceGetUtilizationRates(handle).memory),
        ):  # fmt: skip
            yield self._sensor(name, unit, _SLOW_S, 0.0, note), read
        limit = self._sensor("enforced power limit", "W", _SLOW_S, 0.0, "")
        limit = dataclasses.replace(limit, is_setting=True)
        yield limit, lambda: nvml.nvmlDeviceGetEnforcedPowerLimit(handle) * 1e-3

    def _sensor(
        self, name: str, unit: str, interval_s: float, window_s: float, note: str
    ) -> Sensor:
        return Sensor(
            name=f"{self._name} {name}",
            device=self._device,
            unit=unit,
            interval_s=interval_s,
            window_s=window_s,
            note=note,
        )

    def _usage_w(self) -> list[float | None]:
        return [self._nvml.nvmlDeviceGetPowerUsage(self._handle) * 1e-3]

    def _energy_mj(self) -> list[float | None]:
        return [float(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))]

    def _has_field(self, number: int) -> bool:
        try:
            return self._fields_w([number]) != [None]
        except Exception:  # not supported by this driver, or by this pynvml
            return False

    def _fields_w(self, numbers: Sequence[int]) -> list[float | None]:
        """Return the values of fields of power; None where one has none."""
        answers = self._nvml.nvmlDeviceGetFieldValues(self._handle, list(numbers))
        values = map(_of, answers)
        return [None if milliwatts is None else milliwatts * 1e-3 for milliwatts in values]


def _of(answer: Any) -> float | None:
    member = _MEMBERS.get(answer.valueType)
    if answer.nvmlReturn != 0 or member is None:
        return None
    return float(getattr(answer.value, member))


def _answers(read: Callable[[], object]) -> bool:
    try:
        read()
    except Exception:  # not supported by this card, or by this pynvml
        return False
    return True


def _text(name: str | bytes) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name  # bytes until 11.5
