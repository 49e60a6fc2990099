"""Crossref and the Retraction Watch table by their settings and commands, from a server on this machine."""

from __future__ import annotations

import json
import sqlite3

import pytest

from tests.connectors.loopback import Answer, Asked, Loopback
from tests.connectors.made_works import Scroll, failed, row, table, update, work
from tests.workflow.cli.running import Run
from workflow.settings import Settings
from workflow.site import Site

pytestmark = pytest.mark.slow
NIGHT = ("night", "--now", "2026-11-20T02:00:00Z", "--json")
SOURCES = ("crossref", "retraction_watch")


def paper(number: int, **cells: str) -> list[str]:
    """A row about a paper of its own."""
    return row(number, OriginalPaperPubMedID=str(90_000_000 + number), **cells)


class Server:
    """A Crossref that knows three notices and loses its cursor once, and a table of forty rows."""

    def __init__(self) -> None:
        notices = [work(f"10.5555/notice.{n}", update_to=[update(f"10.5555/work.{n}")]) for n in (1, 2, 3)]
        self.crossref = Scroll({"retraction": notices}, trouble={2: failed("cursor-invalid", 404)})
        self.rows = [paper(n) for n in range(1, 41)]

    def __call__(self, asked: Asked) -> Answer:
        return Answer(table(*self.rows)) if asked.path == "/table.csv" else self.crossref(asked)


def switch_on(site: Site, url: str) -> None:
    settings: dict[str, object] = {"site.signer_profile": "one_signer", "sources.crossref.page_size": 2}
    for name in ("pubmed", "openfda"):
        settings[f"sources.{name}.enabled"] = False
    for name, address in zip(SOURCES, (f"{url}/v1", f"{url}/table.csv"), strict=True):
        settings |= {
            f"sources.{name}.enabled": True,
            f"sources.{name}.base_url": address,
            f"sources.{name}.allow_private": True,
        }
    site.settings_path.write_text(Settings.default_toml(settings), encoding="utf-8")


def asked_for(site: Site, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(site.ledger_path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def told(night: str) -> dict[str, tuple[str, int]]:
    return {one["source"]: (one["status"], one["notices_new"]) for one in json.loads(night)["sources"]}


def test_they_are_off_until_a_site_wants_them(run: Run, site: Site) -> None:
    assert site.settings_path.exists()
    listed = {one["name"]: one for one in json.loads(run("sources", "list", "--json").out)["sources"]}
    assert [listed[name]["enabled"] for name in SOURCES] == [False, False]
    assert listed["crossref"]["address"] == "https://api.crossref.org/v1"
    assert listed["retraction_watch"]["address"].endswith("/retraction_watch.csv")


def test_nights_store_each_thing_once_and_refuse_a_table_that_shrank(
    run: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.http_client.time.sleep", lambda _: None)
    server = Server()
    with Loopback(server) as loopback:
        switch_on(site, loopback.url)
        first, second = run(*NIGHT), run(*NIGHT)
        server.rows[4] = paper(5, Notes="now with a note")
        third = run(*NIGHT)
        server.rows = server.rows[:37]
        fourth = run(*NIGHT)
    assert told(first.out) == {"crossref": ("done", 3), "retraction_watch": ("done", 40), "dropfolder": ("done", 0)}
    assert told(second.out) == {"crossref": ("done", 0), "retraction_watch": ("done", 0), "dropfolder": ("done", 0)}
    assert told(third.out)["retraction_watch"] == ("done", 1)
    assert told(fourth.out)["retraction_watch"] == ("failed", 0)
    assert [night.code for night in (first, second, third, fourth)] == [0, 0, 0, 11]
    assert asked_for(site, "SELECT source, count(*) FROM notices GROUP BY source ORDER BY source") == [
        ("crossref", 3),
        ("retraction_watch", 41),
    ]
    retracted = asked_for(site, "SELECT section FROM changes WHERE kind = 'retracted'")
    assert len(retracted) == len(set(retracted)) == 40, "two sources tell one retraction once"
    last = {one["source"]: one for one in json.loads(fourth.out)["sources"]}["retraction_watch"]
    assert "expected at least 95% of 40 records, got 37" in last["error"]


def test_they_can_be_tried_and_shown_without_storing(run: Run, site: Site) -> None:
    with Loopback(Server()) as loopback:
        switch_on(site, loopback.url)
        tried = run("sources", "test", "retraction_watch")
        pulled = json.loads(run("sources", "pull", "retraction_watch", "--json").out)
    assert tried.code == 0
    assert len(pulled["documents"][0]["notices"]) == 40
    assert asked_for(site, "SELECT * FROM notices") == []
