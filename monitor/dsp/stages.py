"""From markers to stages: any order and any duplication of the same markers gives the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.dsp.clocks import Clocks
from monitor.dsp.headers import Headers
from monitor.model import Edge, Marker, Stage, Timeline

_LONGEST_NAME = 64  # characters: a path must fit in a table
_ENDLESS = np.iinfo(np.int64).max

_SpanKey = tuple[str, str]
_LooseKey = tuple[str, int, str, int | None]


@dataclass(slots=True, eq=False)
class _Node:
    """A stage in the making."""

    begin: Marker | None = None
    end: Marker | None = None
    parent: _Node | None = None
    children: list[_Node] = field(default_factory=list)
    name: str = ""
    path: str = ""
    depth: int = 0
    index: int = 0
    begin_ns: int | None = None
    start_ns: int = 0
    stop_ns: int | None = None
    truncated: bool = False
    uncertainty_ns: int = 0

    @property
    def marker(self) -> Marker:
        """Return the marker that says what this is: the begin, if it has come."""
        marker = self.begin or self.end
        assert marker is not None  # noqa: S101  # a node is made from a marker
        return marker


class StageTree:
    """The stages that a set of markers describes, by our clock.

    Senders on other hosts have their own clocks; the markers that compare them are among the
    others (see ``Clocks``), so that stages move to where they belong as these come.

    One task adds and asks. What is returned is only made anew after a marker has come.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[object, ...]] = set()
        self._spans: dict[_SpanKey, _Node] = {}
        self._loose: defaultdict[_LooseKey, list[Marker]] = defaultdict(list)
        self._points: list[Marker] = []
        self._marks: list[Marker] = []
        self._clocks = Clocks()
        self._headers = Headers()
        self._stale = False
        self._stages: tuple[Stage, ...] = ()
        self._starts: NDArray[np.int64] = np.empty(0, np.int64)
        self._stops: NDArray[np.int64] = np.empty(0, np.int64)

    @property
    def n_markers(self) -> int:
        """Return how many different markers of stages and instants have come."""
        return len(self._seen) - self._clocks.n_taken - self._headers.n_taken

    def headers(self, run_id: str) -> Iterable[Marker]:
        """Return what each sender of a run tells of itself."""
        return self._headers.of(run_id)

    def add(self, marker: Marker) -> bool:
        """Take a marker; return False if it is a duplicate.

        A broker delivers at least once, so the same marker may come again. If two markers claim
        to be the same edge of one span, the one that was sent later counts.
        """
        identity = (
            marker.run_id,
            marker.rank,
            marker.sender,
            marker.seq,
            marker.time_ns,
            marker.edge,
            marker.stage,
            marker.span_id,
        )
        if identity in self._seen:
            return False
        self._seen.add(identity)
        self._stale = True
        if self._clocks.take(marker) or self._headers.take(marker):
            return True
        if marker.edge is Edge.INSTANT:
            self._points.append(marker)
        elif marker.span_id:
            node = self._spans.setdefault((marker.run_id, marker.span_id), _Node())
            if marker.edge is Edge.BEGIN:
                node.begin = _later(node.begin, marker)
            else:
                node.end = _later(node.end, marker)
        else:
            key = (marker.run_id, marker.rank, marker.stage, marker.index)
            self._loose[key].append(marker)
        return True

    def stages(self, until_ns: int) -> tuple[Stage, ...]:
        """Return the stages that began by a UTC time, sorted by start, parents first.

        A stage without its begin starts with its first child, else with its parent. One without
        its end ends where its sender broke off, else with its parent, or is still running
        (``stop_ns`` None). Both are marked as truncated, but for a running one.
        """
        self._rebuild()
        n = int(np.searchsorted(self._starts, until_ns, "right"))
        return self._stages if n == len(self._stages) else self._stages[:n]

    def marks(self) -> tuple[Marker, ...]:
        """Return the instants, sorted by time."""
        self._rebuild()
        return tuple(self._marks)

    def timeline(self, start_ns: int, stop_ns: int, until_ns: int, n_most: int) -> Timeline:
        """Return what lies in ``[start_ns, stop_ns)`` and began by ``until_ns``.

        Parameters
        ----------
        n_most
            If there are more stages, or more marks, the longest stages and the newest marks.
        """
        self._rebuild()
        starts, stops = self._starts, self._stops
        shown = (starts < stop_ns) & (starts <= until_ns)
        shown &= (stops > start_ns) | (starts >= start_ns)
        places = np.flatnonzero(shown)
        if places.size > n_most:
            lengths = np.minimum(stops[places], stop_ns) - np.maximum(starts[places], start_ns)
            places = places[np.sort(np.argsort(-lengths, kind="stable")[:n_most])]
        first = bisect_right(self._marks, start_ns - 1, key=lambda mark: mark.time_ns)
        last = bisect_right(self._marks, stop_ns - 1, key=lambda mark: mark.time_ns)
        return Timeline(
            stages=tuple(self._stages[k] for k in places),
            marks=tuple(self._marks[max(first, last - n_most) : last]),
        )

    def _rebuild(self) -> None:
        if not self._stale:
            return
        self._stale = False
        self._marks = sorted(
            map(self._clocks.aligned, self._points),
            key=lambda mark: (mark.time_ns, mark.run_id, mark.rank, mark.seq),
        )
        nodes = self._fresh_nodes()
        ordered = _top_down(nodes)
        _place(ordered, self._aborts(), self._clocks)
        ordered.sort(key=_order)
        _number(ordered)
        self._stages = tuple(map(_stage, ordered))
        self._starts = np.asarray([stage.start_ns for stage in self._stages], np.int64)
        self._stops = np.asarray(
            [_ENDLESS if stage.stop_ns is None else stage.stop_ns for stage in self._stages],
            np.int64,
        )

    def _aborts(self) -> dict[tuple[str, str], list[int]]:
        """Return when each sender broke off, sorted."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for mark in self._marks:
            if mark.stage == "abort" and mark.sender:
                found[mark.run_id, mark.sender].append(mark.time_ns)
        return found

    def _fresh_nodes(self) -> list[_Node]:
        """Return one node per stage, linked to its parent where that is known."""
        by_span = {
            key: _Node(node.begin, node.end, name=_clean(node.marker.stage))
            for key, node in self._spans.items()
        }
        nodes = list(by_span.values())
        for markers in self._loose.values():
            nodes += _pair(markers)
        for node in nodes:
            marker = node.marker
            parent_id = marker.parent_id or (node.end.parent_id if node.end else "")
            node.parent = by_span.get((marker.run_id, parent_id)) if parent_id else None
        for node in _in_circles(nodes):
            node.parent = None
        for node in nodes:
            if node.parent is not None:
                node.parent.children.append(node)
        return nodes


def _later(known: Marker | None, marker: Marker) -> Marker:
    """Return the marker that was sent later, whichever came first."""
    if known is None:
        return marker
    return max(known, marker, key=lambda m: (m.seq, m.time_ns, m.rank, m.stage))


def _pair(markers: list[Marker]) -> list[_Node]:
    """Return the occurrences of one stage whose sender does not name its spans."""
    nodes: list[_Node] = []
    for marker in sorted(markers, key=lambda m: (m.time_ns, m.seq, m.edge is Edge.END)):
        if marker.edge is Edge.BEGIN:
            nodes.append(_Node(begin=marker, name=_clean(marker.stage)))
        elif nodes and nodes[-1].end is None:
            nodes[-1].end = marker
        else:
            nodes.append(_Node(end=marker, name=_clean(marker.stage)))
    return nodes


def _in_circles(nodes: list[_Node]) -> list[_Node]:
    """Return the nodes that are their own ancestors."""
    done: set[_Node] = set()
    circles: list[_Node] = []
    for node in nodes:
        path: list[_Node] = []
        places: dict[_Node, int] = {}
        at: _Node | None = node
        while at is not None and at not in done and at not in places:
            places[at] = len(path)
            path.append(at)
            at = at.parent
        if at is not None and at in places:
            circles += path[places[at] :]
        done.update(path)
    return circles


def _top_down(nodes: list[_Node]) -> list[_Node]:
    """Return the nodes, parents before children, with their depths and paths."""
    ordered = [node for node in nodes if node.parent is None]
    for node in ordered:
        node.path = node.name
    for node in ordered:  # grows while it is walked
        for child in node.children:
            child.depth = node.depth + 1
            child.path = f"{node.path}/{child.name}"
        ordered += node.children
    return ordered


def _place(
    ordered: list[_Node], aborts: Mapping[tuple[str, str], list[int]], clocks: Clocks
) -> None:
    """Find when each stage starts and stops; parents come before children."""
    for node in reversed(ordered):
        if node.begin is not None:
            node.begin_ns, node.uncertainty_ns = clocks.time_of(node.begin)
        begin_ns, parent = node.begin_ns, node.parent
        if parent is None or parent.begin is not None or begin_ns is None:
            continue
        if parent.begin_ns is None or begin_ns < parent.begin_ns:
            parent.begin_ns = begin_ns
    for node in ordered:
        parent = node.parent
        stop_ns = None
        if node.end is not None:
            stop_ns, bound_ns = clocks.time_of(node.end)
            node.uncertainty_ns = max(node.uncertainty_ns, bound_ns)
        elif node.begin is not None and node.begin_ns is not None:
            broken = aborts.get((node.begin.run_id, node.begin.sender), [])
            place = bisect_left(broken, node.begin_ns)
            stop_ns = broken[place] if place < len(broken) else None
        if stop_ns is None and parent is not None:
            stop_ns = parent.stop_ns
        if node.begin_ns is not None:
            node.start_ns = node.begin_ns
        elif parent is not None and stop_ns is not None:
            node.start_ns = min(parent.start_ns, stop_ns)
        else:
            node.start_ns = stop_ns or 0
        node.truncated = node.begin is None or (node.end is None and stop_ns is not None)
        if stop_ns is not None and stop_ns < node.start_ns:
            stop_ns, node.truncated = node.start_ns, True
        node.stop_ns = stop_ns


def _order(node: _Node) -> tuple[int, int, str, str, str, int, int]:
    """Return what stages are sorted by; nothing in it depends on the order of arrival."""
    marker = node.marker
    return (
        node.start_ns, node.depth, node.path, marker.run_id, marker.span_id, marker.rank, marker.seq
    )  # fmt: skip


def _number(ordered: list[_Node]) -> None:
    """Count the stages of the same path in the same parent, unless the sender did."""
    counts: defaultdict[tuple[int, str], int] = defaultdict(int)
    for node in ordered:
        key = (id(node.parent), node.path)
        sent = node.marker.index
        node.index = counts[key] if sent is None else sent
        counts[key] += 1


def _stage(node: _Node) -> Stage:
    marker, end = node.marker, node.end
    total, attrs = marker.total, marker.attrs
    if end is not None and end is not marker:
        total = end.total if total is None else total
        attrs = {**attrs, **end.attrs} if end.attrs else attrs
    return Stage(
        name=node.name,
        path=node.path,
        span_id=marker.span_id,
        run_id=marker.run_id,
        parent_id=node.parent.marker.span_id if node.parent is not None else "",
        depth=node.depth,
        index=node.index,
        start_ns=node.start_ns,
        stop_ns=node.stop_ns,
        leaf=not node.children,
        total=total,
        truncated=node.truncated,
        uncertainty_ns=node.uncertainty_ns,
        timing=marker.timing,
        attrs=attrs,
    )


def _clean(name: str) -> str:
    """Return a name that can be part of a path: no slash, no control character, not too long."""
    if name.isprintable() and "/" not in name and 0 < len(name) <= _LONGEST_NAME:
        return name
    kept = "".join("_" if c == "/" or not c.isprintable() else c for c in name[:_LONGEST_NAME])
    return kept or "_"
