"""A source of an installed package is chosen by its name, and its faults are told as its own."""

import asyncio
import contextlib
import itertools
import sys
from dataclasses import replace

import msgspec
import pytest
from fakes import INFO, FakeClock, ListSource, dc_block, stage_edge

from monitor.config import InstrumentSettings, Settings
from monitor.engine import assemble
from monitor.errors import ConfigError, InstrumentError
from monitor.model import Channel, Edge, Quantity
from monitor.sources.plugins import CheckedSource, make_source

_numbers = itertools.count()
GOOD = "from fakes import ListSource\ndef make(settings, clock):\n    return ListSource([])\n"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a package whose module says what is given, and names one source."""
    modules = []

    def installed(text, name="mine"):
        module = f"stranger_{next(_numbers)}"
        about = tmp_path / module / f"{module}-1.dist-info"
        about.mkdir(parents=True)
        (tmp_path / module / f"{module}.py").write_text(text)
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n")
        (about / "entry_points.txt").write_text(f"[wattstage.sources]\n{name} = {module}:make\n")
        monkeypatch.syspath_prepend(tmp_path / module)
        modules.append(module)
        return module

    yield installed
    for module in modules:
        sys.modules.pop(module, None)


def made(kind="mine"):
    return make_source(InstrumentSettings(kind=kind), FakeClock())


def delivered(items, **how):
    """What is let through of a source of these items."""

    async def collect():
        source = CheckedSource(ListSource(items, **how), "source 'mine'")
        async with source, contextlib.aclosing(source.items()) as passed:
            return [item async for item in passed]

    return asyncio.run(collect())


def test_a_name_chooses_the_source_and_the_engine_takes_it(install):
    install(GOOD)
    install(GOOD, name="other")
    settings = Settings(instrument=InstrumentSettings(kind="mine"))
    assert isinstance(assemble._source(settings, FakeClock()), CheckedSource)


def test_the_source_gets_the_settings_and_the_clock(install):
    install(
        "from fakes import FakeClock, ListSource\n"
        "def make(settings, clock):\n"
        "    assert settings.options == {'gain': 3}\n"
        "    assert isinstance(clock, FakeClock)\n"
        "    return ListSource([])\n"
    )
    make_source(InstrumentSettings(kind="mine", options={"gain": 3}), FakeClock())


def test_an_unknown_name_is_told_with_those_that_are_installed(install):
    install(GOOD, name="picoscope")
    install(GOOD, name="joulescope")
    with pytest.raises(ConfigError, match=r"got 'pico'.* joulescope, picoscope"):
        made("pico")


def test_without_any_package_it_says_so():
    with pytest.raises(ConfigError, match="installed: none"):
        made("a name that nobody takes")


def test_two_packages_of_one_name_are_both_told(install):
    first, second = install(GOOD), install(GOOD)
    with pytest.raises(ConfigError, match="more than one") as caught:
        made()
    assert first in str(caught.value)
    assert second in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import a_library_that_is_not_there", "cannot be imported: ModuleNotFoundError"),
        ("raise OSError('libpico.so: not found')", "OSError: libpico.so: not found"),
        ("nothing = 1", "cannot be imported: AttributeError"),
        ("def make(settings, clock): return 3", "a int, which is no source: it lacks __aenter__"),
        ("def make(settings): return 3", "failed: TypeError"),
        ("def make(settings, clock): 1 / 0", "failed: ZeroDivisionError: division by zero"),
    ],
)  # fmt: skip
def test_a_package_that_is_broken_is_named_with_its_fault(install, text, words):
    module = install(text)
    with pytest.raises(InstrumentError) as caught:
        made()
    assert words in str(caught.value)
    assert f"'mine' ({module}:make)" in str(caught.value)


def test_what_a_package_says_of_the_settings_is_passed_on(install):
    install(
        "from monitor.errors import ConfigError\n"
        "def make(settings, clock): raise ConfigError('options.gain is missing')\n"
    )
    with pytest.raises(ConfigError, match=r"^options.gain is missing$"):
        made()


def test_good_items_pass_unchanged():
    items = [
        dc_block(0, 100.0), stage_edge("denoise", Edge.BEGIN, 0.1, "s"), dc_block(1000, 90.0),
        dc_block(5000, 80.0),
    ]  # fmt: skip
    assert all(a is b for a, b in zip(delivered(items), items, strict=True))


BLOCK = dc_block(1000, 100.0)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (replace(BLOCK, codes=BLOCK.codes.astype("int32")), "int32 codes, expected the int16"),
        (replace(BLOCK, codes=BLOCK.codes[:1]), "expected 2 channels"),
        (replace(BLOCK, codes=BLOCK.codes[0]), "expected 2 channels"),
        (replace(BLOCK, scales=BLOCK.scales[:1]), "1 scales"),
        (replace(BLOCK, clipped=()), "0 counts of clipped"),
        (dc_block(999, 100.0), "a block from sample 999 that overlaps those up to 1000"),
        ("a text", "a str, expected a Block"),
        (None, "a NoneType, expected a Block"),
    ],
)  # fmt: skip
def test_an_item_that_cannot_be_ends_the_source_and_names_it(item, words):
    with pytest.raises(InstrumentError, match=r"^source 'mine' delivered ") as caught:
        delivered([dc_block(0, 100.0), item])
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("info", "words"),
    [
        (msgspec.structs.replace(INFO, dtype="float32"), "codes of float32, expected integers"),
        (msgspec.structs.replace(INFO, dtype="volts"), "cannot be"),
        (msgspec.structs.replace(INFO, sample_rate_hz=0.0), "a sample rate of 0.0 Hz"),
        (
            msgspec.structs.replace(
                INFO, channels=(Channel(name="v", quantity=Quantity.VOLTAGE),)
            ),
            "needs one voltage and one current",
        ),
        (None, "a NoneType as its info"),
    ],
)  # fmt: skip
def test_a_stream_that_cannot_be_is_refused_and_the_device_freed(info, words):
    inner = ListSource([], info=info)

    async def enter():
        async with CheckedSource(inner, "source 'mine'"):
            pass

    with pytest.raises(InstrumentError, match=r"^source 'mine' states ") as caught:
        asyncio.run(enter())
    assert words in str(caught.value)
    assert inner.left


def test_a_source_that_fails_midway_is_named():
    with pytest.raises(InstrumentError, match=r"source 'mine' failed: OSError: usb gone; report"):
        delivered([dc_block(0, 100.0)], error=OSError("usb gone"))


def test_what_a_source_says_of_its_device_is_passed_on():
    with pytest.raises(InstrumentError, match=r"^the device was pulled out$"):
        delivered([], error=InstrumentError("the device was pulled out"))
