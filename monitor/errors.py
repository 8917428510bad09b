"""Every exception that Wattstage raises on purpose.

WattstageError
├── ConfigError          a setting, an argument or a profile is wrong
├── ProgramError         a program that is to be run cannot be started
├── InstrumentError      an instrument cannot be used as asked
│   ├── ConnectionLostError  it was there and is not any more, or never answered
│   └── ProtocolError    it answered something that it should not have
├── MarkerError          a marker cannot be understood or sent
├── BrokerError          the MQTT broker cannot be reached or started
├── RecordingError       a recording cannot be written or read
└── EngineError          the engine process cannot be reached, or refused a command

A message names the thing, what was expected, what came, and what the user can do.
"""


class WattstageError(Exception):
    """What the command line prints as one sentence, without a traceback."""

    exit_code = 1
    """Of the command."""


class ConfigError(WattstageError):
    """A setting, an argument or a profile is wrong."""


class ProgramError(WattstageError):
    """A program that is to be run cannot be started."""

    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        """As a shell gives it: 127 if it is not found, 126 if it cannot be executed."""


class InstrumentError(WattstageError):
    """An instrument cannot be used as asked."""


class ConnectionLostError(InstrumentError):
    """The instrument does not answer; opening it again may help."""


class ProtocolError(InstrumentError):
    """The instrument answered something that its dialect does not allow."""


class MarkerError(WattstageError):
    """A marker cannot be understood or sent."""


class BrokerError(WattstageError):
    """The MQTT broker cannot be reached or started."""


class RecordingError(WattstageError):
    """A recording cannot be written or read."""


class EngineError(WattstageError):
    """The engine process cannot be reached, or refused a command."""
