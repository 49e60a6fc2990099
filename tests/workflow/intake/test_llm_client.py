"""The client against a real server on loopback: what it takes, what it refuses, and what it never prints."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import JsonValue, SecretStr

from workflow.demo.loopback_server import LoopbackServer
from workflow.demo.scripted_llm import NO_CHANGE, Rule, ScriptedLlm
from workflow.errors import ExitCode, SettingsError
from workflow.intake.llm_client import (
    LlmBudgetSpentError,
    LlmClient,
    LlmEndpoint,
    LlmUnreachableError,
    LlmUnusableError,
    api_key_from,
)
from workflow.intake.llm_prompt import Prompt, SentenceChange, write_prompts

KEY = "CANARY-KEY-5b1f"


@pytest.fixture
def llm() -> Iterator[ScriptedLlm]:
    with ScriptedLlm() as server:
        yield server


def prompt(after: str = "The maximum daily dose of melistat is 20 mg.") -> Prompt:
    (only,) = write_prompts("Bulletin", (SentenceChange("Dosage", None, after),))
    return only


class Waits(list[float]):
    """Remembers the seconds that a client wanted to wait."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(
    llm: ScriptedLlm,
    *,
    waits: Waits | None = None,
    timeout_s: float = 5.0,
    max_calls: int = 200,
    max_tokens: int = 1_000_000,
) -> LlmClient:
    endpoint = LlmEndpoint(
        llm.base_url,
        "scripted",
        allow_private=True,
        timeout_s=timeout_s,
        max_calls=max_calls,
        max_tokens=max_tokens,
    )
    return LlmClient(endpoint, api_key=SecretStr(KEY), sleep=Waits() if waits is None else waits)


def failure(llm: ScriptedLlm, *, timeout_s: float = 5.0) -> LlmUnusableError:
    with client(llm, timeout_s=timeout_s) as asker, pytest.raises(LlmUnusableError) as caught:
        asker.ask(prompt())
    assert KEY not in str(caught.value)
    assert "melistat" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.LLM_UNUSABLE
    return caught.value


def test_a_valid_reply_is_read_and_counted(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("melistat", {"quote": None, "no_change": True, "facts": []}))
    with client(llm) as asker:
        answer = asker.ask(prompt())
    assert answer.reply.no_change
    assert answer.prompt_tokens > 0
    (asked,) = llm.asked
    assert (asked.model, asked.response_format, asked.authorized) == ("scripted", "json_schema", True)


def test_a_server_without_json_schema_is_asked_for_a_json_object_and_so_from_then_on(llm: ScriptedLlm) -> None:
    llm.takes_json_schema = False
    with client(llm) as asker:
        asker.ask(prompt())
        asker.ask(prompt("Another sentence."))
        assert asker.spending.calls == 3
    assert [asked.response_format for asked in llm.asked] == ["json_object", "json_object"]
    assert '"object_new"' in llm.asked[0].system


def test_a_bad_request_of_another_kind_does_not_give_up_the_schema(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("melistat", status=400, times=6))
    with client(llm) as asker:
        with pytest.raises(LlmUnreachableError, match="got 400"):
            asker.ask(prompt())
        asker.ask(prompt("Another sentence."))
    assert llm.asked[-1].response_format == "json_schema"


def test_429_is_waited_out_as_the_server_asks(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", status=429, headers=(("Retry-After", "7"),), times=1))
    waits = Waits()
    with client(llm, waits=waits) as asker:
        assert asker.ask(prompt()).reply.no_change
    assert waits == [7.0]


def test_a_server_that_stays_busy_is_given_up_with_bounded_waits(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", status=503, headers=(("Retry-After", "86400"),)))
    waits = Waits()
    with client(llm, waits=waits) as asker, pytest.raises(LlmUnreachableError, match="got 503"):
        asker.ask(prompt())
    assert len(llm.asked) == 6
    assert waits == [30.0] * 4


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (Rule("", "this is not JSON"), "not JSON"),
        (Rule("", "```json\n" + NO_CHANGE + "\n```"), "not JSON"),
        (Rule("", {"facts": "none"}), "not of the schema"),
        (Rule("", {"quote": None, "no_change": True, "facts": [], "note": "x"}), "not of the schema"),
        (Rule("", {"quote": "x" * 1201, "no_change": False, "facts": []}), "not of the schema"),
        (Rule("", '{"quote":"\\ud800","no_change":false,"facts":[]}'), "not JSON"),
        (Rule("", "[" * 100_000), "not JSON"),
        (Rule("", NO_CHANGE[:20], finish_reason="length"), "cut off"),
        (Rule("", NO_CHANGE, finish_reason="length"), "cut off"),
        (Rule("", "  "), "empty"),
        (Rule("", refusal="I will not read this."), "refused"),
        (Rule("", body=b"<html>gateway</html>"), "envelope"),
        (Rule("", body=b'{"choices": []}'), "without choices"),
        (Rule("", body=b"\xff\xfe" * 10), "envelope"),
    ],
)
def test_an_unusable_reply_is_asked_for_twice_then_refused(llm: ScriptedLlm, rule: Rule, said: str) -> None:
    llm.rules.append(rule)
    assert said in str(failure(llm))
    assert len(llm.asked) == 2


def test_no_change_together_with_facts_is_no_answer(llm: ScriptedLlm) -> None:
    names = ("population", "route", "form", "dose", "condition", "outcome", "jurisdiction")
    qualifiers: dict[str, JsonValue] = dict.fromkeys(names)
    fact: JsonValue = {
        "quote": "q",
        "subject": "s",
        "relation": "route",
        "object_new": "o",
        "qualifiers": qualifiers,
        "polarity": "affirmed",
        "certainty": "definite",
    }
    llm.rules.append(Rule("", {"quote": None, "no_change": True, "facts": [fact]}))
    assert "not of the schema" in str(failure(llm))


def test_a_reply_of_a_megabyte_is_cut_short(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", json.dumps({"quote": "x" * 1_000_000})))
    assert "more than 262144 bytes" in str(failure(llm))


def test_a_second_try_that_works_is_an_answer(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", "garbage", times=1))
    with client(llm) as asker:
        assert asker.ask(prompt()).reply.no_change
    assert len(llm.asked) == 2


def test_a_slow_server_times_out(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", delay_s=1.0))
    assert "no end within 0.1 s" in str(failure(llm, timeout_s=0.1))


def test_a_server_that_drips_is_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
        endpoint = LlmEndpoint(url, "m", allow_private=True, timeout_s=0.3, tries=1)
        started = time.monotonic()
        with LlmClient(endpoint) as asker, pytest.raises(LlmUnreachableError, match=r"no end within 0\.3 s"):
            asker.ask(prompt())
        assert time.monotonic() - started < 2.0


def drip(listening: socket.socket) -> None:
    """Send headers that never end, one byte at a time."""
    connection, _ = listening.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)


def test_a_server_that_is_away_is_asked_no_more_after_three_prompts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with LlmClient(LlmEndpoint(url, "m", allow_private=True), sleep=Waits()) as asker:
            for _ in range(3):
                with pytest.raises(LlmUnreachableError, match="ConnectError"):
                    asker.ask(prompt())
            with pytest.raises(LlmUnreachableError, match="not asked"):
                asker.ask(prompt())
            assert asker.spending.calls == 6


def test_a_redirect_is_not_followed(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", status=307, headers=(("Location", llm.base_url + "/elsewhere"),)))
    assert "got 307" in str(failure(llm))
    assert len(llm.asked) == 2


def test_the_caps_on_calls_and_tokens_hold(llm: ScriptedLlm) -> None:
    llm.rules.append(Rule("", "garbage"))
    with client(llm, max_calls=3) as asker:
        with pytest.raises(LlmUnusableError):
            asker.ask(prompt())
        with pytest.raises(LlmBudgetSpentError, match="cap of 3 calls"):
            asker.ask(prompt())
    assert len(llm.asked) == 3
    with client(llm, max_tokens=2500) as asker, pytest.raises(LlmBudgetSpentError, match="2500 tokens"):
        asker.ask(prompt())
    assert len(llm.asked) == 3


def test_the_key_is_never_printed(llm: ScriptedLlm, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    llm.rules.append(Rule("", status=401, body=f"bad key {KEY}".encode()))
    key = api_key_from({"MEDREK_FLOW_LLM_API_KEY": f" {KEY} "})
    assert key is not None
    endpoint = LlmEndpoint(llm.base_url, "scripted", allow_private=True)
    with LlmClient(endpoint, api_key=key) as asker, pytest.raises(LlmUnusableError) as caught:
        asker.ask(prompt())
    seen = [repr(asker), repr(endpoint), repr(key), str(caught.value), repr(caught.value), caplog.text]
    assert not any(KEY in text for text in seen)
    with pytest.raises(SettingsError) as refused:
        LlmClient(endpoint, api_key=SecretStr(f"{KEY}\nX: y"))
    assert KEY not in str(refused.value)


def test_no_key_is_sent_where_none_is_set(llm: ScriptedLlm) -> None:
    assert api_key_from({"MEDREK_FLOW_LLM_API_KEY": "  "}) is None
    with LlmClient(LlmEndpoint(llm.base_url, "m", allow_private=True)) as asker:
        asker.ask(prompt())
    assert not llm.asked[0].authorized


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1",
        "https://127.0.0.1/v1",
        "https://[::ffff:127.0.0.1]/v1",
        "https://169.254.169.254/v1",
        "http://llm.example.org/v1",
        "https://user:secret@llm.example.org/v1",
        "https://llm.example.org/v1?key=secret",
        "https://0x7f.1/v1",
        "file:///etc/passwd",
        "https://[broken/v1",
        "",
    ],
)
def test_addresses_that_the_settings_do_not_allow_are_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        LlmClient(LlmEndpoint(url, "m"))
    assert "secret" not in str(caught.value)


def test_metadata_addresses_are_refused_even_where_private_ones_are_allowed() -> None:
    with pytest.raises(SettingsError, match="metadata"):
        LlmClient(LlmEndpoint("http://169.254.169.254/v1", "m", allow_private=True))


class Proxy(BaseHTTPRequestHandler):
    """Remembers which addresses it was asked for."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Keep stderr clean."""


@pytest.mark.parametrize("by", ["settings", "environment"])
def test_a_proxy_is_honoured(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server = LoopbackServer(Proxy)
    server.start()
    Proxy.asked.clear()
    proxy = server.url if by == "settings" else None
    if by == "environment":
        monkeypatch.setenv("HTTP_PROXY", server.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
    endpoint = LlmEndpoint("http://llm.invalid/v1", "m", allow_private=True, proxy=proxy, tries=1)
    with LlmClient(endpoint) as asker, pytest.raises(LlmUnreachableError, match="got 404"):
        asker.ask(prompt())
    server.stop()
    assert Proxy.asked == ["http://llm.invalid/v1/chat/completions"]


def test_a_loopback_server_is_asked_without_a_proxy(llm: ScriptedLlm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with client(llm) as asker:
        assert asker.ask(prompt()).reply.no_change


def test_a_certificate_file_must_hold_certificates(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    for content in (None, "no certificate"):
        if content:
            empty.write_text(content)
        with pytest.raises(SettingsError, match=r"http\.ca_file"):
            LlmClient(LlmEndpoint("http://localhost/v1", "m", allow_private=True, ca_file=str(empty)))


def test_bounds_that_bound_nothing_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"extraction\.tries"):
        LlmEndpoint("http://localhost/v1", "m", tries=0)
    with pytest.raises(SettingsError, match=r"extraction\.max_tokens"):
        LlmEndpoint("http://localhost/v1", "m", max_tokens=10)
