"""The link with users, TLS and rights, as the how-to page sets it up, through a real mosquitto."""

import asyncio
import subprocess

import mosquitto
import pytest

from monitor.config import MarkerSettings, MeterSettings
from monitor.doctor import workload
from monitor.errors import ConnectionLostError
from monitor.markers.client import MarkerClient
from monitor.markers.feed import MarkerFeed
from monitor.markers.trouble import trouble
from monitor.mqtt.address import reach
from monitor.sources.clock import SystemClock
from monitor.sources.meters.plug import PlugMeter

pytestmark = pytest.mark.skipif(not mosquitto.is_installed(), reason="mosquitto is not installed")

LIMIT_S = 20.0
SIGN = "openssl x509 -req -CA ca.crt -CAkey ca.key"
NEVER = "127.0.0.1:1"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("link")
    mosquitto.make_files(folder)
    for user, password in mosquitto.PASSWORDS.items():
        (folder / f"{user}.password").write_text(password + "\n")
        (folder / f"{user}.password").chmod(0o600)
    for command in (
        "openssl pkey -in engine.key -aes256 -passout pass:x -out locked.key",
        f"{SIGN} -in engine.csr -days -1 -out old.crt",
        f"mkdir expired; cp -p * expired || true; {SIGN} -in broker.csr -copy_extensions copy"
        " -days -1 -out expired/broker.crt",
    ):
        subprocess.run(["sh", "-ec", command], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def with_users(files):
    with mosquitto.running(files) as port:
        yield port


@pytest.fixture(scope="module")
def with_certificates(files):
    with mosquitto.running(files, certificates=True) as port:
        yield port


@pytest.fixture(scope="module")
def expired(files):
    with mosquitto.running(files / "expired") as port:
        yield port


@pytest.fixture(scope="module")
def without_tls(files):
    with mosquitto.running(files, tls=False) as port:
        yield port


def engine(port, files, **changed):
    """Return the settings of an engine that is let in, but for what is changed."""
    said = {
        "broker": f"mqtts://localhost:{port}",
        "user": "engine",
        "password_file": str(files / "engine.password"),
        "ca": str(files / "ca.crt"),
    }
    return MarkerSettings(**said | changed)


def by_certificate(port, files, ours=None, certificate="engine.crt", key="engine.key"):
    """Return the settings of an engine with a certificate, its own or that in another folder."""
    return MarkerSettings(
        broker=f"mqtts://localhost:{port}",
        ca=str(files / "ca.crt"),
        certificate=str((ours or files) / certificate),
        key=str((ours or files) / key),
    )


@pytest.fixture
def as_gpu1(monkeypatch, files):
    """Be the workload's host of the page."""
    monkeypatch.setenv("WATTSTAGE_CA", str(files / "ca.crt"))
    monkeypatch.setenv("WATTSTAGE_MQTT_PASSWORD", mosquitto.PASSWORDS["gpu1"])


async def heard(feed, n):
    """Return the first markers, and whether the sender's clock was compared meanwhile."""
    taken, compared = [], False
    async with asyncio.timeout(LIMIT_S):
        while len(taken) < n or not compared:
            marker = await anext(feed)
            compared |= marker.stage == "clock"
            if marker.stage == "note":
                taken.append(marker.attrs["number"])
    return taken


async def whole_link(settings, url, monkeypatch):
    """Pass markers on from before and after the engine came; the clocks are not the same."""
    monkeypatch.setattr("monitor.markers.client._clock", lambda: "another")
    where = reach(settings.broker, settings)
    with MarkerClient(url, host="gpu1") as client:
        for number in range(20):
            client.point("note", number=number)
        async with asyncio.timeout(LIMIT_S):
            while client.n_sent < 20:  # noqa: ASYNC110 (a thread's)
                await asyncio.sleep(0.01)
        async with MarkerFeed(where) as feed:  # what it missed is asked for, and sent again
            await feed.wait_connected(LIMIT_S)
            for number in range(20, 40):
                client.point("note", number=number)
            assert sorted(await heard(feed, 40)) == list(range(40))
            async with asyncio.timeout(LIMIT_S):
                await feed._heard.wait()
            assert trouble(feed) == ()
        await asyncio.to_thread(client.close)
    assert client.n_dropped == 0


def test_markers_their_resending_and_clocks_pass_with_users(
    with_users, files, as_gpu1, monkeypatch
):
    url = f"mqtts://gpu1@localhost:{with_users}"
    asyncio.run(whole_link(engine(with_users, files), url, monkeypatch))


def test_and_with_certificates(with_certificates, files, monkeypatch):
    for name, file in {"CA": "ca.crt", "CERT": "gpu1.crt", "KEY": "gpu1.key"}.items():
        monkeypatch.setenv(f"WATTSTAGE_{name}", str(files / file))
    settings = by_certificate(with_certificates, files)
    asyncio.run(whole_link(settings, f"mqtts://localhost:{with_certificates}", monkeypatch))


@pytest.mark.parametrize("name", ["broker", "engine", "gpu1"])
def test_the_certificates_of_the_page_pass_the_strict_rules_of_newer_pythons(files, name):
    command = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.crt", f"{name}.crt"]
    done = subprocess.run(command, cwd=files, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{name}.crt: OK\n")


async def feed_with_trouble(settings):
    """Return what the engine is told while nothing comes."""
    where = reach(settings.broker, settings)
    async with MarkerFeed(where, prefix=settings.prefix) as feed:
        async with asyncio.timeout(LIMIT_S):
            while not (feed.last_problem and trouble(feed)):  # noqa: ASYNC110 (the feed's own)
                await asyncio.sleep(0.01)
        return trouble(feed)


def test_rights_that_let_nothing_through_are_told_while_it_runs(with_users, files):
    (told,) = asyncio.run(feed_with_trouble(engine(with_users, files, prefix="other")))
    assert told.startswith("no markers come: the broker at mqtts://localhost")
    assert "takes what we say (user 'engine') and does not pass it on" in told


def test_so_is_a_certificate_that_is_lost_while_it_runs(with_users, files, tmp_path):
    (told,) = asyncio.run(
        feed_with_trouble(engine(with_users, files, ca=str(tmp_path / "gone.crt")))
    )
    assert "gone.crt, cannot be read: No such file" in told
    assert told.endswith("; trying again")


# paho-mqtt drops, and does not close, a socket whose handshake fails.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
@pytest.mark.parametrize("case", ["password", "authority", "certificate"])
def test_a_workload_that_is_not_let_in_is_not_disturbed(
    case, with_users, with_certificates, files, foreign, as_gpu1, monkeypatch
):
    port = with_certificates if case == "certificate" else with_users
    if case == "password":
        monkeypatch.setenv("WATTSTAGE_MQTT_PASSWORD", "wrong")
    if case == "authority":
        monkeypatch.setenv("WATTSTAGE_CA", str(foreign / "ca.crt"))
    client = MarkerClient(f"mqtts://gpu1@localhost:{port}", host="gpu1")
    with client.stage("run"):
        client.point("note")
    client.close(1.0)
    assert (client.n_sent, client.n_dropped) == (0, 3)
    assert client.problem


def test_a_host_cannot_speak_for_another(with_users, files, as_gpu1):
    async def run():
        settings = engine(with_users, files)
        async with MarkerFeed(reach(settings.broker, settings)) as feed:
            await feed.wait_connected(LIMIT_S)
            url = f"mqtts://gpu1@localhost:{with_users}"
            for host in ("gpu2", "gpu1"):
                with MarkerClient(url, host=host) as client:
                    client.point("note", host=host)
                    await asyncio.to_thread(client.close)
                assert client.n_sent == 1  # MQTT 3.1.1 does not tell who may not
            async with asyncio.timeout(LIMIT_S):
                while (marker := await anext(feed)).stage != "note":
                    pass
        return marker.attrs

    assert asyncio.run(run()) == {"host": "gpu1"}


def test_a_plug_reaches_its_broker_in_the_same_way(with_users, files):
    async def connect(password_file):
        settings = MeterSettings(
            kind="plug",
            address=f"mqtts://localhost:{with_users}/shellies/plug",
            user="engine",
            password_file=str(password_file),
            ca=str(files / "ca.crt"),
        )
        async with PlugMeter(settings, SystemClock()):
            pass

    asyncio.run(connect(files / "engine.password"))
    with pytest.raises(ConnectionLostError, match="the broker refuses user 'engine'"):
        asyncio.run(connect(files / "gpu1.password"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """Certificates of somebody else, made in the same way."""
    folder = tmp_path_factory.mktemp("foreign")
    mosquitto.make_files(folder)
    return folder


def refusals(files, foreign, ports):
    users, certificates, plain, expired = ports
    (files / "wrong.password").write_text("something else\n")
    (files / "nothing.crt").write_text("this is no certificate\n")
    missing = str(files / "missing.crt")
    return {
        "right": (engine(users, files), "round trip"),
        "right by certificate": (by_certificate(certificates, files), "round trip"),
        "wrong password": (
            engine(users, files, password_file=str(files / "wrong.password")),
            "the broker refuses user 'engine' with the password that was given",
        ),
        "unknown user": (
            engine(users, files, user="nobody"),
            "the broker refuses user 'nobody'",
        ),
        "no user": (
            engine(users, files, user="", password_file=""),
            "lets nobody in without a name",
        ),
        "no password": (
            engine(users, files, password_file=""),
            "does not let 'engine' in without a password",
        ),
        "the system's authorities": (
            engine(users, files, ca=""),
            "signed by an authority that is not ours (checked against the system's authorities)",
        ),
        "foreign authority": (
            engine(users, files, ca=str(foreign / "ca.crt")),
            f"signed by an authority that is not ours (checked against {foreign}/ca.crt)",
        ),
        "another name": (
            engine(users, files, broker=f"mqtts://127.0.0.1:{users}"),
            "expected a certificate for '127.0.0.1', got one for other names",
        ),
        "missing authority": (
            engine(users, files, ca=missing),
            f"{missing}, cannot be read: No such file or directory",
        ),
        "no authority": (
            engine(users, files, ca=str(files / "nothing.crt")),
            f"expected a certificate in PEM in {files}/nothing.crt, got something else",
        ),
        "no certificate": (
            engine(certificates, files),
            "the broker wants a certificate from us, and got none",
        ),
        "foreign certificate": (
            by_certificate(certificates, files, foreign),
            "the broker does not know the authority that signed our certificate",
        ),
        "key of another": (
            by_certificate(certificates, files, key="gpu1.key"),
            f"expected the key of {files}/engine.crt, got that of another certificate",
        ),
        "key with a passphrase": (
            by_certificate(certificates, files, key="locked.key"),
            f"`openssl pkey -in {files}/locked.key -out NEW` makes it",
        ),
        "expired": (
            engine(expired, files),
            "the broker's certificate has expired",
        ),
        "we have expired": (
            by_certificate(certificates, files, certificate="old.crt"),
            "our certificate has expired, says the broker",
        ),
        "no TLS there": (
            engine(plain, files),
            "got something else, as from a broker without TLS",
        ),
        "TLS there": (
            MarkerSettings(broker=f"mqtt://engine@localhost:{users}"),
            "as by a broker that wants TLS",
        ),
        "nobody there": (
            MarkerSettings(broker=f"mqtts://{NEVER}"),
            "connection refused: nothing listens at port 1",
        ),
        "no rights": (
            engine(users, files, prefix="other"),
            "let us read other/# and write other/+/+/+/ask",
        ),
    }


def test_each_mistake_has_a_sentence_of_the_doctor(
    files, foreign, with_users, with_certificates, without_tls, expired
):
    ports = (with_users, with_certificates, without_tls, expired)
    cases = refusals(files, foreign, ports)
    for case, (settings, expected) in cases.items():
        line = next(line for line in workload.examine(settings, 0.1) if line.id == "broker")
        said = f"{line.what}; {line.fix}"
        assert expected in said, case
        assert (line.level != "fail") == case.startswith("right"), case
        assert line.level != "fail" or line.fix, case
        assert not any(password in said for password in mosquitto.PASSWORDS.values())
