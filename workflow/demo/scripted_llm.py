"""A language model that follows a script: a real OpenAI-compatible server on loopback, for tests and the demo.

Owns the rules (a substring of the user message -> a reply) and a record of what was asked. It checks that a request
is one that a strict server would take. It must never listen on anything but loopback.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workflow.demo.loopback_server import LoopbackServer

NO_CHANGE: Final = '{"quote":null,"no_change":true,"facts":[]}'
SUPPORTED: Final = '{"why":"the quote says so","verdict":"supported"}'
NO_CLAIMS: Final = '{"claims":[]}'
NO_WORDINGS: Final = '{"paraphrases":[],"near_misses":[]}'
_UNSCRIPTED: Final = {"entailment": SUPPORTED, "retracted_claims": NO_CLAIMS, "wordings": NO_WORDINGS}
"""What is answered without a rule, by the name of the schema; else that nothing changed."""


@dataclass(frozen=True)
class Rule:
    """What the script answers to a user message that holds ``when``; the first rule that fits is taken.

    ``reply`` is the message's content: an object is sent as JSON, a text as it stands. ``times`` uses the rule up.
    """

    when: str
    reply: JsonValue = NO_CHANGE
    status: int = 200
    finish_reason: str = "stop"
    refusal: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    delay_s: float = 0.0
    body: bytes | None = None
    """The whole body in place of a completion."""
    times: int | None = None
    schema: str = "changed_facts"
    """Name of the schema of the requests that it answers."""


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    model: str
    system: str
    user: str
    response_format: str
    authorized: bool
    max_tokens: int
    schema: str = ""
    """Name of the schema that was asked for; empty where none was."""
    temperature: float = 0.0


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Wire):
    role: Literal["system", "user"]
    content: str


class _Format(_Wire):
    type: Literal["json_schema", "json_object"]
    json_schema: dict[str, JsonValue] | None = None


class _Request(_Wire):
    model: str
    messages: tuple[_Message, ...]
    max_tokens: int
    temperature: float = 0.0
    response_format: _Format | None = None

    def content(self, role: str) -> str:
        return "\n".join(message.content for message in self.messages if message.role == role)


@dataclass
class ScriptedLlm:
    """The server; ``with ScriptedLlm([...]) as llm:`` starts it, ``llm.base_url`` is what a client is given."""

    rules: list[Rule] = field(default_factory=list)
    takes_json_schema: bool = True
    """Whether ``response_format: json_schema`` is understood, or answered with status 400."""
    takes_json_object: bool = True
    """Whether ``response_format: json_object`` is."""
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Bind a free port of 127.0.0.1; nothing is served yet."""
        self._lock = threading.Lock()
        self._used: dict[int, int] = {}
        self._server = LoopbackServer(_handler(self))

    @property
    def base_url(self) -> str:
        """The address to give a client, up to and with ``/v1``."""
        return f"{self._server.url}/v1"

    def __enter__(self) -> ScriptedLlm:
        """Start to answer."""
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop and free the port."""
        self.stop()

    def stop(self) -> None:
        """Stop and free the port."""
        self._server.stop()

    def choose(self, asked: Asked) -> Rule:
        """Record a request and give the rule that answers it; without one, nothing changed."""
        plain = next((name for name, field in _FIELDS.items() if field in asked.system), "changed_facts")
        wanted = asked.schema or plain
        with self._lock:
            self.asked.append(asked)
            for number, rule in enumerate(self.rules):
                used = self._used.get(number, 0)
                fits = rule.when in asked.user and rule.schema == wanted
                if fits and (rule.times is None or used < rule.times):
                    self._used[number] = used + 1
                    return rule
        return Rule(when="", reply=_UNSCRIPTED.get(wanted, NO_CHANGE))


_FIELDS: Final = {"entailment": '"verdict"', "retracted_claims": '"claims"', "wordings": '"paraphrases"'}
"""By which field of a schema written in the prompt its name is known."""


def _handler(server: ScriptedLlm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            try:
                request = _Request.model_validate_json(raw)
            except ValidationError:
                self._send(400, _error("not a chat completion request"))
                return
            reason = self._refusal(request)
            if reason:
                self._send(400, _error(reason))
                return
            rule = server.choose(self._asked(request))
            time.sleep(rule.delay_s)
            body = rule.body
            if body is None:
                body = _completion(request, rule) if rule.status == 200 else _error("scripted")
            self._send(rule.status, body, rule.headers)

        def log_message(self, *_: object) -> None:
            """Keep stderr for diagnostics."""

        def _refusal(self, request: _Request) -> str:
            if self.path != "/v1/chat/completions":
                return "no such path"
            if {message.role for message in request.messages} != {"system", "user"}:
                return "expected a system and a user message"
            if request.response_format is None:
                return ""
            if request.response_format.type == "json_object":
                return "" if server.takes_json_object else "response_format json_object is not supported"
            if not server.takes_json_schema:
                return "response_format json_schema is not supported"
            return _schema_refusal(request.response_format.json_schema)

        def _asked(self, request: _Request) -> Asked:
            return Asked(
                model=request.model,
                system=request.content("system"),
                user=request.content("user"),
                response_format=request.response_format.type if request.response_format else "",
                authorized="Authorization" in self.headers,
                max_tokens=request.max_tokens,
                schema=_schema_name(request.response_format),
                temperature=request.temperature,
            )

        def _send(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...] = ()) -> None:
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                self.close_connection = True  # the client has gone, as one that times out does

    return Handler


def _schema_name(asked: _Format | None) -> str:
    given = asked.json_schema if asked is not None else None
    return str(given.get("name", "")) if given else ""


def _schema_refusal(given: dict[str, JsonValue] | None) -> str:
    """Why a strict server would not take the schema; ``""`` where it would."""
    schema = (given or {}).get("schema")
    if given is None or not isinstance(schema, dict) or given.get("strict") is not True or not given.get("name"):
        return "json_schema: expected name, strict and schema"
    return _loose_object(schema)


def _loose_object(node: JsonValue) -> str:
    if isinstance(node, list):
        return next(filter(None, map(_loose_object, node)), "")
    if not isinstance(node, dict):
        return ""
    if "$ref" in node:
        return "json_schema: references are not supported"
    properties = node.get("properties")
    if isinstance(properties, dict):
        if node.get("additionalProperties") is not False:
            return "json_schema: expected additionalProperties false in every object"
        required = node.get("required")
        if not isinstance(required, list) or set(map(str, required)) != set(properties):
            return "json_schema: expected every property to be required"
    return next(filter(None, map(_loose_object, node.values())), "")


def _completion(request: _Request, rule: Rule) -> bytes:
    content = rule.reply if isinstance(rule.reply, str) else json.dumps(rule.reply, ensure_ascii=False)
    message = {"role": "assistant", "content": None if rule.refusal else content, "refusal": rule.refusal}
    asked = sum(len(part.content) for part in request.messages) // 4
    body = {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": rule.finish_reason}],
        "usage": {"prompt_tokens": asked, "completion_tokens": len(content) // 4},
    }
    return json.dumps(body, ensure_ascii=False).encode()


def _error(message: str) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error"}}).encode()
