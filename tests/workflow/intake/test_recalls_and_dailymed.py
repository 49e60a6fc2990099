"""Nights over drug recalls and DailyMed labels from a server on this machine: twice is once, recalls make no news."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from connectors.dailymed import DailyMedSource
from connectors.http_client import PoliteClient
from connectors.openfda_enforcement import OpenFdaEnforcementSource
from tests.connectors.loopback import Answer, Asked, Loopback
from tests.connectors.made_replies import label_reply, recall, spl_list, spl_row
from tests.connectors.test_dailymed import set_id, spl
from tests.workflow.intake.made_intake import IntakeSite
from workflow.intake.propose import waiting_documents
from workflow.intake.rules import RulesExtractor
from workflow.intake.rules_recall import LOTS_ONLY
from workflow.intake.scope import Scope
from workflow.known_things import known_labels
from workflow.ledger import tables
from workflow.records import ChangeKind

CLIENT = PoliteClient("x@y.example", attempts=1, backoff_s=0.0)


def recalls(server: Loopback) -> OpenFdaEnforcementSource:
    return OpenFdaEnforcementSource(CLIENT, base_url=server.url, allow_private=True, min_interval_s=0.0)


def labels(server: Loopback, site: IntakeSite, *, most_labels: int = 100) -> DailyMedSource:
    return DailyMedSource(
        CLIENT,
        base_url=server.url,
        allow_private=True,
        is_known=known_labels(site.ledger, "dailymed"),
        most_labels=most_labels,
        min_interval_s=0.0,
    )


def cursor(site: IntakeSite, source: str) -> str | None:
    columns = tables.cursors.c
    with site.ledger.read() as connection:
        found: str | None = connection.execute(
            sa.select(columns.last_day).where(columns.source == source)
        ).scalar_one_or_none()
    return found


# --- recalls -----------------------------------------------------------------------------------------------


def test_two_nights_of_the_same_recalls_are_one(site: IntakeSite) -> None:
    with Loopback(lambda asked: Answer(label_reply(recall(), recall("D-9002-2026")))) as server:
        first = site.night(recalls(server), lanes=(RulesExtractor(),))
        before = site.rows()
        second = site.night(recalls(server), lanes=(RulesExtractor(),))
    assert [c.notices_new for c in (*first.collected, *second.collected)] == [2, 0]
    assert site.rows() == before
    assert site.changes() == [(ChangeKind.BASELINE, "baseline")] * 2
    assert cursor(site, "openfda_enforcement") == "2026-11-20"


@pytest.mark.parametrize(("scope", "outcome"), [(None, "no_change"), (Scope(drugs=("metformin",)), "out_of_scope")])
def test_a_recall_that_changes_is_on_record_and_waits_for_nobody(
    site: IntakeSite, scope: Scope | None, outcome: str
) -> None:
    replies = [
        label_reply(recall()),
        label_reply(recall(status="Terminated", classification="Class I", termination_date="20261119")),
    ]
    with Loopback(lambda asked: Answer(replies.pop(0))) as server:
        for _ in range(2):
            night = site.night(recalls(server), scope=scope, lanes=(RulesExtractor(),))
    assert night.collected[0].failed is None
    assert night.collected[0].notices_new == 1
    assert night.extracted == []
    assert waiting_documents(site.ledger) == ()
    assert {result for kind, result in site.changes() if kind != ChangeKind.BASELINE} == {outcome}
    assert site.queue() == []


@pytest.mark.parametrize(
    ("changed", "proposed"),
    [({}, 1), ({"classification": "Class III"}, 0), ({"status": "Terminated"}, 0), ({"classification": "Class I"}, 1)],
)
def test_a_recall_that_joins_a_list_read_before_is_proposed_once(
    site: IntakeSite, changed: dict[str, str], proposed: int
) -> None:
    joined = recall("D-9002-2026", **changed)
    replies = [label_reply(recall()), label_reply(recall(), joined), label_reply(recall(), joined)]
    with Loopback(lambda asked: Answer(replies.pop(0))) as server:
        for _ in range(3):
            site.night(recalls(server))
    assert len(site.proposed()) == proposed
    for candidate in site.proposed():
        assert (candidate.relation, candidate.subject) == ("recalled", candidate.subject.casefold())
        assert candidate.object_new in candidate.evidence[0].quote
        assert LOTS_ONLY in candidate.flags


def test_a_recall_out_of_scope_is_counted_and_asks_nobody(site: IntakeSite) -> None:
    replies = [label_reply(recall()), label_reply(recall(), recall("D-9002-2026"))]
    with Loopback(lambda asked: Answer(replies.pop(0))) as server:
        for _ in range(2):
            site.night(recalls(server), scope=Scope(drugs=("novadine",)))
    assert ("new", "out_of_scope") in site.changes()
    assert site.queue() == []


# --- DailyMed ----------------------------------------------------------------------------------------------


class Shelf:
    """A DailyMed of a few labels; ``doses`` by label, ``number`` the version of each."""

    def __init__(self, *numbers: int) -> None:
        self.labels = dict.fromkeys(numbers, (8, "5"))

    def answer(self, asked: Asked) -> Answer:
        if asked.path.endswith("/spls.json"):
            return Answer(spl_list(*(spl_row(set_id(n), number) for n, (number, _) in self.labels.items())))
        number, dose = self.labels[int(asked.path.removesuffix(".xml")[-12:], 16)]
        label = spl(int(asked.path.removesuffix(".xml")[-12:], 16), dose=dose)
        return Answer(label.replace(b'versionNumber value="8"', f'versionNumber value="{number}"'.encode()))


def test_two_nights_of_the_same_labels_are_one_and_fetch_each_once(site: IntakeSite) -> None:
    with Loopback(Shelf(1, 2).answer) as server:
        first = site.night(labels(server, site))
        before = site.rows()
        second = site.night(labels(server, site))
        assert sum(asked.path.endswith(".xml") for asked in server.asked) == 2
    assert [c.notices_new for c in (*first.collected, *second.collected)] == [2, 0]
    assert site.rows() == before
    assert cursor(site, "dailymed") == "2026-11-20"


def test_a_new_version_is_news_where_its_text_changed(site: IntakeSite) -> None:
    shelf = Shelf(1, 2)
    with Loopback(shelf.answer) as server:
        site.night(labels(server, site))
        shelf.labels = {1: (9, "2.5"), 2: (10, "5")}
        before = len(site.changes())
        site.night(labels(server, site), lanes=(RulesExtractor(),))
        assert sum(asked.path.endswith(".xml") for asked in server.asked) == 4
    told = [kind for kind, _ in site.changes()]
    assert len(told) - before == 2
    assert ("revised", "no_change") in site.changes(), "a higher number over the same text is no news"


def test_what_one_night_leaves_the_next_ones_fetch_and_only_then_the_cursor_moves(site: IntakeSite) -> None:
    with Loopback(Shelf(1, 2, 3, 4, 5).answer) as server:
        seen = []
        for _ in range(3):
            told = site.night(labels(server, site, most_labels=2)).collected[0]
            seen.append((told.notices_new, told.failed is None, cursor(site, "dailymed")))
        assert sum(asked.path.endswith(".xml") for asked in server.asked) == 5
    assert seen == [(2, False, None), (2, False, None), (1, True, "2026-11-20")]


def test_a_label_that_cannot_be_read_is_said_kept_and_asked_for_again(site: IntakeSite) -> None:
    shelf = Shelf(1, 2)
    with Loopback(lambda asked: Answer(status=404) if asked.path.endswith("1.xml") else shelf.answer(asked)) as server:
        told = site.night(labels(server, site)).collected[0]
    assert (told.notices_new, told.unreadable, told.failed) == (1, 1, None)
    with Loopback(shelf.answer) as server:
        assert site.night(labels(server, site)).collected[0].notices_new == 1
