"""The client without sockets: retries, redirects, refusals, caps, secrets."""

from __future__ import annotations

import gzip
import io
import logging
import traceback
import tracemalloc
import zlib
from collections.abc import Callable

import httpx
import pytest

from connectors.endpoint import Endpoint
from connectors.errors import (
    AccessDeniedError,
    AddressRefusedError,
    QueryRefusedError,
    SourceDriftedError,
    SourceError,
    SourceUnreachableError,
)
from connectors.http_client import PoliteClient
from connectors.http_reply import public_url
from connectors.transports import Transports, excepted
from tests.connectors.offline import PUBLIC, FakeTime, offline_client

HERE = Endpoint("test", "https://source.example/api", min_interval_s=0.0)
KEY = "CANARY-KEY"
SECRETS = {"api_key": KEY, "email": "canary@person.example", "tool": "CANARY-TOOL", "mailto": "canary@other.example"}
Script = Callable[[httpx.Request], httpx.Response]


def scripted(*replies: httpx.Response | Exception) -> tuple[Script, list[httpx.Request]]:
    """A handler that gives these replies in turn, and the requests it saw."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        reply = replies[len(seen)]
        seen.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return answer, seen


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"a socket would have been opened to {request.url.host}")


def test_a_request_goes_to_the_checked_address_and_names_its_host() -> None:
    answer, seen = scripted(httpx.Response(200, content=b"x"))
    offline_client(answer).get(HERE, "labels", {"q": "a b"})
    assert seen[0].url.host == PUBLIC
    assert seen[0].headers["host"] == "source.example"
    assert seen[0].extensions["sni_hostname"] == "source.example"
    assert seen[0].url.path == "/api/labels"
    assert "pharmacy@hospital.example" in seen[0].headers["user-agent"]
    assert seen[0].headers["user-agent"].startswith("medrek-flow/")


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("refused"),
        httpx.RemoteProtocolError("cut"),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again(failure: httpx.Response | Exception) -> None:
    time = FakeTime()
    answer, seen = scripted(failure, httpx.Response(200, content=b"ok"))
    assert offline_client(answer, time=time).get(HERE).body == b"ok"
    assert len(seen) == 2
    assert time.slept == [2.0]


def test_retries_end_with_one_clear_line_and_growing_pauses() -> None:
    time = FakeTime()
    answer, seen = scripted(*[httpx.Response(503, content=b"SECRET BODY")] * 4)
    with pytest.raises(SourceUnreachableError) as caught:
        offline_client(answer, time=time).get(HERE)
    assert len(seen) == 4
    assert time.slept == [2.0, 4.0, 8.0]
    message = str(caught.value)
    assert "status 503" in message
    assert "4 attempts" in message
    assert "SECRET BODY" not in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("value", "wait_s"), [("7", 7.0), ("Fri, 20 Nov 2026 06:00:30 GMT", 30.0), ("soon", 2.0), ("-5", 2.0)]
)
def test_retry_after_is_honoured(value: str, wait_s: float) -> None:
    time = FakeTime()
    answer, _ = scripted(httpx.Response(429, headers={"retry-after": value}), httpx.Response(200))
    offline_client(answer, time=time).get(HERE)
    assert time.slept == [wait_s]


def test_a_retry_after_beyond_the_cap_ends_the_request() -> None:
    time = FakeTime()
    answer, seen = scripted(httpx.Response(429, headers={"retry-after": "86400"}))
    with pytest.raises(SourceUnreachableError, match="asks to wait 86400 s"):
        offline_client(answer, time=time).get(HERE)
    assert len(seen) == 1
    assert time.slept == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AccessDeniedError),
        (403, AccessDeniedError),
        (407, AccessDeniedError),
        (400, QueryRefusedError),
        (404, QueryRefusedError),
        (304, SourceDriftedError),
    ],
)
def test_other_statuses_are_told_apart_and_not_retried(status: int, error: type[SourceError]) -> None:
    answer, seen = scripted(httpx.Response(status))
    with pytest.raises(error):
        offline_client(answer).get(HERE)
    assert len(seen) == 1


def test_an_accepted_status_is_returned() -> None:
    answer, _ = scripted(httpx.Response(404, content=b"none"))
    assert offline_client(answer).get(HERE, accept=frozenset({404})).status == 404


def test_requests_to_one_host_keep_their_distance() -> None:
    time = FakeTime()
    slow = Endpoint("test", "https://source.example", min_interval_s=0.4)
    client = offline_client(lambda _: httpx.Response(200), time=time)
    for _ in range(3):
        client.get(slow)
    assert time.slept == pytest.approx([0.4, 0.4])


# --- redirects ---------------------------------------------------------------------------------------------


def test_a_redirect_on_the_same_host_is_followed() -> None:
    answer, seen = scripted(httpx.Response(302, headers={"location": "/v2/x"}), httpx.Response(200, content=b"y"))
    assert offline_client(answer).get(HERE).body == b"y"
    assert seen[1].url.path == "/v2/x"


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/",
        "https://other.example/api",
        "http://source.example/api",
        "https://source.example:8443/api",
        "https://user:pw@source.example/api",
        "//127.0.0.1/x",
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1/",
        "file:///etc/passwd",
        "gopher://source.example/",
        "https://[broken",
    ],
)
def test_a_redirect_elsewhere_is_refused(location: str) -> None:
    answer, seen = scripted(httpx.Response(302, headers={"location": location}))
    with pytest.raises(AddressRefusedError):
        offline_client(answer).get(HERE)
    assert len(seen) == 1


def test_a_fourth_redirect_is_refused() -> None:
    answer, seen = scripted(*[httpx.Response(307, headers={"location": "/again"})] * 9)
    with pytest.raises(SourceDriftedError, match="at most 3 redirects"):
        offline_client(answer).get(HERE)
    assert len(seen) == 4


# --- addresses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "base",
    [
        "https://127.0.0.1",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://0x7f.1",
        "https://2130706433",
        "https://127.1",
        "https://169.254.169.254",
        "http://source.example",
        "https://user@source.example",
        "ftp://source.example",
        "https://",
        "nonsense",
        "https://[broken",
    ],
)
def test_a_base_address_that_is_not_allowed_opens_no_socket(base: str) -> None:
    with pytest.raises(AddressRefusedError):
        offline_client(never).get(Endpoint("test", base))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "::ffff:127.0.0.1", "192.168.0.9"]
)
def test_a_name_that_resolves_inside_opens_no_socket(address: str) -> None:
    client = offline_client(never, addresses={"source.example": [PUBLIC, address]})
    with pytest.raises(AddressRefusedError):
        client.get(HERE)


def test_a_name_that_is_rebound_between_requests_is_refused() -> None:
    found = {"source.example": [PUBLIC]}
    client = offline_client(lambda _: httpx.Response(200), addresses=found)
    client.get(HERE)
    found["source.example"] = ["127.0.0.1"]
    with pytest.raises(AddressRefusedError):
        client.get(HERE)


def test_permission_for_private_addresses_is_for_that_host_only_and_never_for_metadata() -> None:
    addresses = {"mirror.example": ["10.0.0.7"], "meta.example": ["169.254.169.254"]}
    client = offline_client(lambda _: httpx.Response(200), addresses=addresses)
    assert client.get(Endpoint("test", "http://mirror.example", allow_private=True)).status == 200
    with pytest.raises(AddressRefusedError):
        client.get(Endpoint("test", "http://meta.example", allow_private=True))


def test_the_next_address_of_a_name_is_tried() -> None:
    answer, seen = scripted(httpx.ConnectError("refused"), httpx.Response(200))
    client = offline_client(answer, addresses={"source.example": ["2606:2800:220:1::1", PUBLIC]})
    assert client.get(HERE).status == 200
    assert [request.url.host for request in seen] == ["2606:2800:220:1::1", PUBLIC]


def test_an_unknown_name_is_unreachable() -> None:
    client = offline_client(never, addresses={"known.example": [PUBLIC]}, attempts=2)
    with pytest.raises(SourceUnreachableError, match=r"no address for source\.example"):
        client.get(HERE)


# --- size and compression ----------------------------------------------------------------------------------


class Chunks(httpx.SyncByteStream):
    """A body that counts how many of its chunks were asked for."""

    def __init__(self, chunk: bytes, times: int) -> None:
        self.chunk, self.times, self.taken = chunk, times, 0

    def __iter__(self):  # type: ignore[no-untyped-def]  # the base class leaves it so
        for _ in range(self.times):
            self.taken += 1
            yield self.chunk


def test_a_body_over_the_cap_is_dropped_early() -> None:
    stream = Chunks(b"x" * 100_000, times=1_000)
    answer, _ = scripted(httpx.Response(200, stream=stream))
    with pytest.raises(SourceDriftedError, match="at most 1000000 bytes"):
        offline_client(answer).get(HERE)
    assert stream.taken == 11


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_is_unpacked(encoding: str) -> None:
    packed = gzip.compress(b"label" * 100) if encoding == "gzip" else zlib.compress(b"label" * 100)
    answer, _ = scripted(httpx.Response(200, headers={"content-encoding": encoding}, stream=Chunks(packed, 1)))
    assert offline_client(answer).get(HERE).body == b"label" * 100


def test_a_compression_bomb_is_stopped_at_the_cap() -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb") as file:
        for _ in range(200):
            file.write(b"\0" * 1_000_000)
    stream = Chunks(buffer.getvalue(), 1)
    answer, _ = scripted(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=stream))
    tracemalloc.start()
    with pytest.raises(SourceDriftedError, match="at most 1000000 bytes"):
        offline_client(answer).get(HERE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd"])
def test_an_encoding_that_cannot_be_bounded_is_refused(encoding: str) -> None:
    answer, _ = scripted(httpx.Response(200, headers={"content-encoding": encoding}, stream=Chunks(b"x", 1)))
    with pytest.raises(SourceDriftedError):
        offline_client(answer).get(HERE)


@pytest.mark.parametrize("body", [gzip.compress(b"x" * 1000)[:-9], b"not gzip at all"])
def test_a_broken_compressed_body_is_a_broken_connection(body: bytes) -> None:
    cut = httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Chunks(body, 1))
    answer, seen = scripted(cut, httpx.Response(200, content=b"whole"))
    assert offline_client(answer).get(HERE).body == b"whole"
    assert len(seen) == 2


# --- secrets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(403),
        httpx.Response(400),
        httpx.Response(503),
        httpx.Response(302, headers={"location": f"https://evil.example/?api_key={KEY}"}),
        httpx.ConnectError(f"cannot reach https://source.example?api_key={KEY}"),
    ],
    ids=repr,
)
def test_keys_and_addresses_stand_in_no_error_and_no_log(
    reply: httpx.Response | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer, seen = scripted(*[reply] * 4)
    with pytest.raises(SourceError) as caught:
        offline_client(answer).get(HERE, params=SECRETS)
    assert seen[0].url.params["api_key"] == KEY
    said = "".join(traceback.format_exception(caught.value))
    said += "".join(str(record.__dict__) for record in caplog.records)
    assert "canary" not in said.casefold()


def test_the_stored_address_of_a_reply_holds_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    answer, _ = scripted(httpx.Response(200))
    reply = offline_client(answer).get(HERE, params={**SECRETS, "search": "effective_time:[1 TO 2]"})
    assert "canary" not in reply.url.casefold()
    assert "effective_time" in reply.url
    assert any(record.message == "source replied" for record in caplog.records)
    assert "canary" not in "".join(str(record.__dict__) for record in caplog.records).casefold()


def test_public_url_drops_user_key_and_fragment() -> None:
    shown = public_url("https://u:p@h.example/x?API_KEY=1&b=2#f")
    assert shown == "https://h.example/x?b=2"


# --- proxy and certificates --------------------------------------------------------------------------------


def test_the_environment_names_the_proxy_only_where_it_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    url, inside, here = (httpx.URL(f"https://{h}/") for h in ("source.example", "a.inside.example", "127.0.0.1"))
    trusting = Transports(proxy=None, ca_file=None, trust_env=True)
    assert trusting.proxy_for(url) == "http://proxy.example:3128"
    assert trusting.proxy_for(inside) is None
    assert trusting.proxy_for(here) is None
    assert Transports(proxy=None, ca_file=None, trust_env=False).proxy_for(url) is None
    given = Transports(proxy="http://given.example:1", ca_file=None, trust_env=True)
    assert given.proxy_for(url) == "http://given.example:1"


@pytest.mark.parametrize(
    ("host", "listed", "expected"),
    [("a.b.example", ".b.example", True), ("xb.example", "b.example", False), ("h", "*", True), ("h", "", False)],
)
def test_exceptions_from_the_proxy(host: str, listed: str, expected: bool) -> None:
    assert excepted(host, listed) is expected


def test_a_certificate_file_that_is_not_there_is_a_setting_to_change() -> None:
    client = PoliteClient("x", ca_file="/nowhere/ca.pem", resolver=lambda host, port: [PUBLIC])
    with pytest.raises(QueryRefusedError, match="ca_file"):
        client.get(HERE)


def test_an_untrusted_certificate_is_said_once_and_not_retried() -> None:
    answer, seen = scripted(*[httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] x")] * 4)
    with pytest.raises(SourceUnreachableError, match="certificate that this machine trusts"):
        offline_client(answer).get(HERE)
    assert len(seen) == 1
