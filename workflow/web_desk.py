"""The review screens in a browser: a small server of one process a visitor, and whose seat each of them gets.

Experimental. Who a visitor is comes from one header, believed from a trusted proxy's address only; anybody else is a
visitor who reads and changes nothing. The server listens on loopback unless told otherwise, has no login of its own,
and refuses a page of another origin. The name travels to the screen's process in its environment, where only
processes of the account that the settings name for this may use it (``opening.open_web_seat``).
"""

from __future__ import annotations

import ipaddress
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server

SEAT_VARIABLE = "MEDREK_FLOW_WEB_SEAT"
"""Account of the person whom the proxy names; empty for a visitor."""

_LOG = logging.getLogger(__name__)
_LONGEST_NAME = 64
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_COLUMNS, _MOST_ROWS = 400, 200


@dataclass(frozen=True)
class Trust:
    """Whose header is believed."""

    header: str
    """Empty: nobody's."""
    proxies: Sequence[str]

    def account(self, headers: Mapping[str, str], peer: str | None) -> str:
        """Give the account that a trusted proxy names; empty for anybody else, and for a name that is no account."""
        if not self.header or peer is None or not self._is_trusted(peer):
            return ""
        name = headers.get(self.header, "").strip()
        is_account = name.isascii() and name.isprintable() and " " not in name and len(name) <= _LONGEST_NAME
        return name if is_account else ""

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = ipaddress.ip_address(peer.partition("%")[0])
            return any(address in ipaddress.ip_network(proxy, strict=False) for proxy in self.proxies)
        except ValueError:
            return False


def is_same_origin(headers: Mapping[str, str], public_url: str) -> bool:
    """Tell whether a socket was opened by our own page: a browser always says where its page came from.

    The host that the request names is not asked: a name that somebody points at this machine would pass.
    """
    origin, public = urlsplit(headers.get("Origin", "")), urlsplit(public_url)
    ours = {public.netloc}
    if public.hostname in _LOOPBACK:
        ours |= {f"{name}:{public.port}" if public.port else name for name in ("localhost", "127.0.0.1", "[::1]")}
    return origin.netloc in ours


class _SeatService(AppService):  # type: ignore[misc]  # the library ships no types
    """One screen process, told whose seat it has."""

    seat = ""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment: dict[str, str] = super()._build_environment(width, height)
        return {**environment, SEAT_VARIABLE: self.seat}


class SeatServer(Server):  # type: ignore[misc]  # the library ships no types
    """Serves the screens, each visitor in a process of their own."""

    def __init__(self, command: str, trust: Trust, *, host: str, port: int, public_url: str | None) -> None:
        """Set up; ``serve`` starts it.

        Args:
            command: What opens one visitor's screens.
            trust: Whose header is believed.
            host: Address to listen on.
            port: Port to listen on.
            public_url: Where browsers find it, behind a proxy; None for host and port.
        """
        super().__init__(command, host=host, port=port, title="medrek-flow review", public_url=public_url)
        self._trust = trust

    def initialize_logging(self) -> None:
        """Leave logging as the command line set it up: nothing of a visitor's screen is logged."""

    async def on_startup(self, app: web.Application) -> None:
        """Say where it is, without the library's banner."""
        del app
        sys.stderr.write(f"review screens on {self.public_url} (experimental; ctrl+c stops)\n")

    async def handle_websocket(self, request: web.Request) -> web.StreamResponse:
        """Give a visitor's browser a process with the seat that is theirs, until either goes."""
        if not is_same_origin(request.headers, self.public_url):
            return web.Response(status=403, text="The page that asks is not ours.")
        socket = web.WebSocketResponse(heartbeat=15)
        await socket.prepare(request)
        service = _SeatService(
            self.command,
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=socket.close,
            download_manager=self.download_manager,
        )
        service.seat = self._trust.account(request.headers, request.remote)
        width, height = (
            _size(request, name, most) for name, most in (("width", _MOST_COLUMNS), ("height", _MOST_ROWS))
        )
        try:
            await service.start(width, height)
            await self._process_messages(socket, service)
        except Exception as error:  # noqa: BLE001 - one visitor's socket never ends the server
            _LOG.error("web seat ended", extra={"error": type(error).__name__})
        finally:
            await service.stop()
            await socket.close()
        return socket


def _size(request: web.Request, name: str, most: int) -> int:
    asked = request.query.get(name, "")
    return max(20, min(int(asked), most)) if asked.isdecimal() and len(asked) < 5 else 80


def screen_command(site: Path) -> str:
    """Give the command that opens one visitor's screens, for a shell."""
    return shlex.join([sys.executable, "-m", "workflow", "review", "--site", str(site)])
