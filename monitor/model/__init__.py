"""The vocabulary: every value that travels between the rooms of Wattstage.

All values are frozen. What crosses a process or file boundary is a msgspec ``Struct``; what
carries sample arrays is a slotted dataclass. The glossary (docs/glossary.md) defines the terms.
"""

from monitor.model.numbers import (
    Average,
    HeldEnergy,
    Ramp,
    SignalNumbers,
    SlowEnergy,
    SpanNumbers,
    StageEnergy,
    StageTable,
    Totals,
    Unattributed,
)
from monitor.model.session import Metrics, RecordingState, Snapshot
from monitor.model.signal import (
    NS,
    Block,
    Calibration,
    Channel,
    Probe,
    Quantity,
    Scale,
    StreamInfo,
    Supply,
)
from monitor.model.slow import Reading, SlowChannel, SlowValue, SlowView
from monitor.model.stages import Edge, Marker, Note, Notebook, Scalar, Stage, Timeline
from monitor.model.views import Frame, Summary, View

__all__ = [
    "NS",
    "Average",
    "Block",
    "Calibration",
    "Channel",
    "Edge",
    "Frame",
    "HeldEnergy",
    "Marker",
    "Metrics",
    "Note",
    "Notebook",
    "Probe",
    "Quantity",
    "Ramp",
    "Reading",
    "RecordingState",
    "Scalar",
    "Scale",
    "SignalNumbers",
    "SlowChannel",
    "SlowEnergy",
    "SlowValue",
    "SlowView",
    "Snapshot",
    "SpanNumbers",
    "Stage",
    "StageEnergy",
    "StageTable",
    "StreamInfo",
    "Summary",
    "Supply",
    "Timeline",
    "Totals",
    "Unattributed",
    "View",
]
