"""A real HTTP server on the loopback address, for tests of whole sources."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request as the server saw it."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """What the server says; ``drip_s`` is the pause after every byte."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_s: float = 0.0


class Loopback:
    """Serves ``answer`` on 127.0.0.1 for the length of a ``with`` block and keeps the requests."""

    def __init__(self, answer: Callable[[Asked], Answer], *, tls: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {key: values[0] for key, values in parse_qs(parts.query).items()}
                headers = {k.lower(): v for k, v in self.headers.items()}
                body = self.rfile.read(int(headers.get("content-length", "0")))
                asked = Asked(parts.path, query, headers, body)
                outer.asked.append(asked)
                said = answer(asked)
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.send_body(said)

            do_POST = do_GET  # noqa: N815 - the name that the library calls

            def send_body(self, said: Answer) -> None:
                try:
                    if not said.drip_s:
                        self.wfile.write(said.body)
                        return
                    for byte in said.body:
                        self.wfile.write(bytes([byte]))
                        self.wfile.flush()
                        time.sleep(said.drip_s)
                except OSError:
                    pass  # the client hung up, which some tests want

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name it overrides
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
