"""What is different on a HAMEG: strings, which are sent as its manual prints them."""

from dataclasses import fields

import numpy as np
import pytest
from sources.scripted import LeapingClock, ScriptedInstrument, block

from monitor.config import InstrumentSettings
from monitor.model import Supply
from monitor.sources.dialects import spoken_by
from monitor.sources.dialects.hameg import HAMEG
from monitor.sources.dialects.rohde_schwarz import ROHDE_SCHWARZ
from monitor.sources.driver import Driver

HMO = "HAMEG,HMO2024,021234567,05.886"
ANSWER = (
    "UINT,16;LSBF;-3.0000E-02,2.9997E-02,20000,1;3.000000106E-6;7.812500000E-3;-2.000000000E2;8"
)


def command(*lines):
    return [*((line, None) for line in lines), ("SYSTem:ERRor?", '0,"No error"')]


def state(number, unit):
    return [
        (f"CHANnel{number}:STATe?", "1"),
        (f"PROBe{number}:SETup:ATTenuation:UNIT?", unit),
        (f"PROBe{number}:SETup:ATTenuation:MANual?", "1.000000000E1"),
        (f"CHANnel{number}:COUPling?", "DCL"),
        (f"CHANnel{number}:RANGe?", "4.000000000E2"),
        (f":CHANnel{number}:OFFSet?;:CHANnel{number}:POSition?;:CHANnel{number}:SCALe?", "0;0;50"),
    ]


def record(codes):
    lines = [("SINGle;:ACQuire:STATe?", "COMP"), ("ACQuire:STATe?", "RUN")]
    lines += [("ACQuire:STATe?", "COMP")]
    for number in (1, 2):
        query = ROHDE_SCHWARZ.preamble.format(input=number)
        data = np.resize(codes, 20_000).astype("<u2").tobytes()
        lines += [(query, ANSWER), (f"CHANnel{number}:DATA?", block(data))]
    return lines


SET_UP = [
    ("*IDN?", HMO),
    ("*CLS", None),
    *state(1, "V"),
    *state(2, "A"),
    *command("TRIGger:A:MODE AUTO"),
    *command("CHANnel1:TYPE SAMPle"),
    *command("FORMat UINT,16"),
    *command("FORMat:BORDer LSBFirst"),
    *command("TIMebase:SCALe 0.005"),
    ("TIMebase:SCALe?", "5.000000000E-3"),
    *command("ACQuire:WRATe AUTO"),
]


def test_an_hmo_is_set_up_and_read_at_the_rate_that_it_chooses():
    exchange = [*SET_UP, *record([1]), *record([0, 32640, 65280]), ("SYSTem:ERRor?", "0")]
    clock = LeapingClock()
    with ScriptedInstrument(exchange) as scope:
        settings = InstrumentSettings(
            address=scope.visa, supply=Supply.DC, record_s=0.06, sample_rate_hz=1e5, timeout_s=0.3
        )
        driver = Driver(settings, clock.now_ns, clock.wait, lambda: 0.0)
        setup, first = driver.connect(), driver.acquire()
        driver.close()
    assert (setup.identity, setup.sample_rate_hz) == (HMO, 333_333.333)
    assert setup.notes["dialect"] == "HAMEG HMO"
    assert first.clipped == ((6667 + 6666, 6667 + 6666),)  # 0xFF00 is the highest of 8 bits
    volts = first.codes[0, :3] * first.scales[0].gain + first.scales[0].offset
    assert volts.tolist() == pytest.approx([-200.0, 55.0, 310.0])


def test_the_row_differs_from_that_of_rohde_and_schwarz_in_strings_only():
    for field in fields(HAMEG):
        ours, theirs = getattr(HAMEG, field.name), getattr(ROHDE_SCHWARZ, field.name)
        assert ours == theirs or not callable(ours), field.name


@pytest.mark.parametrize(
    "identity",
    [
        HMO,
        "HAMEG,HMO3524,056270075,HW10110000,SW01.020",
        "Rohde&Schwarz,HMO1202,123456,06.003",
        "Rohde&Schwarz,RTC1002,123456,06.500",
    ],
)
def test_models_are_known_by_their_identity(identity):
    assert spoken_by(identity) is HAMEG


@pytest.mark.parametrize("identity", ["HAMEG,HMP4040,103781,HW50020001/SW2.41", "HAMEG,HMC8012,1"])
def test_other_instruments_are_not(identity):
    assert spoken_by(identity) is None
