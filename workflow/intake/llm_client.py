"""The client of an OpenAI-compatible server: one prompt in, one validated reply out, or ``LlmUnusableError``.

Owns the bounds of a run: calls, tokens, tries, seconds, bytes. It must never follow a redirect, call a tool, or put
a key, a prompt or a reply into a message, a log line or a ``repr``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

import httpx
from pydantic import SecretStr

from connectors.http_reply import DeadlineError, TooLargeError, Watchdog, read_body
from workflow.errors import SettingsError
from workflow.intake.llm_address import check_address, is_loopback, tls_context
from workflow.intake.llm_budget import (
    LlmBudget,
    LlmBudgetSpentError,
    LlmCaps,
    LlmSpending,
    LlmUnreachableError,
    LlmUnusableError,
)
from workflow.intake.llm_prompt import Prompt
from workflow.intake.llm_wire import (
    Check,
    LlmAnswer,
    ReplyForm,
    UnusableReplyError,
    read_completion,
    read_reply,
    read_text,
    wait_s,
    write_request,
)

API_KEY_VARIABLE: Final = "MEDREK_FLOW_LLM_API_KEY"
_RETRIED: Final = frozenset({429, 500, 502, 503, 504})
_FORMAT_REFUSED: Final = frozenset({400, 422})
_Reply = TypeVar("_Reply")
__all__ = [
    "LlmBudgetSpentError",
    "LlmClient",
    "LlmEndpoint",
    "LlmUnreachableError",
    "LlmUnusableError",
    "api_key_from",
    "tokens_of",
]


@dataclass(frozen=True)
class LlmEndpoint:
    """Where the model is, and the bounds of a run. ``allow_private`` also allows plain http to such an address.

    ``tries`` are for one prompt; within each, a server that is busy is asked ``sends_per_try`` times. After
    ``give_up_after`` prompts in a row without any answer the run asks no more.
    """

    base_url: str
    model: str
    allow_private: bool = False
    timeout_s: float = 120.0
    tries: int = 2
    sends_per_try: int = 3
    max_calls: int = 200
    max_tokens: int = 1_000_000
    max_reply_tokens: int = 2048
    max_reply_bytes: int = 262_144
    give_up_after: int = 3
    proxy: str | None = None
    ca_file: str | None = None
    max_minutes: float | None = None
    max_cost: float | None = None
    prompt_price: float = 0.0
    reply_price: float = 0.0

    @property
    def caps(self) -> LlmCaps:
        """The bounds of a run."""
        return LlmCaps(
            max_calls=self.max_calls,
            max_tokens=self.max_tokens,
            max_minutes=self.max_minutes,
            max_cost=self.max_cost,
            prompt_price=self.prompt_price,
            reply_price=self.reply_price,
        )

    def __post_init__(self) -> None:
        """Refuse bounds that bound nothing, or a call that could never be made.

        Raises:
            SettingsError: a bound is not above zero, or one reply may cost more tokens than the whole run.
        """
        for name in ("tries", "sends_per_try", "max_calls", "max_reply_tokens", "max_reply_bytes", "give_up_after"):
            if getattr(self, name) < 1:
                raise SettingsError(f"extraction.{name}: expected at least 1, got {getattr(self, name)}")
        if self.timeout_s <= 0:
            raise SettingsError(f"extraction.timeout_s: expected more than 0, got {self.timeout_s}")
        if self.max_tokens < self.max_reply_tokens:
            raise SettingsError(
                f"extraction.max_tokens: expected at least one reply ({self.max_reply_tokens}), got {self.max_tokens}"
            )


class _NoAnswerError(Exception):
    """The server gave no completion at all. Holds a reason in our own words only."""


def api_key_from(environment: Mapping[str, str], variable: str = API_KEY_VARIABLE) -> SecretStr | None:
    """The key out of the environment, wrapped so that it does not print; ``None`` where there is none."""
    value = environment.get(variable, "").strip()
    return SecretStr(value) if value else None


class LlmClient:
    """Asks one server, within the run's bounds; safe for several threads. Close it, or use it in a ``with`` block."""

    def __init__(
        self,
        endpoint: LlmEndpoint,
        *,
        api_key: SecretStr | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Open no connection yet.

        Raises:
            SettingsError: the address is not https, or private, and the settings do not allow it; or the key
                holds what no header can carry.
        """
        check_address(endpoint.base_url, allow_private=endpoint.allow_private, proxied=bool(endpoint.proxy))
        self.endpoint = endpoint
        self.budget = LlmBudget(f"language model {endpoint.model}", endpoint.caps)
        self._sleep = sleep
        self._form = ReplyForm.SCHEMA
        self._http = httpx.Client(
            headers=_headers(api_key),
            timeout=endpoint.timeout_s,
            proxy=endpoint.proxy,
            verify=tls_context(endpoint.ca_file),
            trust_env=not is_loopback(endpoint.base_url),
            follow_redirects=False,
        )

    @property
    def model(self) -> str:
        """The server's name for the model."""
        return self.endpoint.model

    @property
    def spending(self) -> LlmSpending:
        """What the run has spent so far."""
        return self.budget.spending

    def __repr__(self) -> str:
        """Model and address, never a key."""
        return f"LlmClient(model={self.endpoint.model!r}, base_url={self.endpoint.base_url!r})"

    def __enter__(self) -> LlmClient:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(self, prompt: Prompt, check: Check = read_reply) -> LlmAnswer:
        """The model's reply to ``prompt``, which passed ``check``.

        Raises:
            LlmUnusableError: nothing usable after ``tries`` tries, the server is away, or a cap is reached.
        """
        return self._within_bounds(lambda tries: self._try_once(prompt, check, tries))

    def ask_text(self, request: str, *, system: str = "") -> str:
        """The model's reply as plain text, to one message that asks for no schema.

        Raises:
            LlmUnusableError: as ``ask``.
        """
        return self._within_bounds(lambda _: self._try_text(Prompt(system, request, {})))

    def _within_bounds(self, attempt: Callable[[int], _Reply]) -> _Reply:
        if self.spending.unanswered_in_a_row >= self.endpoint.give_up_after:
            raise LlmUnreachableError(
                f"{self._what()}: not asked, as {self.spending.unanswered_in_a_row} prompts before got no answer; "
                "see that the server runs, then run the night again"
            )
        kind: type[LlmUnusableError] = LlmUnusableError
        reason = ""
        for tries in range(1, self.endpoint.tries + 1):
            try:
                answer = attempt(tries)
            except UnusableReplyError as error:
                kind, reason = LlmUnusableError, str(error)
            except _NoAnswerError as error:
                kind, reason = LlmUnreachableError, str(error)
            else:
                self.budget.note_answered(answered=True)
                return answer
        self.budget.note_answered(answered=kind is not LlmUnreachableError)
        raise kind(f"{self._what()}: nothing usable in {self.endpoint.tries} tries; the last one: {reason}")

    def _what(self) -> str:
        return f"language model {self.endpoint.model}"

    def _try_once(self, prompt: Prompt, check: Check, tries: int) -> LlmAnswer:
        """One try; a server that refuses a form is asked for less, and so from then on if that works."""
        started = time.monotonic()
        form = self._form
        status, body = self._send_patiently(prompt, form)
        while status in _FORMAT_REFUSED and form.next is not None:
            form = form.next
            status, body = self._send_patiently(prompt, form)
        if status != 200:
            raise _NoAnswerError(f"expected status 200, got {status}")
        self._form = form
        self.budget.spend(reply_tokens=min(len(body) // 4, self.endpoint.max_reply_tokens))
        answer = read_completion(body, time.monotonic() - started, check=check, form=form, tries=tries)
        self.budget.spend(prompt_tokens=max(0, answer.prompt_tokens - tokens_of(prompt)))
        return answer

    def _try_text(self, prompt: Prompt) -> str:
        status, body = self._send_patiently(prompt, ReplyForm.PLAIN)
        if status != 200:
            raise _NoAnswerError(f"expected status 200, got {status}")
        self.budget.spend(reply_tokens=min(len(body) // 4, self.endpoint.max_reply_tokens))
        text, prompt_tokens = read_text(body)
        self.budget.spend(prompt_tokens=max(0, prompt_tokens - tokens_of(prompt)))
        return text

    def _send_patiently(self, prompt: Prompt, form: ReplyForm) -> tuple[int, bytes]:
        """Status and body; waits as the server asks on 429 and 5xx, within bounds."""
        bounds = self.endpoint
        payload = write_request(prompt, model=bounds.model, max_tokens=bounds.max_reply_tokens, form=form)
        status, body = 0, b""
        for attempt in range(bounds.sends_per_try):
            self.budget.begin(tokens_of(prompt), bounds.max_reply_tokens)
            status, body, retry_after = self._send(payload)
            if status not in _RETRIED:
                break
            if attempt + 1 < bounds.sends_per_try:
                self._sleep(wait_s(retry_after, attempt))
        return status, body

    def _send(self, payload: bytes) -> tuple[int, bytes, str | None]:
        """One exchange, ended by force when its time is up, however slowly bytes drip in."""
        bounds = self.endpoint
        url = f"{bounds.base_url.rstrip('/')}/chat/completions"
        watchdog = Watchdog(bounds.timeout_s, time.monotonic)
        trace = {"trace": watchdog.trace}
        try:
            with (
                watchdog.watching(),
                self._http.stream("POST", url, content=payload, extensions=trace) as response,
            ):
                body = read_body(response, max_bytes=bounds.max_reply_bytes, watchdog=watchdog)
                return response.status_code, body, response.headers.get("retry-after")
        except TooLargeError:
            raise UnusableReplyError(f"a reply of more than {bounds.max_reply_bytes} bytes") from None
        except (DeadlineError, httpx.HTTPError) as error:
            if watchdog.expired or isinstance(error, DeadlineError | httpx.TimeoutException):
                raise _NoAnswerError(f"no end within {bounds.timeout_s:g} s") from None
            raise _NoAnswerError(f"no connection ({type(error).__name__})") from None


def _headers(api_key: SecretStr | None) -> dict[str, str]:
    headers = {
        "User-Agent": "medrek-flow",
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    if api_key is not None:
        value = api_key.get_secret_value()
        if not (value.isascii() and value.isprintable()):
            raise SettingsError("the language model's key: expected printable ASCII in one line")
        headers["Authorization"] = f"Bearer {value}"
    return headers


def tokens_of(prompt: Prompt) -> int:
    """A rough count, on the high side for English: four bytes a token, schema included."""
    return len(prompt.system.encode()) // 4 + len(prompt.user.encode()) // 4 + 1000
