"""Where a source lives, and which addresses a request for it may use.

The rule is pure: an address is of the endpoint's own host and port, https unless the site allows otherwise,
without a user in it, and not a number in disguise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from connectors import addresses
from connectors.errors import AddressRefusedError
from connectors.http_reply import place

_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}")


@dataclass(frozen=True)
class Endpoint:
    """Where one source lives and how it may be asked: the only host that its requests may reach.

    ``allow_private`` lets this host be private or loopback, and plain http; ``min_interval_s`` is the least time
    between two requests to the host, in seconds; ``max_bytes`` is the largest reply, decompressed, where this source
    has another limit than the client, else 0.
    """

    source: str
    base_url: str
    allow_private: bool = False
    min_interval_s: float = 1.0
    max_bytes: int = 0

    def url(self, target: str = "", params: Mapping[str, str] | None = None) -> httpx.URL:
        """The base address for ``""``, a path below it, or a whole address as it is; not yet checked.

        Raises:
            AddressRefusedError: no web address at all.
        """
        base = self.base_url.rstrip("/")
        whole = target if "://" in target else f"{base}/{target.lstrip('/')}" if target else base
        try:
            url = httpx.URL(whole)
            return url.copy_merge_params(dict(params)) if params else url
        except (httpx.InvalidURL, ValueError):
            raise AddressRefusedError(
                self.source, "expected a web address, got one that cannot be read; check base_url"
            ) from None

    def redirected(self, url: httpx.URL, location: str) -> httpx.URL:
        """The address that a redirect from ``url`` names; not yet checked."""
        try:
            return url.join(location)
        except (httpx.InvalidURL, ValueError):
            raise AddressRefusedError(
                self.source, f"GET {place(url)}: expected a web address in a redirect, got none; check base_url"
            ) from None

    def check(self, url: httpx.URL) -> None:
        """Let an address pass that belongs to this endpoint; no name is resolved yet.

        Raises:
            AddressRefusedError: another host or port, not https, a user in it, or a number in disguise.
        """
        shown, asked = place(url), authority(self.url())
        if not url.host or authority(url) != asked:
            raise self._refused(f"expected host {asked}, got {authority(url)}", "check base_url and its redirects")
        if url.scheme != "https" and not (url.scheme == "http" and self.allow_private):
            raise self._refused(f"expected https, got {shown}", "use https, or allow_private for a host of your own")
        if url.userinfo:
            raise self._refused(f"expected no user in the address, got one in {shown}", "put the key in its setting")
        plain = addresses.literal_address(url.host) or _NAME.fullmatch(url.raw_host.decode("ascii", errors="replace"))
        if not plain or addresses.spelled_oddly(url.host):
            raise self._refused(f"expected a name or a plain address, got {shown}", "write it in the usual form")

    def check_addresses(self, host: str, found: list[str]) -> None:
        """Let a host pass whose addresses are all allowed: one bad address makes the name untrustworthy.

        Raises:
            AddressRefusedError: at least one address is private, or never allowed.
        """
        for address in found:
            reason = addresses.refusal(address, allow_private=self.allow_private)
            if reason:
                raise self._refused(
                    f"expected a public address for {host}, got {reason}",
                    "set allow_private for this source if the host is your own",
                )

    def _refused(self, what: str, step: str) -> AddressRefusedError:
        return AddressRefusedError(self.source, f"{what}; {step}")


def authority(url: httpx.URL) -> str:
    """Host and port, the default port spelled out."""
    port = url.port or {"https": 443, "http": 80}.get(url.scheme, 0)
    return f"{url.host.rstrip('.').casefold()}:{port}"
