"""The calls of nvidia-ml-py that telemetry makes, with their types, and GPUs made of arithmetic.

A GPU's load is a function of UTC, so that two processes see the same one. How many there are is
said by ``WATTSTAGE_FAKE_GPUS``.
"""

import itertools
import os
import time

NVML_FI_DEV_POWER_AVERAGE = 185
NVML_FI_DEV_POWER_INSTANT = 186
NVML_CLOCK_SM = 1
NVML_CLOCK_MEM = 2
NVML_TEMPERATURE_GPU = 0
NVML_ERROR_NOT_SUPPORTED = 3
NVML_ERROR_GPU_IS_LOST = 15
_VALUE_TYPE_UNSIGNED_INT = 1


class NVMLError(Exception):
    def __init__(self, value):
        super().__init__(value)
        self.value = value

    def __str__(self):
        return {3: "Not Supported", 9: "Driver Not Loaded", 15: "GPU is lost"}[self.value]


class _Union:
    def __init__(self, number):
        self.uiVal = number


class _FieldValue:
    def __init__(self, number, milliwatts):
        self.fieldId = number
        self.valueType = _VALUE_TYPE_UNSIGNED_INT
        self.nvmlReturn = 0 if milliwatts is not None else NVML_ERROR_NOT_SUPPORTED
        self.value = _Union(milliwatts)


class _Utilization:
    gpu, memory = 97, 41


class Gpu:
    """What a card has is true; ``now`` is what time it is for it."""

    def __init__(self, number=0, *, fields=True, usage=True, counter=True, now=time.time):
        self.number, self.fields, self.usage, self.counter = number, fields, usage, counter
        self.lost = False
        self.now = now
        self.since_s = now()

    def power_w(self, at_s):
        return load_w(at_s) + 2.0 * _random(round(at_s * 10))

    def energy_j(self, at_s):
        return energy_j(self.since_s, at_s)

    def updated_s(self):
        """Every 100 ms, as most cards do."""
        return int(self.now() * 10) / 10


def load_w(at_s):
    """Return what every card draws: another level every 0.737 s, the same for whoever asks."""
    return (100.0, 180.0, 300.0, 400.0)[int(4 * _random(int(at_s / _SLOT_S)))]


def energy_j(start_s, stop_s):
    first, last = int(start_s / _SLOT_S), int(stop_s / _SLOT_S)
    edges = [start_s, *(k * _SLOT_S for k in range(first + 1, last + 1)), stop_s]
    return sum((b - a) * load_w((a + b) / 2) for a, b in itertools.pairwise(edges))


def _random(k):
    return (k * 2654435761 >> 9) % 997 / 997


_SLOT_S = 0.737
_COUNT = os.environ.get("WATTSTAGE_FAKE_GPUS", "1")
GPUS = [Gpu(k) for k in range(0 if _COUNT == "none" else int(_COUNT))]


def _check(gpu, has=True):
    if gpu.lost:
        raise NVMLError(NVML_ERROR_GPU_IS_LOST)
    if not has:
        raise NVMLError(NVML_ERROR_NOT_SUPPORTED)


def nvmlInit():
    if os.environ.get("WATTSTAGE_FAKE_GPUS") == "none":
        raise NVMLError(9)


def nvmlDeviceGetCount():
    return len(GPUS)


def nvmlDeviceGetHandleByIndex(index):
    return GPUS[index]


def nvmlDeviceGetName(handle):
    return "NVIDIA Fake 1"


def nvmlDeviceGetUUID(handle):
    return f"GPU-{handle.number:08d}"


def nvmlDeviceGetFieldValues(handle, fieldIds):
    _check(handle)
    at_s = handle.updated_s()
    made = {
        NVML_FI_DEV_POWER_INSTANT: handle.power_w(at_s),
        NVML_FI_DEV_POWER_AVERAGE: energy_j(at_s - 1.0, at_s),
    }
    return [
        _FieldValue(number, round(made[number] * 1e3) if handle.fields else None)
        for number in fieldIds
    ]


def nvmlDeviceGetPowerUsage(handle):
    _check(handle, handle.usage)
    return round(handle.power_w(handle.updated_s()) * 1e3)


def nvmlDeviceGetTotalEnergyConsumption(handle):
    _check(handle, handle.counter)
    return round(handle.energy_j(handle.updated_s()) * 1e3)


def nvmlDeviceGetClockInfo(handle, type):
    _check(handle)
    return 1410 if type == NVML_CLOCK_SM else 2619


def nvmlDeviceGetTemperature(handle, sensor):
    _check(handle)
    return 54


def nvmlDeviceGetUtilizationRates(handle):
    _check(handle)
    return _Utilization()


def nvmlDeviceGetEnforcedPowerLimit(handle):
    _check(handle)
    return 350_000
