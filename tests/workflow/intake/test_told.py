"""What is read once for a whole step says the same as asking the ledger each time."""

from __future__ import annotations

import itertools

from connectors.notice import Assertion, AssertionKind, Delivery, Identifier, NoticeKind
from tests.workflow.intake.made_intake import IntakeSite, MemorySource, delivered
from workflow.intake import takings_back
from workflow.intake.detect import NO_CHANGE, WAITING
from workflow.intake.told import Tellings, ToldChanges
from workflow.records import ChangeKind

PMID, DOI, NOTICE = Identifier("pmid", "111"), Identifier("doi", "10.5555/work"), Identifier("doi", "10.5555/notice")


def telling(key: str, *assertions: Assertion) -> Delivery:
    kind = NoticeKind.RETRACTION_NOTICE
    return delivered(f"Retraction {key}.", key=key, kind=kind, title=key, names=(), assertions=assertions)


def retracts(*target: Identifier) -> Assertion:
    return Assertion(AssertionKind.RETRACTS, by=(NOTICE,), target=target)


def article() -> Delivery:
    return delivered(
        "X reduced mortality in Y.",
        key="pmid:111",
        kind=NoticeKind.ARTICLE,
        title="X",
        names=(),
        identifiers=(PMID, DOI),
    )


def test_tellings_say_what_the_ledger_says(site: IntakeSite) -> None:
    told = (retracts(DOI), retracts(PMID, DOI), Assertion(AssertionKind.CORRECTS, by=(), target=(PMID,)))
    site.night(MemorySource([telling(f"rw:{n}", one) for n, one in enumerate(told)] + [telling("rw:9", *told)]))
    with site.ledger.read() as connection:
        found = Tellings(connection)
        alone = list(takings_back.tellings(connection))
        ids = {one.notice_id for one in alone}
        assert all(set(found.of(one)) == set(takings_back.tellings(connection, one)) for one in ids)
        works = ({PMID}, {DOI}, {PMID, DOI}, {NOTICE}, set[Identifier]())
        for pairs in ({(one.scheme, one.value) for one in some} for some in works):
            assert set(found.about(pairs)) == {one for one in alone if one.target & pairs}


def test_one_retraction_is_one_change_by_whatever_name_and_from_whatever_source(site: IntakeSite) -> None:
    for order in itertools.permutations([telling("rw:1", retracts(DOI)), telling("pmid:9", retracts(PMID, DOI))]):
        site.night(MemorySource([article(), *order]))
    retracted = [one for one in site.changes() if one[0] == ChangeKind.RETRACTED]
    assert len(retracted) == 1


def test_a_retraction_waits_again_once_its_work_has_come(site: IntakeSite) -> None:
    site.night(
        MemorySource([telling("rw:1", retracts(DOI)), telling("rw:2", retracts(Identifier("doi", "10.5555/z")))])
    )
    assert site.changes(WAITING) == []
    with site.ledger.read() as connection:
        told = ToldChanges(connection, closed_as=NO_CHANGE)
    assert told.is_told(ChangeKind.RETRACTED, {("doi", DOI.value)})
    assert not told.is_told(ChangeKind.CORRECTED, {("doi", DOI.value)})
    assert len(told.reopen([("doi", DOI.value)], but_of="n-other")) == 1
    assert told.reopen([("doi", DOI.value)], but_of="n-other") == [], "each once"
    night = site.night(MemorySource([article()]))
    assert sum(one.changes for one in night.extracted) == 1, "only the one whose work came"
