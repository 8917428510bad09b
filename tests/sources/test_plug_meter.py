"""Plugs of the bench, and what else can happen, over a real broker."""

import asyncio
import contextlib

import pytest
from sources.scripted import JumpingClock

from monitor.bench.lab import BenchSettings, Lab
from monitor.bench.load.workload import WorkloadSettings
from monitor.bench.meters.plug import PLUGS
from monitor.config import MeterSettings, QuerySettings
from monitor.errors import ConfigError, ConnectionLostError
from monitor.markers.broker import EmbeddedBroker
from monitor.model import Block, Marker, Reading
from monitor.sources.clock import SystemClock
from monitor.sources.meters.make import make_meter, make_source
from monitor.sources.meters.plug import PlugMeter

IDLE = WorkloadSettings(texture=0.0)  # for the first second, and longer
LIMIT_S = 20.0


@pytest.fixture(scope="module")
def broker():
    with EmbeddedBroker() as running:
        yield running


async def with_plug(name, broker, work, **changes):
    """Let work happen with a plug of the bench and the meter that listens to it."""
    load = BenchSettings(meters=(name,), broker=broker.url, prefix=f"t-{name}", workload=IDLE)
    async with Lab(load) as lab:
        plug = lab.meters[name]
        settings = MeterSettings(kind="plug", address=plug.address)
        async with (
            PlugMeter(settings, SystemClock(), **changes) as meter,
            contextlib.aclosing(meter.readings()) as items,
            asyncio.timeout(LIMIT_S),
        ):
            return await work(lab, plug, items)


def run(name, broker, work, **changes):
    return asyncio.run(with_plug(name, broker, work, **changes))


async def until(items, true):
    seen = []
    async for item in items:
        seen.append(item)
        if true(item):
            return seen
    raise AssertionError("it ended by itself")


def kind(item):
    return item.attrs["kind"] if isinstance(item, Marker) else None


@pytest.mark.parametrize(
    ("name", "units"), [("tasmota", "WVA"), ("shelly1", "W"), ("shelly2", "WVA")]
)
def test_a_plug_of_each_make_reports_the_power_of_the_load(broker, name, units):
    async def work(lab, plug, items):
        seen = [await anext(items) for _ in units]
        idle_w = lab.workload.energy_j(0.0, 0.5) / 0.5
        return seen, idle_w

    seen, idle_w = run(name, broker, work)
    assert [item.channel.unit for item in seen] == list(units)
    assert seen[0].value == pytest.approx(idle_w, rel=0.01)
    if len(seen) > 1:
        assert seen[1].value == pytest.approx(230.0, rel=0.01)


def test_no_value_is_one_event_and_no_reading(broker):
    async def work(lab, plug, items):
        await until(items, lambda item: isinstance(item, Reading))
        plug.is_wrong = True
        begun = await until(items, lambda item: kind(item) == "invalid")
        plug.is_wrong = False
        return [*begun, *await until(items, lambda item: kind(item) == "invalid-over")]

    seen = run("shelly2", broker, work)
    assert [kind(item) for item in seen if kind(item)] == ["invalid", "invalid-over"]
    assert all(item.value > 0 for item in seen if isinstance(item, Reading))


def test_what_is_not_understood_is_told_once(broker):
    async def work(lab, plug, items):
        for _ in range(3):
            await plug.say("status/switch:0", "{not json")
        return await until(items, lambda item: kind(item) == "malformed-over")

    seen = run("shelly2", broker, work)
    told = [item for item in seen if isinstance(item, Marker)]
    assert [kind(item) for item in told] == ["malformed", "malformed-over"]
    assert "status/switch:0 is not understood: expected a JSON object" in told[0].attrs["text"]
    assert "3 left out" in told[1].attrs["text"]


def test_what_the_broker_kept_is_of_whenever_it_was_and_no_reading(broker):
    async def work(lab, plug, items):
        below = "status/switch:0"
        await plug.say(below, '{"apower": 9999}', retain=True)
        try:
            settings = MeterSettings(kind="plug", address=plug.address)
            async with (
                PlugMeter(settings, SystemClock()) as late,
                contextlib.aclosing(late.readings()) as readings,
            ):
                return [await anext(readings) for _ in range(6)]
        finally:
            await plug.say(below, "", retain=True)  # forget it

    seen = run("shelly2", broker, work)
    assert all(item.value < 2000 for item in seen)


@pytest.mark.parametrize("name", PLUGS)
def test_a_plug_that_says_goodbye_is_lost_until_it_reports_again(broker, name):
    async def work(lab, plug, items):
        await until(items, lambda item: isinstance(item, Reading))
        await plug.tell(is_there=False)
        return await until(items, lambda item: kind(item) == "reconnected")

    seen = run(name, broker, work)
    assert [kind(item) for item in seen if kind(item)] == ["lost", "reconnected"]


def test_a_plug_of_which_nothing_is_heard_is_told_with_its_topic(broker):
    async def work():
        settings = MeterSettings(kind="plug", address=f"{broker.url}/shellies/nobody")
        async with (
            PlugMeter(settings, SystemClock(), silent_s=0.1) as meter,
            contextlib.aclosing(meter.readings()) as items,
        ):
            return await anext(items)

    mark = asyncio.run(work())
    assert kind(mark) == "lost"
    assert "the topic 'shellies/nobody'" in mark.attrs["text"]


def test_a_broker_that_goes_away_is_found_again():
    class Hasty(SystemClock):
        async def sleep(self, seconds):
            await asyncio.sleep(min(seconds, 0.05))

    async def work():
        with EmbeddedBroker() as first:
            port = first.port
            settings = MeterSettings(kind="plug", address=f"{first.url}/plug")
            meter = PlugMeter(settings, Hasty())
            await meter.__aenter__()
            items = meter.readings()
            upcoming = asyncio.ensure_future(anext(items))
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(LIMIT_S):
                lost = await upcoming
                with EmbeddedBroker(port):
                    return lost, await anext(items)
        finally:
            await items.aclose()
            await meter.__aexit__(None, None, None)

    lost, back = asyncio.run(work())
    assert (kind(lost), kind(back)) == ("lost", "reconnected")
    assert "the broker at mqtt://127.0.0.1:" in lost.attrs["text"]


def test_a_broker_that_is_not_there_is_one_sentence():
    async def work():
        async with make_meter(
            MeterSettings(kind="plug", address="mqtt://127.0.0.1:1/plug"), SystemClock()
        ):
            pass

    with pytest.raises(
        ConnectionLostError, match=r"no MQTT broker for the plug plug at mqtt://127"
    ):
        asyncio.run(work())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mqtt://lab", "its own topic after the port"),
        ("mqtt://lab/a/#", r"without \+ and"),
        ("mqtt://lab/a?x=1", "its own topic"),
        ("http://lab/plug", "scheme 'http'"),
        ("mqtt://[::1/plug", "IPv6"),
    ],
)
def test_an_address_that_is_none_is_refused(address, said):
    with pytest.raises(ConfigError, match=said):
        make_meter(MeterSettings(kind="plug", address=address), JumpingClock())


def test_a_plug_is_asked_nothing():
    query = QuerySettings(name="p", query="P?", unit="W")
    with pytest.raises(ConfigError, match="remove setup and queries"):
        make_meter(
            MeterSettings(kind="plug", address="mqtt://lab/p", queries=(query,)), JumpingClock()
        )


def test_a_component_is_named_by_the_end_of_the_topic():
    for end in ("relay/2", "emeter/2", "switch:2", "pm1:2"):
        meter = make_meter(
            MeterSettings(kind="plug", address=f"mqtt://lab/shellies/x/{end}"), JumpingClock()
        )
        assert (meter._topic, meter._component) == ("shellies/x", 2)


def test_a_plug_alone_is_a_stream_of_what_stood(broker):
    async def work():
        load = BenchSettings(meters=("shelly2",), broker=broker.url, prefix="alone", workload=IDLE)
        async with Lab(load) as lab:
            settings = MeterSettings(kind="plug", address=lab.meters["shelly2"].address)
            async with (
                make_source(settings, SystemClock()) as source,
                asyncio.timeout(LIMIT_S),
                contextlib.aclosing(source.items()) as items,
            ):
                blocks = [item async for item in limited(items, 3)]
                return source.info, blocks, lab.workload.energy_j(0.0, 0.5) / 0.5

    info, blocks, idle_w = asyncio.run(work())
    for block in blocks:
        assert block.codes * block.scales[0].gain == pytest.approx(idle_w, rel=0.01)
    assert [c.quantity.unit for c in info.channels] == ["W"]
    assert [b.start for b in blocks[1:]] == [b.stop for b in blocks[:-1]]


async def limited(items, n_blocks):
    async for item in items:
        if isinstance(item, Block):
            yield item
            n_blocks -= 1
        if not n_blocks:
            return
