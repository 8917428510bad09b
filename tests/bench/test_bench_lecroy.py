"""What is peculiar to the bench's LeCroys and older Siglents, without a socket."""

import asyncio
import struct

import numpy as np
import pytest
from bench.fakes import Clock, counting_scope

from monitor.bench.vendors.lecroy import LeCroyScope
from monitor.bench.vendors.siglent_legacy import SiglentLegacyScope


class Bench:
    def __init__(self, kind=LeCroyScope, **settings):
        self.clock = Clock()
        self.scope = counting_scope(self.clock, **settings)
        self.instrument = kind(self.scope, sleep=self.clock.sleep)

    def ask(self, *lines):
        """Return the reply to the last of some lines, or None."""
        replies = [asyncio.run(self.instrument.execute(line)) for line in lines]
        return replies[-1][0] if replies[-1] else None

    def take(self):
        self.ask("TRMD SINGLE", "FRTR")
        self.clock.jump(2.0)

    def block(self, query):
        """Return what stands before a block, and what it holds."""
        before, _, rest = self.ask(query).partition(b"#9")
        n_bytes = int(rest[:9])
        assert len(rest.rstrip(b"\n")) <= 9 + n_bytes <= len(rest)
        return before, rest[9 : 9 + n_bytes]

    @property
    def expected(self):
        return (self.scope.record.start + np.arange(self.scope.record.n)) % 100


def test_bits_choose_the_model_and_headers_stand_before_replies():
    assert Bench(bits=12).ask("*IDN?").startswith("*IDN LECROY,HDO4104A,")
    assert Bench(bits=8).ask("CHDR OFF", "*IDN?").startswith("LECROY,WS3054Z,")
    assert Bench(SiglentLegacyScope).ask("*IDN?").startswith("*IDN Siglent Technologies,SDS1104X-E")


@pytest.mark.parametrize("kind", [LeCroyScope, SiglentLegacyScope])
def test_headers_and_units_can_be_switched_off(kind):
    bench = Bench(kind)
    bench.ask("C2:VDIV 100")
    bench.scope.panel.channels[1].units = "AMP"
    assert bench.ask("C1:OFST?").endswith("V")
    assert bench.ask("C2:VDIV?") == "C2:VDIV 1.00E+02A"
    assert bench.ask("CHDR?") == "CHDR SHORT"
    assert bench.ask("CHDR OFF", "C2:VDIV?") == "1.00E+02"


@pytest.mark.parametrize(
    ("bits", "form", "error"),
    [(12, "WORD", 0.04), (12, "BYTE", 0.51), (8, "BYTE", 0.51), (8, "WORD", 0.51)],
)
@pytest.mark.parametrize(("order", "mark"), [("LO", "<"), ("HI", ">")])
def test_the_formula_of_the_manual_turns_codes_into_values(bits, form, error, order, mark):
    bench = Bench(bits=bits)
    bench.take()
    bench.ask(f"CFMT DEF9,{form},BIN", f"CORD {order}", "CHDR OFF")
    before, told = bench.block("C1:WF? DESC")
    assert (before, len(told)) == (b"DESC,\n", 346)
    kind, first = struct.unpack_from(mark + "hh", told, 32)
    assert (kind, first) == (int(form == "WORD"), int(order == "LO"))
    gain, offset = struct.unpack_from(mark + "ff", told, 156)
    before, data = bench.block("C1:WF? DAT1")
    assert before == b"DAT1,\n"
    values = gain * np.frombuffer(data, f"{mark}i{1 + kind}") - offset
    assert (
        np.abs(values - bench.expected).max() <= error * bench.scope.panel.channels[0].range / 250
    )


def test_a_new_record_is_told_once():
    bench = Bench()
    bench.ask("CHDR OFF")
    assert bench.ask("INR?") == "0"
    assert bench.ask("TRMD SINGLE", "INR?") == "8192"
    bench.clock.jump(10.0)
    assert bench.ask("INR?") == "8192"  # no edge comes
    assert bench.ask("FRTR", "INR?") == "0"
    bench.clock.jump(2.0)
    assert [bench.ask("INR?"), bench.ask("INR?"), bench.ask("TRMD?")] == ["1", "0", "STOP"]
    bench.take()
    assert bench.ask("*CLS", "INR?") == "0"


def test_a_record_is_two_samples_longer_than_was_asked_for():
    bench = Bench()
    bench.ask("CHDR OFF", "TDIV 0.03", "MSIZ 10K")
    assert bench.ask("TDIV?") == "0.05"
    assert bench.ask("MSIZ?") == "10000"
    bench.take()
    assert len(bench.block("C1:WF? DAT1")[1]) == 2 * 10_002
    assert bench.ask("VBS? 'return=app.Acquisition.Horizontal.SamplingRate'") == "20000"


def test_the_descriptor_tells_when_the_trigger_was_by_the_scopes_clock():
    bench = Bench()
    seconds = []
    for _ in range(2):
        bench.take()
        _, told = bench.block("C1:WF? DESC")
        (second,) = struct.unpack_from(">d", told, 296)
        minute, hour, day, month, year = struct.unpack_from(">bbbbh", told, 304)
        (offset,) = struct.unpack_from(">d", told, 180)
        first_s = bench.scope.record.start_ns / 1e9
        assert (minute, hour, day, month, year) == (59, 23, 31, 1, 2026)
        assert second + offset == pytest.approx(50.0 + first_s)
        seconds.append(second)
    assert seconds[1] - seconds[0] == pytest.approx(2.0, abs=0.1)
    bench.clock.jump(10.0)
    bench.take()
    _, told = bench.block("C1:WF? DESC")
    assert struct.unpack_from(">bbbbh", told, 304) == (0, 0, 1, 2, 2026)


def test_a_clock_that_was_set_tells_another_trigger_time_of_later_records():
    bench = Bench()

    def minute():
        _, told = bench.block("C1:WF? DESC")
        return struct.unpack_from(">b", told, 304)[0]

    bench.take()
    bench.scope.jump(-120.0)
    assert minute() == 59
    bench.take()
    assert minute() == 57


def test_errors_are_bits_of_the_event_status():
    bench = Bench()
    bench.ask("CHDR OFF", "NONSENSE")
    assert [bench.ask("*ESR?"), bench.ask("*ESR?")] == ["32", "0"]
    bench.ask("CFMT DEF5,WORD,BIN")
    assert bench.ask("*ESR?") == "16"
    assert bench.ask("C5:TRA?") is None
    assert bench.ask("*ESR?") == "32"
    bench.ask("MSIZ 1")
    assert bench.ask("*CLS", "*ESR?") == "0"


@pytest.mark.parametrize("kind", [LeCroyScope, SiglentLegacyScope])
def test_parts_of_a_record_can_be_asked_for(kind):
    bench = Bench(kind, bits=8)
    bench.take()
    bench.ask("CFMT DEF9,BYTE,BIN")
    query = "C1:WF? DAT1" if kind is LeCroyScope else "C1:WF? DAT2"
    whole = bench.block(query)[1]
    assert bench.block(query)[1] == whole
    bench.ask("WFSU SP,4,NP,10,FP,100")
    assert bench.block(query)[1] == whole[100:140:4]
    assert bench.ask("WFSU?").startswith("WFSU SP,4,NP,10,FP,100")


def test_an_older_siglent_tells_numbers_with_prefixes_and_blocks_with_a_name():
    bench = Bench(SiglentLegacyScope)
    bench.ask("TDIV 20MS", "TRMD AUTO", "MSIZ 70K")
    assert bench.ask("SARA?") == "SARA 250kSa/s"
    bench.take()
    assert bench.ask("SANU? C1") == "SANU 70kpts"
    assert bench.block("C1:WF? DAT2")[0] == b"C1:WF ALL,"
    bench.ask("CHDR OFF")
    assert bench.ask("SAST?") == "Stop"
    assert bench.ask("C1:WF? DAT2").endswith(b"\n")
    before, data = bench.block("C1:WF? DAT2")
    assert before == b"ALL,"
    vdiv, offset = (float(bench.ask(f"C1:{name}?")) for name in ("VDIV", "OFST"))
    values = np.frombuffer(data, np.int8) * (vdiv / 25) - offset
    assert np.abs(values - bench.expected).max() <= 0.51 * vdiv / 25


def test_an_older_siglent_does_not_say_what_it_does_not_do():
    bench = Bench(SiglentLegacyScope)
    bench.ask("CHDR OFF", "MSIZ 7K")  # stopped
    assert bench.ask("MSIZ?") == "7M"
    bench.ask("TRMD AUTO", "MSIZ 10K")
    assert bench.ask("MSIZ?") == "7M"
    assert bench.ask("SAST?") == "Auto"
    bench.ask("MSIZ 7K", "TRMD SINGLE")
    assert (bench.ask("MSIZ?"), bench.ask("SAST?")) == ("7k", "Ready")
    assert bench.ask("NONSENSE?") is None
    assert bench.ask("*OPC?") == "1"


@pytest.mark.parametrize("kind", [LeCroyScope, SiglentLegacyScope])
def test_reset_and_power_forget_what_was_set(kind):
    bench = Bench(kind)
    bench.take()
    bench.ask("CHDR OFF", "WFSU SP,4", "C1:ATTN 10")
    bench.instrument.power_cycle()
    assert bench.ask("C1:WF? DAT1") is None
    assert bench.ask("WFSU?").startswith("WFSU SP,0")
    assert bench.ask("C1:ATTN?") == "C1:ATTN 10"
    bench.ask("*RST")
    assert bench.ask("C1:ATTN?") == "C1:ATTN 1"
