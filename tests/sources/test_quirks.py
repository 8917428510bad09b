"""What families differ in that no exchange of one of them shows."""

import pytest
from sources.descriptors import descriptor
from sources.test_lecroy import TOLD as OF_LECROY
from sources.test_siglent import TOLD as OF_SIGLENT

from monitor.sources.dialects import DIALECTS
from monitor.sources.dialects.lecroy import parse_descriptor as parse_lecroy
from monitor.sources.dialects.siglent import parse_descriptor as parse_siglent

PORTS = {"rigol": 5555, "tektronix": 4000, "lecroy": 0}
USUAL_PORT = 5025
PREFERRED = ("hislip", "socket", "vicp", "vxi11", "usbtmc")


@pytest.mark.parametrize("name", DIALECTS)
def test_the_raw_port_is_that_of_the_family(name):
    assert DIALECTS[name].socket_port == PORTS.get(name, USUAL_PORT)


@pytest.mark.parametrize("name", DIALECTS)
def test_the_transport_that_loses_the_least_time_is_preferred(name):
    transports = DIALECTS[name].transports
    assert sorted(transports, key=PREFERRED.index) == list(transports)
    assert ("socket" in transports) == (DIALECTS[name].socket_port > 0)


def test_the_same_bytes_are_a_time_to_a_lecroy_and_reserved_to_a_siglent():
    when = {name: OF_LECROY[name] for name in ("second", "minute", "hour", "day", "month", "year")}
    assert parse_lecroy(descriptor(**OF_LECROY), 2).tag_s is not None
    assert parse_siglent(descriptor(**OF_SIGLENT, **when), 2).tag_s is None


@pytest.mark.parametrize(("reply", "done"), [("0", True), ("1", False)])
def test_a_tektronix_is_done_when_it_does_not_acquire(reply, done):
    assert DIALECTS["tektronix"].is_done(reply) is done
