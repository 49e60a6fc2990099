"""The wire format of an OpenAI-compatible server: a request's bytes, a reply's text, a server's wish to wait.

Owns what the protocol looks like, and no policy. It must never repeat a reply's text in a message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from workflow.intake.llm_prompt import Prompt
from workflow.intake.llm_schema import JsonObject, LlmReply

_LONGEST_WAIT_S: Final = 30.0
_Reply = TypeVar("_Reply", bound=BaseModel)


class UnusableReplyError(Exception):
    """This reply cannot be used; asking again may help. Holds a reason in our own words only."""


class ReplyForm(StrEnum):
    """How a server is asked to keep to the schema; each is the fall-back of the one before."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    PLAIN = "plain"

    @property
    def next(self) -> ReplyForm | None:
        """The form that asks less of a server."""
        return {ReplyForm.SCHEMA: ReplyForm.OBJECT, ReplyForm.OBJECT: ReplyForm.PLAIN}.get(self)


@dataclass(frozen=True)
class LlmAnswer:
    """One reply that passed its check: its text, and what it cost."""

    text: str = field(repr=False)
    prompt_tokens: int
    reply_tokens: int
    seconds: float
    tries: int = 1

    @property
    def reply(self) -> LlmReply:
        """The facts read in it, where it answers about changed sentences."""
        return read_reply(self.text)


Check = Callable[[str], object]
"""Reads a reply's text; raises ``ValueError`` with a reason in our own words where it is not of its schema."""


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Message(_Lenient):
    content: str | None = None
    refusal: str | None = None


class _Choice(_Lenient):
    message: _Message
    finish_reason: str | None = None


class _Usage(_Lenient):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(_Lenient):
    choices: tuple[_Choice, ...]
    usage: _Usage | None = None


def write_request(prompt: Prompt, *, model: str, max_tokens: int, form: ReplyForm) -> bytes:
    """The request's body: the JSON schema for the server to enforce, or written in the prompt where it cannot.

    A prompt with an empty schema asks for plain text.
    """
    system = prompt.system
    if prompt.schema and form is not ReplyForm.SCHEMA:
        system += "\nThe schema: " + json.dumps(prompt.schema, separators=(",", ":"))
    said: list[JsonValue] = [{"role": "system", "content": system}] if system else []
    body: JsonObject = {
        "model": model,
        "messages": [*said, {"role": "user", "content": prompt.user}],
        "temperature": 0 if prompt.run == 0 else 0.7,
        "seed": prompt.run,
        "max_tokens": max_tokens,
    }
    if prompt.schema and form is not ReplyForm.PLAIN:
        strict = form is ReplyForm.SCHEMA
        body["response_format"] = _strict_format(prompt) if strict else {"type": "json_object"}
    return json.dumps(body, ensure_ascii=False).encode()


def read_completion(
    body: bytes, seconds: float, *, check: Check, form: ReplyForm = ReplyForm.SCHEMA, tries: int = 1
) -> LlmAnswer:
    """The checked answer in a reply's body.

    Raises:
        UnusableReplyError: another envelope; cut off, refused or empty; not JSON, or not of the schema.
    """
    text, usage = _text_and_usage(body)
    if form is ReplyForm.PLAIN:
        text = unfenced(text)
    try:
        check(text)
    except (ValueError, RecursionError) as error:
        raise UnusableReplyError(f"the reply is {error}") from None
    return LlmAnswer(text, usage.prompt_tokens, usage.completion_tokens, seconds, tries)


def unfenced(text: str) -> str:
    """A reply without the one fence that stands around all of it; anything else stays as it is."""
    fence = re.fullmatch(r"\s*```(?:json)?[ \t]*\n(.*?)\n?\s*```\s*", text, re.DOTALL | re.IGNORECASE)
    return fence[1] if fence is not None and "```" not in fence[1] else text


def read_text(body: bytes) -> tuple[str, int]:
    """A reply's text as it stands, and the prompt's tokens by the server's count.

    Raises:
        UnusableReplyError: another envelope; cut off, refused or empty.
    """
    text, usage = _text_and_usage(body)
    return text, usage.prompt_tokens


def _text_and_usage(body: bytes) -> tuple[str, _Usage]:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError:
        raise UnusableReplyError("the envelope is not that of a chat completion") from None
    return _content(completion), completion.usage or _Usage()


def read_reply(text: str) -> LlmReply:
    """The reply of the closed schema that ``text`` holds.

    Raises:
        ValueError: it holds something else; the message never repeats the text.
    """
    return read_as(LlmReply, text)


def read_as(kind: type[_Reply], text: str) -> _Reply:
    """The reply of one of our schemas that ``text`` holds.

    Raises:
        ValueError: it holds something else; the message never repeats the text.
    """
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        what = "not JSON" if first["type"] == "json_invalid" else f"not of the schema ({first['type']})"
        raise ValueError(what) from None


def wait_s(retry_after: str | None, attempt: int) -> float:
    """Seconds to wait: what the server asks (seconds or a date), else doubling from one; at most 30."""
    wait = float(2**attempt)
    if retry_after is not None:
        wait = float(retry_after) if retry_after.isdecimal() else _seconds_until(retry_after, fallback=wait)
    return min(max(wait, 0.0), _LONGEST_WAIT_S)


def _content(completion: _Completion) -> str:
    if not completion.choices:
        raise UnusableReplyError("a completion without choices")
    choice = completion.choices[0]
    if choice.finish_reason == "length":
        raise UnusableReplyError("the reply was cut off (finish_reason=length)")
    if choice.message.refusal or choice.finish_reason == "content_filter":
        raise UnusableReplyError("the model refused")
    text = choice.message.content or ""
    if not text.strip():
        raise UnusableReplyError("an empty reply")
    return text


def _strict_format(prompt: Prompt) -> JsonObject:
    return {
        "type": "json_schema",
        "json_schema": {"name": prompt.name, "strict": True, "schema": prompt.schema},
    }


def _seconds_until(date: str, *, fallback: float) -> float:
    try:
        moment = parsedate_to_datetime(date)
    except (TypeError, ValueError):
        return fallback
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - datetime.now(UTC)).total_seconds()
