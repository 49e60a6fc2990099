"""The client over real sockets on the loopback address: deadlines, and what comes through."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from connectors.endpoint import Endpoint
from connectors.errors import AddressRefusedError, SourceUnreachableError
from connectors.http_client import PoliteClient
from tests.connectors.loopback import Answer, Loopback


def client(**settings: float) -> PoliteClient:
    return PoliteClient("x@y.example", attempts=1, **settings)  # type: ignore[arg-type]  # seconds only


def test_a_private_host_is_reached_with_permission_only() -> None:
    with Loopback(lambda asked: Answer(asked.path.encode())) as server, client() as polite:
        assert polite.get(Endpoint("t", server.url, allow_private=True), "a/b").body == b"/a/b"
        with pytest.raises(AddressRefusedError):
            polite.get(Endpoint("t", server.url))
        assert len(server.asked) == 1
        assert "contact: x@y.example" in server.asked[0].headers["user-agent"]


def test_localhost_by_name_finds_the_address_that_listens() -> None:
    with Loopback(lambda asked: Answer(b"ok")) as server, client() as polite:
        named = server.url.replace("127.0.0.1", "localhost")
        assert polite.get(Endpoint("t", named, allow_private=True)).body == b"ok"


def test_a_body_that_drips_ends_at_the_deadline() -> None:
    with Loopback(lambda asked: Answer(b"x" * 1000, drip_s=0.02)) as server, client(deadline_s=0.3) as polite:
        started = time.monotonic()
        with pytest.raises(SourceUnreachableError, match="no end within"):
            polite.get(Endpoint("t", server.url, allow_private=True))
        assert time.monotonic() - started < 15  # the whole body would take 20 s


def test_headers_that_drip_end_at_the_deadline() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        connection.recv(4096)
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000:
            if done.wait(0.02):
                break
            try:
                connection.sendall(bytes([byte]))
            except OSError:
                break
        connection.close()

    thread = threading.Thread(target=drip)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    started = time.monotonic()
    with client(deadline_s=0.3, idle_timeout_s=5.0) as polite, pytest.raises(SourceUnreachableError, match="no end"):
        polite.get(Endpoint("t", url, allow_private=True))
    took = time.monotonic() - started
    done.set()
    thread.join()
    listener.close()
    assert took < 15  # the headers alone would take 20 s


def test_no_log_of_any_library_holds_a_key(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with Loopback(lambda asked: Answer(b"ok")) as server, client() as polite:
        polite.get(Endpoint("t", server.url, allow_private=True), params={"api_key": "CANARY", "email": "canary@x.y"})
        assert server.asked[0].query["api_key"] == "CANARY"
    assert caplog.records
    assert "canary" not in "".join(str(record.__dict__) for record in caplog.records).casefold()


def test_a_closed_port_is_unreachable() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with client() as polite, pytest.raises(SourceUnreachableError, match="no connection"):
        polite.get(Endpoint("t", f"http://127.0.0.1:{port}", allow_private=True))


def test_a_body_shorter_than_announced_is_not_taken_for_whole() -> None:
    cut = Answer(b"half", headers={"Content-Length": "100"})
    with Loopback(lambda asked: cut) as server, client() as polite, pytest.raises(SourceUnreachableError):
        polite.get(Endpoint("t", server.url, allow_private=True))


def test_a_proxy_is_asked_by_name_and_the_name_is_not_resolved_here() -> None:
    def resolver(host: str, port: int) -> list[str]:
        raise AssertionError("a name was resolved that the proxy should resolve")

    with Loopback(lambda asked: Answer(b"through")) as proxy:
        polite = PoliteClient("x@y.example", proxy=proxy.url, resolver=resolver, attempts=1)
        reply = polite.get(Endpoint("t", "http://source.example", allow_private=True), "labels")
        assert reply.body == b"through"
        assert proxy.asked[0].headers["host"] == "source.example"
        assert proxy.asked[0].path == "/labels"


def test_a_certificate_is_checked_for_the_name_though_the_address_is_pinned(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed: no certificate can be made")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=source.example"]
    names = ["-addext", "subjectAltName=DNS:source.example", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run([openssl, *made, *names], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Loopback(lambda asked: Answer(b"ok"), tls=context) as server:
        port = server.url.rpartition(":")[2]

        def get(host: str, *, ca_file: str | None) -> bytes:
            polite = PoliteClient("x", ca_file=ca_file, resolver=lambda h, p: ["127.0.0.1"], attempts=1)
            return polite.get(Endpoint("t", f"https://{host}:{port}", allow_private=True)).body

        assert get("source.example", ca_file=str(certificate)) == b"ok"
        with pytest.raises(SourceUnreachableError, match="certificate"):
            get("other.example", ca_file=str(certificate))
        with pytest.raises(SourceUnreachableError, match="certificate"):
            get("source.example", ca_file=None)
