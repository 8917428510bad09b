"""What is said of a broker that does not let us in, by scripted ones; a real one is elsewhere."""

import contextlib
import socket
import struct
import threading

import pytest

from monitor.errors import BrokerError
from monitor.markers.broker import EmbeddedBroker
from monitor.mqtt import diagnosis
from monitor.mqtt.address import reach
from monitor.mqtt.diagnosis import check

RST = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets


@contextlib.contextmanager
def answering(answer, *, resets=False):
    """Yield the port of somebody who reads once, answers with these bytes and hangs up.

    None says nothing until the other hangs up.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with listener.accept()[0] as link:
                link.recv(4096)
                if answer is None:
                    link.recv(4096)
                    return
                link.sendall(answer)
                if resets:
                    link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def refusal(url):
    with pytest.raises(BrokerError) as refused:
        check(reach(url), "t")
    what, _, fix = str(refused.value).partition("; ")
    assert fix
    return what


def test_a_broker_that_accepts_is_left_again():
    with answering(b"\x20\x02\x00\x00") as port:
        check(reach(f"mqtt://127.0.0.1:{port}"), "t")


@pytest.mark.parametrize("n", [0, 1, 60, 200, 20_000])
def test_a_login_of_any_length_is_understood_by_a_broker(n):
    with EmbeddedBroker() as broker:
        where = broker.url.replace("//", f"//me:{'x' * n}@")
        check(reach(where), "t")


@pytest.mark.parametrize(
    ("code", "login", "said"),
    [
        (1, "", "it does not speak MQTT 3.1.1"),
        (2, "", "it does not allow our identifier"),
        (3, "", "it is not available just now"),
        (5, "", "the broker lets nobody in without a name"),
        (5, "me@", "the broker does not let 'me' in without a password"),
        (4, "me:x@", "the broker refuses user 'me' with the password that was given"),
        (5, "me:x@", "the broker refuses user 'me' with the password that was given"),
    ],
)
def test_a_refusal_says_who_was_refused(code, login, said, monkeypatch):
    monkeypatch.delenv("WATTSTAGE_MQTT_PASSWORD", raising=False)
    with answering(bytes([0x20, 2, 0, code])) as port:
        assert refusal(f"mqtt://{login}127.0.0.1:{port}") == said


@pytest.mark.parametrize(
    ("answer", "resets", "said"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", False, "got an answer of something else"),
        (b"\x20\x02", False, "got an answer of something else"),
        (b"", False, "got hung up on, as by a broker that wants TLS"),
        (b"", True, "got hung up on, as by a broker that wants TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x46", False, "as by a broker that wants TLS"),
    ],
)
def test_who_speaks_something_else_is_no_broker(answer, resets, said):
    with answering(answer, resets=resets) as port:
        assert said in refusal(f"mqtt://127.0.0.1:{port}")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n", b"\x20\x02\x00\x00"])
def test_who_speaks_no_tls_is_told_from_one_who_does(answer):
    with answering(answer) as port:
        said = refusal(f"mqtts://127.0.0.1:{port}")
    assert said.startswith(f"expected TLS at port {port}, got something else")


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_silence_is_not_waited_for_without_end(scheme, monkeypatch):
    monkeypatch.setattr(diagnosis, "_WAIT_S", 0.1)
    with answering(None) as port:
        said = refusal(f"{scheme}://127.0.0.1:{port}")
    assert said.startswith("expected ")


def test_a_name_that_nobody_knows_is_told():
    assert refusal("mqtt://no-such-host.invalid") == (
        "the name 'no-such-host.invalid' is not known"
    )
