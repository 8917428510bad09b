"""A meter that is polled: what is said to it, and what its replies become."""

import asyncio
import contextlib
import struct
from itertools import pairwise

import pytest
from sources.scripted import CLOSE, JumpingClock, ScriptedInstrument

from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConfigError, ConnectionLostError, InstrumentError, ProtocolError
from monitor.model import NS, Marker, Reading
from monitor.sources.meters.make import make_meter

IDN = ("*IDN?", "CHROMA,66204,001,1.70")
POWER = QuerySettings(name="power", query="FETC? W,V", unit="W", invalid=(-1.0, -2.0, -3.0))
VOLTS = QuerySettings(name="voltage", query="FETC? W,V", unit="V", field=1)
WT_SETUP = [
    (":COMMunicate:REMote ON", None),
    (":COMMunicate:HEADer OFF", None),
    (":RATE 500MS", None),
]
WT_ITEMS = [
    (":NUMeric:NORMal:NUMber 7", None),
    *(
        (f":NUMeric:NORMal:ITEM{number} {function},2", None)
        for number, function in enumerate(("P", "U", "I", "S", "Q", "LAMBda", "FU"), start=1)
    ),
]
WT_IDN = ("*IDN?", "YOKOGAWA,WT333E,C2RJ21001V,F1.03")
REMOTE_OFF = (":COMMunicate:REMote OFF", None)


def settings_of(instrument, **changes):
    return MeterSettings(
        **{"kind": "scpi", "address": instrument.visa, "timeout_s": 0.5, "queries": (POWER, VOLTS)}
        | changes
    )


async def taken(settings, n, clock=None):
    """Return the channels of a meter, and its first items."""
    meter = make_meter(settings, clock or JumpingClock())
    async with meter, contextlib.aclosing(meter.readings()) as items:
        return meter.channels, [await anext(items) for _ in range(n)]


def take(settings, n, clock=None):
    return asyncio.run(taken(settings, n, clock))


def values(items):
    return [item.value for item in items if isinstance(item, Reading)]


def kinds(items):
    return [item.attrs["kind"] for item in items if isinstance(item, Marker)]


def test_queries_of_one_text_are_sent_once_a_sweep():
    exchange = [IDN, ("FUNC ON", None), *[("FETC? W,V", f"{k}.5,230.{k}") for k in range(3)]]
    with ScriptedInstrument(exchange) as meter:
        channels, items = take(settings_of(meter, setup=("FUNC ON",), window_s=0.25), 4)
    assert values(items) == [1.5, 230.1, 2.5, 230.2]
    assert [(c.name, c.unit, c.source, c.window_s) for c in channels] == [
        ("power", "W", "CHROMA 66204", 0.25),
        ("voltage", "V", "CHROMA 66204", 0.25),
    ]


def test_sweeps_stand_on_a_fixed_schedule():
    with ScriptedInstrument([IDN, *[("FETC? W,V", "1,2")] * 4]) as meter:
        _, items = take(settings_of(meter, interval_s=0.25), 6)
    times = [item.time_ns for item in items[::2]]
    assert [b - a for a, b in pairwise(times)] == [NS // 4, NS // 4]


def test_a_sweep_that_comes_too_late_is_left_out_and_told():
    clock = JumpingClock()

    class Busy(JumpingClock):
        """Each look at it takes a while."""

        def now_ns(self):
            clock.advance(0.4)
            return clock.now_ns()

        async def sleep(self, seconds):
            await clock.sleep(seconds)

    with ScriptedInstrument([IDN, *[("FETC? W,V", "1,2")] * 3]) as meter:
        _, items = take(settings_of(meter, interval_s=0.5, name="slow one"), 5, Busy())
    assert kinds(items) == ["slow"]
    assert "make interval_s longer" in items[2].attrs["text"]


@pytest.mark.parametrize("reply", ["NAN", "9.9E+37", "-1", "INF", "------", "OL", "-OL", "ERROR"])
def test_error_values_are_no_readings(reply):
    exchange = [IDN, ("FETC? W,V", "1,2"), ("FETC? W,V", f"{reply},3"), ("FETC? W,V", "4,5")]
    with ScriptedInstrument(exchange) as meter:
        _, items = take(settings_of(meter), 5)
    assert values(items) == [3.0, 4.0, 5.0]
    assert kinds(items) == ["invalid", "invalid-over"]


def test_a_factor_makes_the_unit():
    milli = QuerySettings(name="p", query="P?", unit="W", factor=0.001)
    with ScriptedInstrument([IDN, ("P?", "1"), ("P?", "+2.5E+03")]) as meter:
        assert values(take(settings_of(meter, queries=(milli,)), 1)[1]) == [2.5]


def test_a_meter_that_goes_away_is_found_again():
    exchange = [
        IDN, ("FETC? W,V", "1,2"), ("FETC? W,V", "3,4"), ("FETC? W,V", b"5," + CLOSE),
        IDN, ("FETC? W,V", "6,7"), ("FETC? W,V", "8,9"),
    ]  # fmt: skip
    clock = JumpingClock()
    with ScriptedInstrument(exchange) as meter:
        _, items = take(settings_of(meter), 6, clock)
    assert values(items) == [3.0, 4.0, 8.0, 9.0]
    assert kinds(items) == ["lost", "reconnected"]
    assert clock.slept_s[2] == 0.5, "with a pause before"


def test_another_meter_at_the_same_address_is_refused():
    exchange = [
        IDN, ("FETC? W,V", "1,2"), ("FETC? W,V", CLOSE), ("*IDN?", "CHROMA,66202,7,1"),
        ("FETC? W,V", "1,2"),
    ]  # fmt: skip
    with (
        ScriptedInstrument(exchange) as meter,
        pytest.raises(InstrumentError, match=r"66204.* came back as .*66202"),
    ):
        take(settings_of(meter), 2)


def test_a_reply_that_is_no_number_names_query_and_field():
    with (
        ScriptedInstrument([IDN, ("FETC? W,V", "W 12,3")]) as meter,
        pytest.raises(ProtocolError, match=r"expected a number for 'power'.*'W 12'"),
    ):
        take(settings_of(meter), 1)


def test_a_reply_with_too_few_values_says_so():
    with (
        ScriptedInstrument([IDN, ("FETC? W,V", "12")]) as meter,
        pytest.raises(ProtocolError, match=r"at least 2 values .* got 1; check field"),
    ):
        take(settings_of(meter), 1)


def test_a_meter_that_is_not_there_is_one_sentence():
    with ScriptedInstrument([]) as meter:
        settings = settings_of(meter)
    with pytest.raises(ConnectionLostError, match="no instrument answers at TCPIP"):
        take(settings, 1)


@pytest.mark.parametrize(
    ("queries", "said"),
    [
        ((), "needs queries"),
        ((POWER, POWER), "two queries have one name"),
        ((QuerySettings(name="p", query=" ", unit="W"),), "needs a text"),
        ((QuerySettings(name="p", query="P?", unit="W", field=-1),), "a field from 0"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_sent(queries, said):
    with pytest.raises(ConfigError, match=said):
        make_meter(
            MeterSettings(kind="scpi", address="TCPIP::x::SOCKET", queries=queries), JumpingClock()
        )


def yokogawa(instrument, **changes):
    return MeterSettings(
        kind="yokogawa-wt", address=instrument.visa, element=2, interval_s=0.6, timeout_s=0.5,
        **changes,
    )  # fmt: skip


def test_a_yokogawa_is_set_up_and_read_as_text():
    text = "103.79E+00,229.8E+00,NAN,INF,0.02E+00,0.9E+00,50.01E+00"
    exchange = [
        WT_IDN, *WT_SETUP, (":NUMeric:FORMat ASCii", None), *WT_ITEMS,
        (":NUMeric:NORMal:VALue?", text), (":NUMeric:NORMal:VALue?", text), REMOTE_OFF,
    ]  # fmt: skip
    with ScriptedInstrument(exchange) as meter:
        channels, items = take(yokogawa(meter), 6)
    assert values(items) == [103.79, 229.8, 0.02, 0.9, 50.01]
    assert kinds(items) == ["invalid"]
    assert [c.unit for c in channels] == ["W", "V", "A", "VA", "var", "", "Hz"]
    assert {(c.source, c.window_s, c.interval_s) for c in channels} == {
        ("YOKOGAWA WT333E", 0.5, 0.6)
    }


def test_a_yokogawa_is_read_as_numbers_of_32_bits():
    words = struct.pack(">4f", 103.75, 229.5, 0.5, 120.0) + bytes.fromhex(
        "7E951BEE7E94F56A7FC00000"
    )
    block = b"#40028" + words + b"\n"
    exchange = [
        WT_IDN, *WT_SETUP, (":NUMeric:FORMat FLOat", None), *WT_ITEMS,
        (":NUMeric:NORMal:VALue?", block), (":NUMeric:NORMal:VALue?", block), REMOTE_OFF,
    ]  # fmt: skip
    with ScriptedInstrument(exchange) as meter:
        _, items = take(yokogawa(meter, format="float"), 5)
    assert values(items) == [103.75, 229.5, 0.5, 120.0]
    assert kinds(items) == ["invalid"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"element": 0}, "1 to 7"), ({"setup": ("X",)}, "asks by itself"),
     ({"queries": (POWER,)}, "asks by itself")],
)  # fmt: skip
def test_settings_of_a_yokogawa_that_cannot_work_are_refused(changes, said):
    with pytest.raises(ConfigError, match=said):
        make_meter(
            MeterSettings(kind="yokogawa-wt", address="TCPIP::x::INSTR", **changes), JumpingClock()
        )
