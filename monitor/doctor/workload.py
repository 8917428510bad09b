"""The way that markers take: the broker, and the clocks of who sends them."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Iterator

import aiomqtt
import msgspec

from monitor.config import MarkerSettings
from monitor.doctor.report import Line, failed
from monitor.dsp.clock_fit import ClockFit
from monitor.dsp.clocks import STAGE
from monitor.errors import BrokerError, ConfigError, WattstageError
from monitor.markers import echo
from monitor.markers.broker import EmbeddedBroker
from monitor.markers.feed import MarkerFeed
from monitor.model import Marker
from monitor.mqtt.address import Address, parse, reach
from monitor.mqtt.connection import connected, subscribe
from monitor.units import si, window

_PORT = 1883  # where the engine starts its broker
_ROUNDS = 9
_SLOW_S = 0.1
_WIDE_S = 0.005  # as data centres ask of the alignment of power and load

_UNKNOWN = Line(
    id="clock", level="skip", what="no clock of a workload was compared, for want of a broker"
)

_Senders = dict[tuple[str, str], tuple[ClockFit, int]]
"""By run and sender: the fit, and the newest answer by the sender's clock."""


def examine(settings: MarkerSettings, seconds: float) -> Iterator[Line]:
    """Yield what is found; blocking.

    Parameters
    ----------
    seconds
        For which senders are listened to.
    """
    if settings.broker == "none":
        what = "the profile listens to no broker, so there are no stages"
        yield Line(id="broker", level="skip", what=what, fix='markers.broker = "embedded"')
        return
    try:
        yield from asyncio.run(_examine(settings, seconds))
    except WattstageError as error:
        yield failed("broker", error)
        yield _UNKNOWN


async def _examine(settings: MarkerSettings, seconds: float) -> list[Line]:
    async with _broker(settings) as (where, is_ours):
        lines = [await _round_trip(where, settings.prefix, is_ours=is_ours)]
        if lines[0].level == "fail":
            return [*lines, _UNKNOWN]
        return lines + await _clocks(where, settings.prefix, seconds)


@contextlib.asynccontextmanager
async def _broker(settings: MarkerSettings) -> AsyncIterator[tuple[Address, bool]]:
    """Yield where the broker is, and whether it runs only for us."""
    if settings.broker != "embedded":
        yield reach(settings.broker, settings), False
        return
    async with contextlib.AsyncExitStack() as stack:
        try:
            broker = await asyncio.to_thread(stack.enter_context, EmbeddedBroker(_PORT))
        except BrokerError as error:
            if "in use" not in str(error):
                raise
            yield parse(f"mqtt://127.0.0.1:{_PORT}"), False
        else:
            yield parse(broker.url), True


async def _round_trip(where: Address, prefix: str, *, is_ours: bool) -> Line:
    name = uuid.uuid4().hex[:12]
    topic = echo.topic(prefix, name)
    took: list[float] = []
    try:
        identifier = f"wattstage-doctor-{name}"
        async with connected(where, identifier=identifier, max_waiting=16) as client:
            await subscribe(client, topic)
            messages = aiter(client.messages)
            async with asyncio.timeout(echo.WAIT_S):
                for _ in range(_ROUNDS):
                    begun = time.perf_counter()
                    await client.publish(topic, b"", qos=0)
                    await anext(messages)
                    took.append(time.perf_counter() - begun)
    except TimeoutError:
        return failed("broker", BrokerError(echo.not_heard(where, prefix)))
    except aiomqtt.MqttError as error:
        what = f"the MQTT broker at {where} hung up: {error}; look at its own log"
        return failed("broker", BrokerError(what))
    except (BrokerError, ConfigError) as error:
        line = failed("broker", error)
        what = f"no round trip by the MQTT broker at {where}: {line.what}"
        return msgspec.structs.replace(line, what=what)
    median_s = statistics.median(took)
    is_slow = median_s > _SLOW_S
    fixes = ["a broker nearer by, or a wire instead of radio"] if is_slow else []
    if where.is_exposed:
        fixes.append("TLS (mqtts://): the password crosses the network unencrypted")
    kind = "the embedded broker, started for this" if is_ours else "the broker"
    return Line(
        id="broker",
        level="warn" if fixes else "ok",
        what=f"{kind} at {where}: {si(median_s, 's')} round trip (median of {len(took)})",
        fix="; ".join(fixes),
        value=median_s,
        unit="s",
    )


async def _clocks(where: Address, prefix: str, seconds: float) -> list[Line]:
    senders: _Senders = {}
    async with MarkerFeed(where, prefix=prefix) as feed:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                async for item in feed:
                    if isinstance(item, Marker):
                        _take(senders, item)
    if not senders:
        return [
            Line(
                id="clock",
                level="skip",
                what=f"no workload answered in {window(seconds)}, so no clock was compared",
                fix="start one (wattstage run ...) and examine again, to see how well its stages"
                " and the samples fit together",
            )
        ]
    return [_clock(*who, *known) for who, known in senders.items()]


def _take(senders: _Senders, marker: Marker) -> None:
    if marker.stage != STAGE:
        return
    times = [marker.attrs.get(name) for name in ("t0_ns", "t1_ns", "t2_ns", "t3_ns")]
    t0, t1, t2, t3 = (each if isinstance(each, int) else 0 for each in times)
    fit, _ = senders.setdefault((marker.run_id, marker.sender), (ClockFit(), 0))
    fit.add(t0, t1, t2, t3)
    senders[marker.run_id, marker.sender] = fit, t2


def _clock(run_id: str, sender: str, fit: ClockFit, newest_ns: int) -> Line:
    who = f"sender {sender or '?'} of run {run_id}"
    if not len(fit):
        what = f"the clock of {who} answers what cannot be"
        return Line(id="clock", level="fail", what=what, fix="set that computer's clock (NTP)")
    offset_ns, bound_ns = fit.at(newest_ns)
    is_wide = bound_ns / 1e9 > _WIDE_S
    ahead = "ahead of" if offset_ns >= 0 else "behind"
    return Line(
        id="clock",
        level="warn" if is_wide else "ok",
        what=f"the clock of {who} is {si(abs(offset_ns) / 1e9, 's')} {ahead} ours, at most"
        f" {si(bound_ns / 1e9, 's')} off that; it is taken into account",
        fix="a faster network between the workload and the broker, e.g. a wire" if is_wide else "",
        value=offset_ns / 1e9,
        unit="s",
    )
