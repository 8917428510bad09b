"""The same link over HiSLIP, where messages have an end of their own (IVI-6.1)."""

import contextlib
import socket
import struct
import threading

import numpy as np
import pytest
from sources.scripted import block

from monitor.errors import ConnectionLostError, ProtocolError
from monitor.sources.visa import VisaLink

HEADER = struct.Struct("!2sBBIQ")
INITIALIZE, DATA, DATA_END, MAX_SIZE, ASYNC_INITIALIZE = 0, 6, 7, 15, 17


class HislipInstrument:
    """Answers each query from a table, in messages of 8 KB."""

    def __init__(self, replies: dict[str, bytes]) -> None:
        self._replies = replies
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._serve) for _ in range(2)]

    @property
    def visa(self) -> str:
        return f"TCPIP::127.0.0.1::hislip0,{self._listener.getsockname()[1]}::INSTR"

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError, struct.error):
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rb") as stream:
                while True:
                    self._answer(connection, stream)

    def _answer(self, connection, stream) -> None:
        def send(kind, parameter=0, payload=b""):
            connection.sendall(HEADER.pack(b"HS", kind, 0, parameter, len(payload)) + payload)

        _, kind, _, parameter, size = HEADER.unpack(stream.read(HEADER.size))
        payload = stream.read(size)
        if kind == INITIALIZE:
            send(1, 0x0100 << 16 | 1)
        elif kind == ASYNC_INITIALIZE:
            send(18)
        elif kind == MAX_SIZE:
            send(16, payload=struct.pack("!Q", 1 << 20))
        elif kind == DATA_END:
            reply = self._replies.get(payload.decode().strip(), b"")
            while len(reply) > 8192:
                send(DATA, parameter, reply[:8192])
                reply = reply[8192:]
            if reply:
                send(DATA_END, parameter, reply)


CODES = np.arange(100_000, dtype="<u2")


@pytest.mark.parametrize("end", [b"\n", b""])
def test_text_and_blocks_are_read_with_or_without_a_line_feed(end):
    replies = {"*IDN?": b"KEYSIGHT" + end, "D?": block(CODES.tobytes()).removesuffix(b"\n") + end}
    with HislipInstrument(replies) as scope, VisaLink(scope.visa, 5.0) as link:
        assert link.query("*IDN?") == "KEYSIGHT"
        np.testing.assert_array_equal(link.query_block("D?", "<u2"), CODES)
        assert link.query("*IDN?") == "KEYSIGHT"


@pytest.mark.parametrize("reply", [b"#15abc\n", b"#13abcd\n", b"hello\n", b"#", b"#9", b"\n"])
def test_a_hostile_block_is_refused(reply):
    with (
        HislipInstrument({"D?": reply}) as scope,
        VisaLink(scope.visa, 5.0) as link,
        pytest.raises(ProtocolError, match="in reply to 'D\\?'"),
    ):
        link.query_block("D?", "u1")


def test_silence_is_a_lost_connection():
    with (
        HislipInstrument({}) as scope,
        VisaLink(scope.visa, 0.3) as link,
        pytest.raises(ConnectionLostError, match="no answer in time"),
    ):
        link.query("*IDN?")
