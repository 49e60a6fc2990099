"""Whether a language model's address may be asked: https to a public host, or what the settings allow.

Owns the check and the trust store. It must never print user info or a query that an address may carry.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx

from connectors.addresses import literal_address, refusal, resolve, spelled_oddly
from workflow.errors import SettingsError

_SETTING: Final = "extraction.base_url"
_PERMISSION: Final = "extraction.allow_private"


def check_address(
    base_url: str,
    *,
    allow_private: bool,
    proxied: bool = False,
    setting: str = _SETTING,
    permission: str = _PERMISSION,
) -> None:
    """Pass an address that may be asked; behind a proxy the name is the proxy's to resolve.

    Args:
        setting: Where the address stands in the settings, for messages; ``permission`` likewise.

    Raises:
        SettingsError: no http(s) address, user info in it, plain http, or a private address, not allowed.
    """
    allow = f"for a server of your own set {permission} = true"
    parts = _split(base_url, setting)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingsError(f"{setting}: expected an http(s) address with a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(f"{setting}: expected no user info, query or fragment; keys belong in the environment")
    if parts.scheme != "https" and not allow_private:
        raise SettingsError(f"{setting}: expected https, got http; {allow}")
    if spelled_oddly(parts.hostname):
        raise SettingsError(f"{setting}: expected a name or a plain address, got {parts.hostname}")
    for address in () if proxied else _addresses(parts.hostname):
        reason = refusal(address, allow_private=allow_private)
        if reason:
            raise SettingsError(f"{setting}: {parts.hostname} is {reason}; {allow}")


def is_loopback(base_url: str) -> bool:
    """Whether the host is this machine by its literal name, so that no proxy is asked."""
    host = _split(base_url, _SETTING).hostname or ""
    address = literal_address(host)
    return host == "localhost" if address is None else address.is_loopback


def tls_context(ca_file: str | None) -> ssl.SSLContext | bool:
    """The usual certificates (``SSL_CERT_FILE`` is honoured), with those of the settings beside them.

    Raises:
        SettingsError: the file is no certificate bundle.
    """
    if ca_file is None:
        return True
    if not Path(ca_file).is_file():
        raise SettingsError(f"http.ca_file: no file {ca_file}")
    try:
        context = httpx.create_ssl_context()
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise SettingsError(f"http.ca_file: {ca_file} holds no certificate") from None
    return context


def _split(base_url: str, setting: str) -> SplitResult:
    try:
        parts = urlsplit(base_url)
        _ = parts.port
    except ValueError:
        raise SettingsError(f"{setting}: not an address") from None
    return parts


def _addresses(host: str) -> tuple[str, ...]:
    """The host's addresses; none where it has none now (asking it then fails as unreachable)."""
    try:
        return tuple(resolve(host, 443))
    except (OSError, UnicodeError):
        return ()
