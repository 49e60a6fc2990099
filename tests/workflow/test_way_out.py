"""One proxy and one authority of the hospital's own count for every client, and nothing goes out past them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from connectors.endpoint import Endpoint
from connectors.errors import SourceError
from connectors.http_client import PoliteClient
from editor_engine.errors import EngineError
from editor_engine.server_base import ServerBase
from tests.connectors.loopback import Answer, Asked, Loopback
from tests.workflow.hospital_network import Proxy, make_certificate, server_context
from workflow.errors import WorkflowError
from workflow.intake.llm_client import LlmClient, LlmEndpoint
from workflow.notifications.webhook import post
from workflow.settings import HttpTable, WebhookTable

HOST = "llm.hospital.example"
SECRET = {"MEDREK_FLOW_WEBHOOK_SECRET": "a secret of tests"}
Call = Callable[[str | None, str | None], object]


def answer(asked: Asked) -> Answer:
    """A server that every client is content with."""
    if asked.path.endswith("/models"):
        return Answer(json.dumps({"object": "list", "data": [{"id": "m"}]}).encode())
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    return Answer(json.dumps({"choices": [choice], "usage": {}}).encode())


def ask_source(proxy: str | None, ca_file: str | None) -> object:
    """A source's one request."""
    with PoliteClient("tests", proxy=proxy, ca_file=ca_file, attempts=1, trust_env=False) as client:
        return client.get(Endpoint("tests", f"https://{HOST}/file"))


def ask_llm(proxy: str | None, ca_file: str | None) -> object:
    """The extraction model's one question."""
    endpoint = LlmEndpoint(
        f"https://{HOST}/v1", "m", proxy=proxy, ca_file=ca_file, tries=1, sends_per_try=1, timeout_s=5
    )
    with LlmClient(endpoint) as client:
        return client.ask_text("a question")


def ask_base(proxy: str | None, ca_file: str | None) -> object:
    """The base model on a server, which is asked what it serves."""
    with ServerBase(f"https://{HOST}/v1", "m", proxy=proxy, ca_file=ca_file) as base:
        return base.name


def tell_webhook(proxy: str | None, ca_file: str | None) -> None:
    """The webhook's one message."""
    post(WebhookTable(url=f"https://{HOST}/hook"), HttpTable(proxy=proxy, ca_file=ca_file), {}, SECRET)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital's authority."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.mark.parametrize("call", [ask_source, ask_llm, ask_base, tell_webhook], ids=lambda call: call.__name__)
def test_every_client_takes_the_proxy_and_trusts_the_hospital(
    call: Call, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Loopback(answer, tls=server_context(certificate)) as server, Proxy(_port(server)) as proxy:
        call(proxy.url, str(certificate))
        through, reached = len(proxy.asked), len(server.asked)
        assert through >= 1
        assert set(proxy.asked) == {f"CONNECT {HOST}:443 HTTP/1.1"}
        assert reached >= 1
        with pytest.raises((SourceError, WorkflowError, EngineError)):
            call(proxy.url, None)
        assert len(server.asked) == reached, "nothing is said to a server that nobody vouches for"
        with pytest.raises((SourceError, WorkflowError, EngineError)):
            call(None, str(certificate))
        assert len(server.asked) == reached, "nothing goes out past the proxy"


def _port(server: Loopback) -> int:
    return int(server.url.rpartition(":")[2])
