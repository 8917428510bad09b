"""What is there to measure with: found in some seconds, each asked who it is.

Every search and every question has a daemon thread of its own, so an instrument that hangs
delays neither the others nor the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from types import MappingProxyType

import msgspec

from monitor.errors import WattstageError
from monitor.setup.announced import search_mdns
from monitor.setup.broadcast import search_vxi11
from monitor.setup.candidate import Candidate, Found, Note
from monitor.setup.device import Device, Progress, identified, silent, transport, unasked
from monitor.setup.plugged import search_serial, search_usb
from monitor.sources.inspect import identify

Search = Callable[[Found, threading.Event], None]
SEARCHES: Mapping[str, Search] = MappingProxyType(
    {"mDNS": search_mdns, "VXI-11": search_vxi11, "USB": search_usb, "serial": search_serial}
)

DEADLINE_S = 4.5
_ASK_S = 1.5
_SETTLE_S = 0.3  # within which an instrument announces all that it offers


async def find(
    addresses: Iterable[str] = (),
    *,
    deadline_s: float = DEADLINE_S,
    searches: Mapping[str, Search] = SEARCHES,
    ask: Callable[[str], str] = lambda address: identify(address, _ASK_S),
) -> AsyncGenerator[Device | Note | Progress, None]:
    """Yield what is found as soon as it has answered, and how far the search is.

    Leaving the generator ends the search.

    Parameters
    ----------
    addresses
        VISA resource names to be asked as well.
    deadline_s
        What has not answered by then is told as silent.
    ask
        Returns an instrument's identity; blocking, on a thread of its own.
    """
    hunt = _Hunt(ask, searches)
    for address in addresses:
        hunt.add(Candidate(key=address, address=address, found_by="you"))
    try:
        async with asyncio.timeout(deadline_s):
            while hunt.is_going:
                yield hunt.progress()
                for event in await hunt.next():
                    yield event
    except TimeoutError:
        for device in hunt.unanswered():
            yield device
    finally:
        hunt.stop()
    for device in hunt.dead():
        yield device
    yield Progress(searching=(), n_found=hunt.n_found, n_asking=0)


class _Hunt:
    """The searches under way, and what they found."""

    def __init__(self, ask: Callable[[str], str], searches: Mapping[str, Search]) -> None:
        self._ask = ask
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Callable[[], Device | Note | None]] = asyncio.Queue()
        self._stopped = threading.Event()
        self._waiting: dict[str, list[Candidate]] = {}
        """By key: addresses of an instrument that was not asked there."""
        self._asking: dict[str, Candidate] = {}
        self._answers: dict[str, Device] = {}
        """By key."""
        self._dead: dict[str, tuple[Candidate, str]] = {}
        """By key: what did not answer, unless it does at an address that is found later."""
        self._seen: set[str] = set()
        self._devices: dict[str, Device] = {}
        """By address."""
        self._hosts: dict[str, str] = {}
        self._searching = list(searches)
        for name, search in searches.items():
            self._start(self._search, name, search)

    @property
    def is_going(self) -> bool:
        return bool(
            self._searching or self._asking or any(self._waiting.values()) or self._inbox.qsize()
        )

    @property
    def n_found(self) -> int:
        return len(self._devices)

    def progress(self) -> Progress:
        return Progress(
            searching=tuple(self._searching),
            n_found=len(self._devices),
            n_asking=len(self._asking),
        )

    async def next(self) -> list[Device | Note]:
        """Wait for the next thing to happen; return what there is to tell."""
        event = (await self._inbox.get())()
        return [] if event is None else [event]

    def stop(self) -> None:
        self._stopped.set()

    def unanswered(self) -> list[Device]:
        """Return those that have not answered."""
        asked = [*self._asking.values(), *(few[0] for few in self._waiting.values() if few)]
        first = {candidate.key: candidate for candidate in reversed(asked)}
        return [silent(candidate, "no answer in time") for candidate in first.values()]

    def dead(self) -> list[Device]:
        """Return those that were asked at every address and answered at none."""
        return [
            self._keep(silent(candidate, problem))
            for candidate, problem in self._dead.values()
            if not self._is_known(candidate)
        ]

    def add(self, candidate: Candidate) -> Device | None:
        """Take what a search found; ask it, unless it is being asked at another address."""
        if candidate.address in self._seen:
            self._prefer(candidate)
            return None
        self._seen.add(candidate.address)
        if not candidate.is_askable:
            return self._keep(unasked(candidate))
        known = self._answers.get(candidate.key)
        if known is not None:
            return self._join(known, (candidate.address,)) if candidate.is_told else None
        self._waiting.setdefault(candidate.key, []).append(candidate)
        if candidate.key not in self._asking:
            settle_s = _SETTLE_S if candidate.rank else 0.0  # nothing is preferred to rank 0
            ask = functools.partial(self._ask_next, candidate.key)
            self._loop.call_later(settle_s, self._inbox.put_nowait, ask)
        return None

    def _prefer(self, candidate: Candidate) -> None:
        """Take the better of two that are the same place, if it was not asked yet."""
        waiting = self._waiting.get(candidate.key, [])
        for k, other in enumerate(waiting):
            if other.address == candidate.address and candidate.rank < other.rank:
                waiting[k] = candidate

    def _ask_next(self, key: str) -> None:
        """Ask one address of an instrument at a time, the preferred one first."""
        waiting = self._waiting.get(key)
        if key in self._asking or not waiting:
            return
        candidate = min(waiting, key=lambda c: c.rank)
        waiting.remove(candidate)
        self._asking[key] = candidate
        self._start(self._question, candidate)

    def _answered(self, candidate: Candidate, identity: str, problem: str) -> Device | None:
        del self._asking[candidate.key]
        more = self._waiting.get(candidate.key, [])
        if problem and more:
            self._ask_next(candidate.key)
            return None
        if problem:
            self._dead.setdefault(candidate.key, (candidate, problem))
            return None
        self._dead.pop(candidate.key, None)
        made = identified(candidate, identity)
        also = tuple(c.address for c in more if c.is_told)
        more.clear()
        self._hosts[made.address] = candidate.host
        same = self._same(made)
        if same is not None:
            joined = self._join(same, (made.address, *also))
        else:
            joined = self._keep(msgspec.structs.replace(made, also=also))
        self._answers[candidate.key] = joined
        return joined

    def _join(self, first: Device, also: tuple[str, ...]) -> Device:
        first = self._devices[first.address]
        addresses = dict.fromkeys((*first.also, *also))
        return self._keep(msgspec.structs.replace(first, also=tuple(addresses)))

    def _is_known(self, candidate: Candidate) -> bool:
        """Return whether the same host has answered elsewhere."""
        return bool(candidate.host) and candidate.host in self._hosts.values()

    def _same(self, made: Device) -> Device | None:
        """Return the instrument that has answered the same, over another transport."""
        host = self._hosts[made.address]
        for device in self._devices.values():
            is_here = bool(host) and self._hosts.get(device.address) == host
            if is_here and device.identity == made.identity:
                kinds = {transport(address) for address in (device.address, *device.also)}
                if transport(made.address) not in kinds:
                    return device
        return None

    def _keep(self, device: Device) -> Device:
        self._devices[device.address] = device
        return device

    def _search(self, name: str, search: Search) -> None:
        def found(item: Candidate | Note) -> None:
            self._tell(lambda: item if isinstance(item, Note) else self.add(item))

        def done() -> None:
            self._searching.remove(name)

        try:
            search(found, self._stopped)
        except Exception as error:  # libraries raise anything; the others go on
            reason = str(error) or type(error).__name__
            found(Note(name, f"{name} could not be searched: {reason}"))
        self._tell(done)

    def _question(self, candidate: Candidate) -> None:
        identity = problem = ""
        try:
            identity = self._ask(candidate.address)
        except WattstageError as error:
            problem = str(error)
        except Exception as error:  # as above
            problem = f"{candidate.address}: {error}"
        self._tell(lambda: self._answered(candidate, identity, problem))

    def _tell(self, what: Callable[[], Device | Note | None]) -> None:
        """Hand over to the loop's thread, which alone changes what is known."""
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._inbox.put_nowait, what)

    def _start(self, work: Callable[..., None], *arguments: object) -> None:
        name = "wattstage-devices"
        threading.Thread(target=work, args=arguments, name=name, daemon=True).start()
