"""The webhook: one signed POST of a small JSON object to one address; redirects are not followed.

The signature is HMAC-SHA256 over ``<timestamp>.<body>`` in ``X-Medrek-Signature: sha256=<hex>``, with the timestamp in
``X-Medrek-Timestamp``: a receiver recomputes it and refuses an old one, so that a copy cannot be sent again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import time
from collections.abc import Mapping

import httpx

from workflow.errors import SettingsError
from workflow.intake.llm_address import check_address
from workflow.outgoing import proxy_for, trusted_certificates
from workflow.settings import HttpTable, WebhookTable


def post(
    settings: WebhookTable, http: HttpTable, body: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> None:
    """Post an object and wait for its receipt.

    Raises:
        SettingsError: The address may not be asked, the secret is missing, or no 2xx came in time.
    """
    url = str(settings.url)
    proxy = proxy_for(http, url)
    check_address(
        url,
        allow_private=settings.allow_private,
        proxied=proxy is not None,
        setting="notify.webhook.url",
        permission="notify.webhook.allow_private",
    )
    secret = environment.get(settings.secret_env, "")
    if not secret:
        raise SettingsError(
            f"notify.webhook.secret_env: expected a secret in the environment variable {settings.secret_env}, got none"
        )
    content = json.dumps(body, sort_keys=True, default=str).encode()
    try:
        with httpx.Client(
            proxy=proxy, verify=trusted_certificates(http.ca_file), trust_env=False, timeout=settings.timeout_s
        ) as client:
            status = client.post(url, content=content, headers=_headers(secret, content)).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SettingsError(f"notify.webhook.url: expected a receipt, got {type(error).__name__}") from error
    if not 200 <= status < 300:
        raise SettingsError(f"notify.webhook.url: expected a receipt (status 2xx), got status {status}")


def sign(secret: str, timestamp: str, content: bytes) -> str:
    """Give the value of the signature header."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()


def _headers(secret: str, content: bytes) -> dict[str, str]:
    timestamp = str(int(time.time()))
    return {
        "Content-Type": "application/json",
        "User-Agent": "medrek-flow",
        "X-Medrek-Timestamp": timestamp,
        "X-Medrek-Signature": sign(secret, timestamp, content),
    }
