"""Proxy and certificates: which way a request takes, and whom it trusts.

An argument comes before the environment; the environment is read only where ``trust_env`` says so. This machine
itself is never reached through a proxy.
"""

from __future__ import annotations

import threading
import urllib.request

import httpx

from connectors import addresses
from connectors.errors import QueryRefusedError


class Transports:
    """One httpx transport for each way out, made when it is first needed."""

    def __init__(self, *, proxy: str | None, ca_file: str | None, trust_env: bool) -> None:
        """Remember the settings; nothing is opened."""
        self._proxy, self._ca_file, self._trust_env = proxy, ca_file, trust_env
        self._made: dict[str | None, httpx.BaseTransport] = {}
        self._lock = threading.Lock()

    def proxy_for(self, url: httpx.URL) -> str | None:
        """The proxy for this address, or None for a direct way."""
        literal = addresses.literal_address(url.host)
        if url.host == "localhost" or (literal is not None and literal.is_loopback):
            return None
        if self._proxy:
            return self._proxy
        if not self._trust_env:
            return None
        found = urllib.request.getproxies_environment()
        if excepted(url.host, found.get("no", "")):
            return None
        proxy = found.get(url.scheme) or found.get("all")
        return proxy if not proxy or "://" in proxy else f"http://{proxy}"

    def get(self, source: str, proxy: str | None) -> httpx.BaseTransport:
        """The transport for a direct way (None) or a proxy.

        Raises:
            QueryRefusedError: the certificate file or the proxy address cannot be used.
        """
        with self._lock:
            if proxy not in self._made:
                self._made[proxy] = self._new(source, proxy)
            return self._made[proxy]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for transport in self._made.values():
                transport.close()
            self._made.clear()

    def _new(self, source: str, proxy: str | None) -> httpx.BaseTransport:
        try:
            context = httpx.create_ssl_context(trust_env=self._trust_env)
            if self._ca_file:
                context.load_verify_locations(cafile=self._ca_file)
            return httpx.HTTPTransport(verify=context, proxy=proxy, trust_env=False)
        except (OSError, ValueError, httpx.InvalidURL):
            raise QueryRefusedError(
                source,
                "expected a readable certificate file and a proxy address, got something else; "
                "check ca_file, proxy, SSL_CERT_FILE and HTTPS_PROXY",
            ) from None


def excepted(host: str, no_proxy: str) -> bool:
    """Claim: ``no_proxy`` (a comma-separated list of names, suffixes or ``*``) excepts ``host`` from proxying."""
    host = host.casefold()
    for entry in no_proxy.casefold().split(","):
        name = entry.strip().removeprefix("*.").removeprefix(".").partition(":")[0]
        if name and (name == "*" or host == name or host.endswith(f".{name}")):
            return True
    return False
