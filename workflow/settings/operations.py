"""How the site is run and watched: its night's cap, the anchor of its audit chain, who is told, what is measured."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from workflow.settings.parts import Line, Seconds, Table, Url, VariableName


class NightTable(Table):
    """One night."""

    max_minutes: Annotated[int, Field(ge=1, le=1440)] = 360
    """Minutes after which a night begins nothing new: no further source, rehearsal or gate. What is left waits for the
    worker or the next night, and the report says so. Six hours: from two in the morning until eight."""


class AnchorTable(Table):
    """Where the head of the audit chain is noted outside the site, so that a chain that was rebuilt and an old backup
    that was restored are found. The night writes it, and medrek-flow audit anchor."""

    file: Line | None = None
    """A file on another mount, best one that this machine can only append to. It can be read back, so that promotion
    stops when the ledger is older than its anchor."""
    syslog: Line | None = None
    """The machine's log ("/dev/log") or a log host ("logs.example:514", UDP)."""
    mail: bool = False
    """Whether it is mailed to the people of [notify.mail]."""
    stale_days: Annotated[int, Field(ge=1, le=365)] = 2
    """Days without an anchor after which status warns."""


class AuditTable(Table):
    """The record of everything that was done."""

    anchor: AnchorTable = AnchorTable()


class WebhookTable(Table):
    """A web address that is told of every night: one POST of a small JSON object, signed."""

    url: Url | None = None
    """Where it is posted."""
    allow_private: bool = False
    """Whether that may be a private or loopback address, and then without TLS."""
    secret_env: VariableName = "MEDREK_FLOW_WEBHOOK_SECRET"  # noqa: S105 - a name
    """Environment variable with the secret of the signature (HMAC-SHA256, header X-Medrek-Signature)."""
    timeout_s: Seconds = 10.0
    """Seconds to wait for its answer."""


class MailTable(Table):
    """People who are told of every night by e-mail."""

    to: tuple[Line, ...] = ()
    """Their addresses; nobody where it is empty."""
    sender: Line = "medrek-flow@localhost"
    """The address that it comes from."""
    host: Line = "localhost"
    """The mail server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 25
    """Its port."""
    starttls: bool = True
    """Whether the connection has to be encrypted (STARTTLS); a server that cannot is then not used."""
    user: Line | None = None
    """Name to log in with, if the server asks for one."""
    password_env: VariableName = "MEDREK_FLOW_MAIL_PASSWORD"  # noqa: S105 - a name
    """Environment variable with the password of that name."""
    timeout_s: Seconds = 15.0
    """Seconds to wait for the server."""


class NotifyTable(Table):
    """Who is told how a night ended. Messages hold numbers and ids, never a text from outside."""

    when: Literal["always", "problem"] = "problem"
    """Every night, or only where its exit code is not 0 or something waits for a person."""
    folder: Line | None = None
    """A second folder into which the report's files are copied."""
    webhook: WebhookTable = WebhookTable()
    mail: MailTable = MailTable()


class MetricsTable(Table):
    """Numbers for a monitoring system."""

    file: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]*\.prom$")] | None = None
    """A file in the folder of Prometheus' textfile collector, written after every night, every pass of the worker, and
    by medrek-flow status --metrics FILE."""
