"""Messages about a night: signed, encrypted, through the site's proxy and certificates, and without outside text."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import pytest

from tests.connectors.loopback import Answer, Asked, Loopback
from tests.workflow.hospital_network import Proxy, make_certificate, server_context
from workflow.errors import SettingsError
from workflow.notifications.mail import send_mail
from workflow.notifications.summary import failed_summary, summarise
from workflow.notifications.tell import tell
from workflow.notifications.webhook import post
from workflow.outgoing import proxy_for, trusted_certificates
from workflow.reports.night_report import BatchLine, CandidateLine, NightReport, SourceLine
from workflow.settings import HttpTable, MailTable, WebhookTable
from workflow.site import Site

HOSTILE = "\x1b[31m<script>alert(1)</script>\r\nBcc: everyone@example.org"
SECRET = {"MEDREK_FLOW_WEBHOOK_SECRET": "a secret of tests"}


def report(**changed: object) -> NightReport:
    """A night with outside text wherever a report has any."""
    fields: dict[str, object] = {
        "run_id": "r20261120-1",
        "now": "2026-11-20T02:00:00Z",
        "site_name": "St. Elsewhere",
        "proposed": (CandidateLine(candidate_id="c-1", subject=HOSTILE, relation=HOSTILE, object_new=HOSTILE),),
        "sources": (SourceLine(source="pubmed", status="failed", error=HOSTILE),),
        "batches": (BatchLine(batch_id="b0001", state="passed", edits=1, waiting_for="medrek-flow promote b0001"),),
        "pending": 1,
        "warnings": (HOSTILE,),
    }
    return NightReport.model_validate({**fields, **changed})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The hospital's authority."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


# --- what is said ----------------------------------------------------------------------------------------------------


def test_no_outside_text_leaves_in_a_message() -> None:
    summary = summarise(report(), exit_code=11)
    said = json.dumps(dict(summary.fields)) + summary.subject + "\n".join(summary.lines)
    for words in ("\x1b", "script", "everyone", "alert"):
        assert words not in said
    assert "c-1" not in said
    assert summary.fields["waiting_batches"] == ["b0001"]
    assert summary.fields["failed_sources"] == ["pubmed"]
    assert "\n" not in summary.subject


def test_when_a_person_is_asked_for() -> None:
    quiet = report(proposed=(), sources=(), batches=(), pending=0, warnings=())
    assert not summarise(quiet, exit_code=0).asks_for_a_person
    assert summarise(quiet, exit_code=14).asks_for_a_person
    assert summarise(report(), exit_code=0).asks_for_a_person
    assert failed_summary("x", exit_code=15, at="2026-11-20T02:00:00Z").asks_for_a_person


# --- webhook ---------------------------------------------------------------------------------------------------------


class Receiver:
    """A web server of this machine that keeps what is posted to it."""

    def __init__(self, *, status: int = 204, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None):
        self.asked: list[Asked] = []
        self._reply = Answer(b"", status=status, headers=headers or {})
        self.loopback = Loopback(self._answer, tls=tls)

    def _answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self._reply


def test_a_webhook_is_signed_and_its_receiver_can_check_it() -> None:
    receiver = Receiver()
    with receiver.loopback as server:
        post(WebhookTable(url=f"{server.url}/night", allow_private=True), HttpTable(), {"b": 1, "a": "é"}, SECRET)
    (asked,) = receiver.asked
    headers = {name.lower(): value for name, value in asked.headers.items()}
    signed = headers["x-medrek-timestamp"].encode() + b"." + asked.body
    expected = hmac.new(SECRET["MEDREK_FLOW_WEBHOOK_SECRET"].encode(), signed, hashlib.sha256).hexdigest()
    assert headers["x-medrek-signature"] == f"sha256={expected}"
    assert json.loads(asked.body) == {"a": "é", "b": 1}
    assert asked.path == "/night"


@pytest.mark.parametrize(
    ("changed", "environment", "words"),
    [
        ({"allow_private": False}, SECRET, "notify.webhook.allow_private"),
        ({}, {}, "MEDREK_FLOW_WEBHOOK_SECRET"),
        ({"url": "http://127.0.0.1:1/"}, SECRET, "ConnectError"),
    ],
)
def test_a_webhook_that_cannot_be_posted_is_one_line(
    changed: dict[str, object], environment: dict[str, str], words: str
) -> None:
    with Receiver().loopback as server:
        table = WebhookTable.model_validate({"url": server.url, "allow_private": True, **changed})
        with pytest.raises(SettingsError, match=words) as refused:
            post(table, HttpTable(), {}, environment)
    assert "secret of tests" not in str(refused.value)


@pytest.mark.parametrize(("status", "headers"), [(500, {}), (302, {"Location": "http://127.0.0.1:1/elsewhere"})])
def test_a_receipt_is_2xx_and_no_redirect_is_followed(status: int, headers: dict[str, str]) -> None:
    receiver = Receiver(status=status, headers=headers)
    with receiver.loopback as server, pytest.raises(SettingsError, match=f"got status {status}"):
        post(WebhookTable(url=server.url, allow_private=True), HttpTable(), {}, SECRET)
    assert len(receiver.asked) == 1


def test_a_server_that_says_nothing_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(SettingsError, match="Timeout"):
            post(WebhookTable(url=url, allow_private=True, timeout_s=0.2), HttpTable(), {}, SECRET)


# --- proxy and own certificates --------------------------------------------------------------------------------------


def test_a_webhook_goes_through_the_proxy_to_a_server_with_the_hospitals_certificate(certificate: Path) -> None:
    receiver = Receiver(tls=server_context(certificate))
    with receiver.loopback as server, Proxy(int(server.url.rpartition(":")[2])) as proxy:
        table = WebhookTable(url="https://hooks.hospital.example/night")
        post(table, HttpTable(proxy=proxy.url, ca_file=str(certificate)), {}, SECRET)
        with pytest.raises(SettingsError, match="ConnectError"):
            post(table, HttpTable(proxy=proxy.url), {}, SECRET)
    assert proxy.asked == ["CONNECT hooks.hospital.example:443 HTTP/1.1"] * 2
    assert len(receiver.asked) == 1, "nothing was sent to a server that nobody vouches for"


def test_the_proxy_of_the_settings_comes_first_and_this_machine_needs_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for(HttpTable(), "https://a.example/") is None
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    monkeypatch.setenv("NO_PROXY", "inside.example")
    assert proxy_for(HttpTable(), "https://a.example/") == "http://other:1"
    assert proxy_for(HttpTable(), "https://x.inside.example/") is None
    assert proxy_for(HttpTable(proxy="http://ours:2"), "https://a.example/") == "http://ours:2"
    assert proxy_for(HttpTable(proxy="http://ours:2"), "http://127.0.0.1:9/") is None


def test_own_certificates_come_beside_the_usual_ones(certificate: Path, tmp_path: Path) -> None:
    usual = len(trusted_certificates(None).get_ca_certs())
    assert len(trusted_certificates(str(certificate)).get_ca_certs()) == usual + 1
    for wrong in (tmp_path / "none.pem", certificate.with_name("key.pem")):
        with pytest.raises(SettingsError, match=r"http\.ca_file"):
            trusted_certificates(str(wrong))


# --- mail ------------------------------------------------------------------------------------------------------------


class MailServer:
    """An SMTP server of this machine, as small as RFC 5321 lets it be; with STARTTLS where it has a certificate."""

    def __init__(self, context: ssl.SSLContext | None = None, *, refuses: bool = False) -> None:
        self.lines: list[str] = []
        self.message = ""
        self.was_encrypted = False
        self._context, self._refuses = context, refuses

    def __enter__(self) -> MailServer:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.close()

    def _serve(self) -> None:
        try:
            self._talk()
        except OSError:  # a client that does not trust the certificate hangs up
            return

    def _talk(self) -> None:
        client, _ = self._listening.accept()
        client.sendall(b"220 mail.test ESMTP\r\n")
        file = client.makefile("rb")
        while line := file.readline().decode().rstrip("\r\n"):
            self.lines.append(line)
            word = line.split(" ")[0].upper()
            if word == "STARTTLS" and self._context:
                client.sendall(b"220 go ahead\r\n")
                client = self._context.wrap_socket(client, server_side=True)
                file, self.was_encrypted = client.makefile("rb"), True
                continue
            client.sendall(self._reply(word))
            if word == "DATA":
                while (text := file.readline().decode()) != ".\r\n":
                    self.message += text.removeprefix(".")
                client.sendall(b"250 kept\r\n")
            if word == "QUIT":
                return

    def _reply(self, word: str) -> bytes:
        if word == "EHLO":
            secure = b"250-STARTTLS\r\n" if self._context and not self.was_encrypted else b""
            return b"250-mail.test\r\n" + secure + b"250 AUTH PLAIN\r\n"
        if word == "RCPT" and self._refuses:
            return b"550 nobody of that name; \x1b[31m\r\n"
        return {
            "QUIT": b"221 bye\r\n",
            "AUTH": b"235 welcome\r\n",
            "DATA": b"354 go on\r\n",
            "STARTTLS": b"502 no\r\n",
        }.get(word, b"250 ok\r\n")


def mail_table(port: int, **changed: object) -> MailTable:
    """Two receivers at a server of this machine."""
    fields: dict[str, object] = {"to": ("a@hospital.example", "b@hospital.example"), "port": port, "timeout_s": 5.0}
    return MailTable.model_validate({**fields, "sender": "night@hospital.example", **changed})


def send(table: MailTable, trusted: ssl.SSLContext, **environment: str) -> None:
    """Send a message of two lines, one of them long."""
    send_mail(table, subject="Night: déjà", lines=("x" * 300, ". a dot"), trusted=trusted, environment=environment)


def test_mail_is_encrypted_and_arrives_whole(certificate: Path) -> None:
    with MailServer(server_context(certificate)) as server:
        table = mail_table(server.port, user="night")
        send(table, trusted_certificates(str(certificate)), MEDREK_FLOW_MAIL_PASSWORD="p4ss")
    arrived = message_from_string(server.message)
    assert server.was_encrypted
    assert "x" * 300 in server.message, "long lines stay whole: an anchor is copied out of a saved message"
    assert arrived["To"] == "a@hospital.example, b@hospital.example"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert [line.upper().split(":")[0] for line in server.lines if line.upper().startswith("RCPT")] == [
        "RCPT TO",
        "RCPT TO",
    ]
    before = server.lines[: server.lines.index("STARTTLS")]
    assert not [line for line in before if line.upper().startswith(("AUTH", "MAIL"))], (
        "nothing is said before it is encrypted"
    )


def test_mail_is_not_sent_where_it_cannot_be_encrypted(certificate: Path) -> None:
    with MailServer() as server, pytest.raises(SettingsError, match="SMTPNotSupportedError"):
        send(mail_table(server.port), trusted_certificates(None))
    assert server.message == ""
    with MailServer(server_context(certificate)) as stranger, pytest.raises(SettingsError, match="SSL"):
        send(mail_table(stranger.port), trusted_certificates(None))
    assert stranger.message == ""
    with MailServer() as plain:
        with pytest.raises(SettingsError, match="open connection"):
            send(mail_table(plain.port, starttls=False, user="night"), trusted_certificates(None))
        assert not [line for line in plain.lines if line.upper().startswith("AUTH")]


def test_a_server_that_refuses_is_one_line_without_its_words() -> None:
    with MailServer(refuses=True) as server, pytest.raises(SettingsError, match="SMTPRecipientsRefused") as refused:
        send(mail_table(server.port, starttls=False), trusted_certificates(None))
    assert "\x1b" not in str(refused.value)
    with pytest.raises(SettingsError, match="ConnectionRefusedError"):
        send(mail_table(9, timeout_s=1.0), trusted_certificates(None))


def test_no_address_can_bring_a_header(certificate: Path) -> None:
    for to in ("a@b.example\r\nBcc: c@d.example", "a@b.example\nX: y"):
        with pytest.raises(ValueError, match="to"):
            mail_table(25, to=(to,))
    with pytest.raises((SettingsError, ValueError)):
        send_mail(
            mail_table(9), subject="a\r\nBcc: everyone@example.org", lines=("x",), trusted=trusted_certificates(None)
        )


# --- everybody -------------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site that tells a folder and a webhook that does not answer."""
    settings = {"notify.folder": str(tmp_path / "share"), "notify.webhook.url": "http://127.0.0.1:1/"}
    made = Site.create(tmp_path / "site", demo=True, signer_profile="one_signer", settings=settings)
    (tmp_path / "share").mkdir()
    return made  # type: ignore[return-value]


def test_one_that_does_not_answer_stops_no_other(site: Site, tmp_path: Path) -> None:
    (site.reports_folder / "night-r20261120-1.html").write_text("the report", encoding="utf-8")
    problems = tell(site, summarise(report(), exit_code=0))
    assert len(problems) == 1
    assert problems[0].startswith("not told: notify.webhook.url")
    assert (tmp_path / "share" / "night-r20261120-1.html").read_text(encoding="utf-8") == "the report"
    quiet = report(proposed=(), sources=(), batches=(), pending=0)
    assert tell(site, summarise(quiet, exit_code=0)) == (), "nothing asks for a person: only the folder is told"
