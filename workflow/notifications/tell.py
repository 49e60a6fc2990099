"""Who is told of a night: everybody that the settings name, each alone, so that one that fails stops no other."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from workflow.errors import SettingsError, WorkflowError
from workflow.notifications.mail import send_mail
from workflow.notifications.summary import NightSummary
from workflow.outgoing import trusted_certificates
from workflow.site import Site

_log = logging.getLogger(__name__)


def tell(site: Site, summary: NightSummary) -> tuple[str, ...]:
    """Send a night's summary everywhere; give a line for each that did not take it."""
    notify = site.settings.notify
    ways: list[Callable[[Site, NightSummary], None]] = []
    if notify.folder:
        ways.append(_copy_report)
    if notify.when == "always" or summary.asks_for_a_person:
        ways += [_post] if notify.webhook.url else []
        ways += [_mail] if notify.mail.to else []
    problems = []
    for way in ways:
        try:
            way(site, summary)
        except WorkflowError as error:
            problems.append(f"not told: {error}")
            _log.warning("notification failed", extra={"data": {"way": way.__name__, "why": type(error).__name__}})
    return tuple(problems)


def _copy_report(site: Site, summary: NightSummary) -> None:
    folder = site.root / Path(str(site.settings.notify.folder)).expanduser()
    try:
        for path in sorted(site.reports_folder.glob(f"night-{summary.run_id}.*")) if summary.run_id else ():
            shutil.copyfile(path, folder / path.name)
            (folder / path.name).chmod(folder.stat().st_mode & 0o644 | 0o600)  # as readable as its folder
    except OSError as error:
        raise SettingsError(f"notify.folder: {folder} cannot be written ({error.strerror})") from error


def _post(site: Site, summary: NightSummary) -> None:
    from workflow.notifications.webhook import post

    body = {"schema": "medrek-flow.notification", "version": 1, "site_name": summary.site_name, **summary.fields}
    post(site.settings.notify.webhook, site.settings.http, body)


def _mail(site: Site, summary: NightSummary) -> None:
    trusted = trusted_certificates(site.settings.http.ca_file)
    send_mail(site.settings.notify.mail, subject=summary.subject, lines=summary.lines, trusted=trusted)
