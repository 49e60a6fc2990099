"""The way out to the network, the same for every client: which proxy a request takes, and whose certificates it trusts.

The sources have it from ``connectors.transports``, which this asks; the extraction model, a base model on a server,
the webhook and the mail server are given what stands here.
"""

from __future__ import annotations

import ssl

import httpx

from connectors.transports import Transports
from workflow.errors import SettingsError
from workflow.settings import HttpTable


def proxy_for(http: HttpTable, url: str) -> str | None:
    """Give the proxy for an address: that of the settings, else of the environment; None for a direct way."""
    return Transports(proxy=http.proxy, ca_file=None, trust_env=True).proxy_for(httpx.URL(url))


def trusted_certificates(ca_file: str | None) -> ssl.SSLContext:
    """Give the usual certificates (those of SSL_CERT_FILE where it is set), with the site's own beside them.

    Raises:
        SettingsError: The site's file is none, or holds no certificate.
    """
    try:
        context = httpx.create_ssl_context()
        if ca_file is not None:
            context.load_verify_locations(cafile=ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise SettingsError(
            f"http.ca_file: expected a file of certificates (PEM), got {ca_file} ({type(error).__name__})"
        ) from error
    return context
