"""A base model behind an OpenAI-compatible server: facts reach it as text, an untouched question as it came in.

Owns every connection that this package makes, and their bounds: tries, seconds, bytes. Never follows a redirect,
never puts a key, a prompt or a reply into a message, a log line or a ``repr``. Whether an address may be asked is its
caller's to decide.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx

from editor_engine.base_model import Piece, Prompted, Written
from editor_engine.chat import Role, Turn
from editor_engine.edit import Carrier
from editor_engine.errors import BaseModelError, BaseServerError
from editor_engine.exchange_deadline import ExchangeDeadline
from editor_engine.generation import MAX_NEW_TOKENS, Finish, GenerationSettings
from editor_engine.prompt_layout import LAYOUT_VERSION, chat_context, chat_message
from editor_engine.server_wire import (
    UnusableReplyError,
    broken_up,
    read_completion,
    read_events,
    read_served,
    request_bytes,
)
from editor_engine.text_pieces import TextPieces

Result = TypeVar("Result")
_ASKED_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class ServerLimits:
    """Bounds of one request. ``timeout_s`` is for the whole of one exchange, streamed or not."""

    timeout_s: float = 120.0
    tries: int = 3
    longest_wait_s: float = 30.0
    max_reply_bytes: int = 4_194_304
    requests_at_once: int = 4


class _TryAgainError(Exception):
    """This try failed in a way that another may not; holds a reason in our own words only."""

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class ServerBase:
    """A base model that a server runs; the text carrier alone reaches it.

    Its digest covers the model's name, what the server tells about it and the layout: nobody here can check weights,
    so that ``is_verified`` is False. Close it, or use it in a ``with`` block.
    """

    is_verified = False
    carriers = frozenset({Carrier.TEXT})

    def __init__(
        self,
        base_url: str,
        served_model: str,
        *,
        api_key: str | None = None,
        limits: ServerLimits | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Ask the server which models it serves.

        Args:
            base_url: up to and with ``/v1``.
            served_model: the model's name there.
            proxy: to go through; proxies named in the environment are not used.
            ca_file: a bundle of certificates to trust besides the usual ones.

        Raises:
            BaseServerError: the server gives no usable answer, or does not serve the model.
            BaseModelError: an address, a key or a bundle that cannot be used.
        """
        _require_plain(base_url)
        self.name = f"{served_model} at {base_url}"
        self._base_url = base_url.rstrip("/")
        self._model = served_model
        self._limits = limits or ServerLimits()
        self._sleep = sleep
        self._http = httpx.Client(
            headers=_headers(api_key),
            timeout=self._limits.timeout_s,
            verify=_trusted(ca_file),
            follow_redirects=False,
            proxy=proxy,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),  # the deadline sees a socket when it is made
        )
        told = json.dumps(self._told(), sort_keys=True, separators=(",", ":"))
        self.digest = hashlib.sha256(f"{LAYOUT_VERSION}:server:{served_model}:{told}".encode()).hexdigest()

    def __repr__(self) -> str:
        """Model and address, never a key."""
        return f"ServerBase({self.name!r})"

    def __enter__(self) -> ServerBase:
        """Use as a context manager."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def context_of(self, fact: str) -> str:
        """The exact text that the text carrier puts in front of a question."""
        return chat_context(broken_up(fact))

    def check_fits(self, prompted: Sequence[Prompted], settings: GenerationSettings) -> None:
        """Pass everything: only the server knows its window."""

    def generate(self, prompted: Sequence[Prompted], *, max_new_tokens: int = MAX_NEW_TOKENS) -> list[str]:
        """Greedy answers, stripped, in order."""
        return [one.text for one in self.write(prompted, GenerationSettings(max_new_tokens=max_new_tokens))]

    def write(self, prompted: Sequence[Prompted], settings: GenerationSettings) -> list[Written]:
        """Answers under settings, in order; several requests at once.

        Raises:
            BaseServerError: no usable answer within the limits.
            BaseModelError: a soft prompt, which cannot reach a server.
        """
        chats = [self._turns(one) for one in prompted]
        pool = ThreadPoolExecutor(max_workers=self._limits.requests_at_once)
        try:
            answers = pool.map(lambda turns: self._complete(turns, settings), chats)
            return [Written(row, text, finish) for row, (text, finish) in enumerate(answers)]
        finally:
            pool.shutdown(cancel_futures=True)

    def stream(
        self, prompted: Sequence[Prompted], settings: GenerationSettings
    ) -> Generator[Piece | Written, None, None]:
        """The same answers piece by piece, a row after the other. Closing it hangs up.

        Raises:
            see ``write``; what broke off after its first piece is not asked again.
        """
        return self._streamed([self._turns(one) for one in prompted], settings)

    def _streamed(
        self, chats: Sequence[Sequence[Turn]], settings: GenerationSettings
    ) -> Generator[Piece | Written, None, None]:
        for row, turns in enumerate(chats):
            texts: list[str] = []
            finish = Finish.STOP
            pieces: TextPieces[str] = TextPieces(lambda parts: "".join(parts).strip())
            for text, ended in self._deltas(turns, settings):
                texts.append(text)
                finish = ended or finish
                if piece := pieces.further(texts, ended=False):
                    yield Piece(row, piece)
            if piece := pieces.further(texts, ended=True):
                yield Piece(row, piece)
            yield Written(row, "".join(texts).strip(), finish)

    def _turns(self, prompted: Prompted) -> list[Turn]:
        if prompted.soft is not None:
            raise BaseModelError(
                f"Base model {self.name}: a soft prompt cannot reach a server; stage the edit with carrier text"
            )
        return [*prompted.before, Turn(Role.USER, chat_message(prompted.question, prompted.context))]

    def _complete(self, turns: Sequence[Turn], settings: GenerationSettings) -> tuple[str, Finish]:
        body = request_bytes(self._model, turns, settings, stream=False)

        def once() -> tuple[str, Finish]:
            with self._exchange("POST", "/chat/completions", body) as chunks:
                said = read_completion(b"".join(chunks))
            return said.text.strip(), said.finish or Finish.STOP

        return self._patiently(once)

    def _deltas(self, turns: Sequence[Turn], settings: GenerationSettings) -> Iterator[tuple[str, Finish | None]]:
        body = request_bytes(self._model, turns, settings, stream=True)
        for attempt in range(self._limits.tries):
            begun = False
            try:
                with self._exchange("POST", "/chat/completions", body) as chunks:
                    for delta in read_events(chunks, longest_line=self._limits.max_reply_bytes):
                        begun = begun or bool(delta.text)
                        yield delta.text, delta.finish
                return
            except (_TryAgainError, UnusableReplyError) as error:
                if begun or attempt + 1 == self._limits.tries or isinstance(error, UnusableReplyError):
                    raise self._failed(str(error), attempt + 1) from None
                self._sleep(self._wait_s(error, attempt))

    def _told(self) -> dict[str, object]:
        """What the server tells about the model; nothing where it keeps no list."""

        def once() -> bytes | None:
            with self._exchange("GET", "/models", None, missing_is_fine=True) as chunks:
                return b"".join(chunks) or None

        body = self._patiently(once)
        try:
            told, served = ({}, 0) if body is None else read_served(body, self._model)
        except UnusableReplyError as error:
            raise self._failed(str(error), 1) from None
        if told is None:
            raise BaseServerError(
                f"Base model {self.name}: not among the {served} models that the server serves; "
                "set served_model to one of them"
            )
        return told

    def _patiently(self, once: Callable[[], Result]) -> Result:
        for attempt in range(self._limits.tries):
            try:
                return once()
            except UnusableReplyError as error:
                raise self._failed(str(error), attempt + 1) from None
            except _TryAgainError as error:
                if attempt + 1 == self._limits.tries:
                    raise self._failed(str(error), attempt + 1) from None
                self._sleep(self._wait_s(error, attempt))
        raise self._failed("no try was allowed", 0)

    @contextmanager
    def _exchange(
        self, method: str, path: str, body: bytes | None, *, missing_is_fine: bool = False
    ) -> Iterator[Iterator[bytes]]:
        """The chunks of one reply with status 200, within time and size."""
        deadline = ExchangeDeadline(self._limits.timeout_s)
        url = f"{self._base_url}{path}"
        try:
            with (
                deadline.running(),
                self._http.stream(method, url, content=body, extensions={"trace": deadline.see}) as response,
            ):
                if missing_is_fine and response.status_code in {404, 405}:
                    yield iter(())
                    return
                self._require_success(response)
                yield self._bounded(response)
        except httpx.HTTPError as error:
            if deadline.passed or isinstance(error, httpx.TimeoutException):
                raise _TryAgainError(f"no end within {self._limits.timeout_s:g} s") from None
            raise _TryAgainError(f"no connection ({type(error).__name__})") from None

    def _require_success(self, response: httpx.Response) -> None:
        status = response.status_code
        if status in _ASKED_AGAIN:
            raise _TryAgainError(f"status {status}", _asked_wait_s(response.headers.get("retry-after")))
        if status in {401, 403}:
            raise self._failed(f"status {status}, the key is missing or refused", 1)
        if status != 200:
            raise self._failed(f"expected status 200, got {status}", 1)

    def _bounded(self, response: httpx.Response) -> Iterator[bytes]:
        size = 0
        for chunk in response.iter_raw():
            size += len(chunk)
            if size > self._limits.max_reply_bytes:
                raise UnusableReplyError(f"a reply of more than {self._limits.max_reply_bytes} bytes")
            yield chunk

    def _wait_s(self, error: Exception, attempt: int) -> float:
        wait = error.wait_s if isinstance(error, _TryAgainError) else None
        return min(max(float(2**attempt) if wait is None else wait, 0.0), self._limits.longest_wait_s)

    def _failed(self, reason: str, tries: int) -> BaseServerError:
        return BaseServerError(
            f"Base model {self.name}: no usable answer ({reason}; tries: {tries}); "
            "see that the server runs and can be reached"
        )


def _require_plain(base_url: str) -> None:
    """An address with a host and nothing secret in it: it stands in messages."""
    try:
        parts = urlsplit(base_url)
        plain = parts.scheme in {"http", "https"} and parts.hostname and not (parts.username or parts.password)
        _ = parts.port
    except ValueError:
        plain = False
    if not plain or parts.query or parts.fragment:
        raise BaseModelError(
            "Server as base model: expected an http(s) address with a host, up to /v1, and no user, query or fragment; "
            "keys go in api_key"
        )


def _headers(api_key: str | None) -> dict[str, str]:
    headers = {
        "User-Agent": "medrek-flow",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
    }
    if api_key is not None:
        if not (api_key.isascii() and api_key.isprintable()):
            raise BaseModelError("The base model's key: expected printable ASCII in one line; set it anew")
        headers["Authorization"] = f"Bearer {api_key}"
    return headers


def _trusted(ca_file: str | None) -> ssl.SSLContext | bool:
    try:
        if ca_file is None:
            return True
        context = httpx.create_ssl_context()
        context.load_verify_locations(cafile=ca_file)
        return context
    except (OSError, ssl.SSLError) as error:
        raise BaseModelError(f"Certificates {ca_file} cannot be read ({type(error).__name__}): name a bundle") from None


def _asked_wait_s(retry_after: str | None) -> float | None:
    """Seconds that a server asks to wait, as a number or a date; None where it does not say."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except (TypeError, ValueError):
        return None
