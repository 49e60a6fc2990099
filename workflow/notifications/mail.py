"""E-mail: one plain-text message over SMTP, encrypted unless the settings say otherwise.

A header holds no line break (the library refuses one), and a password is sent on an encrypted connection only.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, make_msgid

from workflow.errors import SettingsError
from workflow.settings import MailTable

_POLICY = SMTP.clone(max_line_length=900)
"""Lines as long as SMTP allows stay whole, so that an anchor can be copied out of a saved message."""


def send_mail(
    settings: MailTable,
    *,
    subject: str,
    lines: Sequence[str],
    trusted: ssl.SSLContext,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Send lines of text to everybody in the settings.

    Args:
        settings: Server, sender and receivers.
        subject: One line.
        lines: The text.
        trusted: Certificates that the server may have.
        environment: Where the password is.

    Raises:
        SettingsError: The server is not there, cannot encrypt, or refuses; nothing of its words is repeated.
    """
    message = _message(settings, subject, lines)
    try:
        with smtplib.SMTP(settings.host, settings.port, timeout=settings.timeout_s) as server:
            if settings.starttls:
                server.starttls(context=trusted)
            if settings.user is not None:
                server.login(settings.user, _password(settings, environment))
            refused = server.send_message(message)
    except (OSError, smtplib.SMTPException) as error:
        raise SettingsError(
            f"notify.mail: expected {settings.host}:{settings.port} to take a message"
            f"{' over STARTTLS' if settings.starttls else ''}, got {type(error).__name__}; check host, port and login"
        ) from error
    if refused:
        raise SettingsError(f"notify.mail: the server took the message for all but {len(refused)} of its receivers")


def _message(settings: MailTable, subject: str, lines: Sequence[str]) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    try:
        message["From"] = settings.sender
        message["To"] = ", ".join(settings.to)
    except (ValueError, IndexError) as error:
        raise SettingsError(
            "notify.mail: expected addresses such as pharmacy@hospital.example in sender and to"
        ) from error
    message["Subject"] = subject
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="medrek-flow.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines) + "\n")
    return message


def _password(settings: MailTable, environment: Mapping[str, str]) -> str:
    if not settings.starttls:
        raise SettingsError("notify.mail.user: expected notify.mail.starttls with a login, got an open connection")
    password = environment.get(settings.password_env, "")
    if not password:
        raise SettingsError(
            f"notify.mail.password_env: expected a password in the environment variable {settings.password_env}"
        )
    return password
