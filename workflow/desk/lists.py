"""The lists of the desk: the first screen, the queue with its filters, and what a reviewer keeps for themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, func, select

from review_tui import protocol as desk
from workflow.change_control.affected_list import affected_in_force
from workflow.change_control.release import read_live
from workflow.clock import utc_moment
from workflow.desk.seat import Seat, asked, told
from workflow.ledger import morning, queue, saved_views
from workflow.ledger.case_file import find_rivals
from workflow.ledger.claims import all_claims
from workflow.ledger.deputies import stands_in_for
from workflow.ledger.lost_signatures import lost_signatures
from workflow.ledger.queue import Onlooker
from workflow.ledger.queue_filter import Choices, Narrowing, Standing, choices, fits
from workflow.ledger.signing import settle
from workflow.ledger.tables import decisions
from workflow.status import stale_sources

_MOST_OF_A_KIND = 3
"""Notices of one kind on the first screen; the rest are counted."""
_SAVED = TypeAdapter(desk.SavedView)
ON_THE_DESK = frozenset(state.value for state in desk.CandidateState)


class Lists(Seat):
    """The reading half of the desk."""

    def who(self) -> desk.Reviewer:
        """Give the person at the desk and the rules of the site."""
        one = self._policy.signer_profile == "one_signer"
        with self._read() as connection:
            today = self._ledger.clock().date().isoformat()
            away = stands_in_for(connection, self._me, today=today) if self._me else ()
        sitter = self._sitter
        return desk.Reviewer(
            name=sitter.name if sitter else "visitor",
            role=sitter.role if sitter else "reads only",
            needs_pin=sitter is not None and not sitter.scripted,
            site_kind=self._kind,
            signer_profile=desk.SignerProfile.ONE_SIGNER if one else desk.SignerProfile.TWO_SIGNERS,
            account=self._me,
            read_only=sitter is None,
            idle_lock_s=self._rules.idle_lock.total_seconds() if sitter and not sitter.scripted else 0.0,
            stands_in_for=tuple(one.name for one in away),
        )

    def summary(self) -> desk.Summary:
        """Give the first screen's figures, once what was deferred until today or lost its signatures is back."""
        now = self._ledger.clock()
        if self._sitter is not None:
            with told():
                settle(self._ledger, self._policy)
        with self._read() as connection:
            load = queue.workload(connection, self._me)
            stale = stale_sources(connection, self._rules.sources, today=now.date())
            counts = queue.count_views(connection, self._onlooker(connection))
            return desk.Summary(
                items=load.items,
                minutes=load.minutes,
                urgent=load.urgent,
                unsigned=load.unsigned,
                outcomes=tuple(
                    desk.OutcomeLine(outcome.count, outcome.words) for outcome in morning.outcomes(connection, now=now)
                ),
                stale_sources=tuple(source.words for source in stale),
                notices=self._notices(connection, now),
                decided_today=self._decided(connection, now),
                high_left=load.high,
                mine=counts[queue.QueueView.MINE],
            )

    def counts(self) -> desk.QueueCounts:
        """Count every view."""
        with self._read() as connection:
            counts = queue.count_views(connection, self._onlooker(connection))
        return desk.QueueCounts(**{view.value: count for view, count in counts.items()})

    def queue(
        self,
        view: desk.QueueView,
        search: str = "",
        filters: desk.QueueFilter = desk.NO_FILTER,
        order: desk.QueueOrder = desk.QueueOrder.RISK,
    ) -> Sequence[str]:
        """List the candidate ids of a view that search and filter leave, in that order."""
        with self._read() as connection:
            onlooker = self._onlooker(connection)
            ids = queue.queue_ids(connection, queue.QueueView(view.value), onlooker, queue.QueueOrder(order.value))
            if not search.strip() and filters.is_empty:
                return ids
            facets = self._facets.of(connection, ids)
            standing = None if filters.is_empty else self._standing(connection, onlooker)
        words = search.casefold().split()
        found = [name for name in ids if name in facets and all(word in facets[name].text for word in words)]
        if standing is None:
            return found
        wanted = _narrowing(filters)
        return [name for name in found if fits(name, facets[name], wanted, standing)]

    def rows(self, candidate_ids: Sequence[str]) -> Sequence[desk.QueueRow]:
        """Give the lines of a page of ids."""
        now = self._ledger.clock()
        with self._read() as connection:
            rows = queue.queue_rows(connection, self._policy, candidate_ids, self._onlooker(connection))
        return [_row(row, now) for row in rows if row.state.value in ON_THE_DESK]

    def filter_choices(self, view: desk.QueueView) -> desk.FilterChoices:
        """List the values that a filter of this view can take, with their counts."""
        with self._read() as connection:
            onlooker = self._onlooker(connection)
            ids = queue.queue_ids(connection, queue.QueueView(view.value), onlooker)
            found = choices(ids, self._facets.of(connection, ids), self._standing(connection, onlooker))
        return _choices(found)

    def saved_views(self) -> Sequence[desk.SavedView]:
        """List this reviewer's saved views by name; one that this version cannot read is left out."""
        with self._read() as connection:
            bodies = saved_views.read_views(connection, self._me)
        return [view for body in bodies.values() if (view := _saved_view(body)) is not None]

    def save_view(self, view: desk.SavedView) -> None:
        """Keep a view under its name."""
        me = self._reviewer().reviewer_id
        with asked():
            saved_views.save_view(self._ledger, me, view.name, _SAVED.dump_json(view).decode())

    def drop_view(self, name: str) -> None:
        """Forget a saved view."""
        with asked():
            saved_views.drop_view(self._ledger, self._reviewer().reviewer_id, name)

    def place(self) -> str:
        """Give back where this reviewer left off."""
        with self._read() as connection:
            return saved_views.read_place(connection, self._me)

    def keep_place(self, place: str) -> None:
        """Remember where this reviewer is."""
        with asked():
            saved_views.keep_place(self._ledger, self._reviewer().reviewer_id, place)

    def _standing(self, connection: Connection, onlooker: Onlooker) -> Standing:
        held = all_claims(connection, now=onlooker.now)
        return Standing(
            now=self._ledger.clock(),
            holders={name: one.name for name, one in held.items()},
            in_conflict=frozenset(find_rivals(connection)),
        )

    def _decided(self, connection: Connection, now: datetime) -> int:
        query = select(func.count()).select_from(decisions).where(decisions.c.reviewer_id == self._me)
        return int(connection.execute(query.where(decisions.c.signed_at >= now.date().isoformat())).scalar_one())

    def _notices(self, connection: Connection, now: datetime) -> tuple[str, ...]:
        struck = affected_in_force(connection, self._rules.affected, today=now.date())
        lost = [f"signed, and not live: {one.line}" for one in lost_signatures(connection, now=now)]
        lines = [
            *_first([item.line for item in struck], "more edits in force are affected: A lists them"),
            *_first(lost, "more were signed and are not live: medrek-flow status names them"),
        ]
        live = read_live(connection)
        if live is not None and live.stopped:
            lines.append("the served model is stopped: the bare base model answers")
        waiting = morning.fixes_in_rehearsal(connection, self._me)
        if waiting:
            lines.append(f"{waiting} that you corrected wait for a rehearsal, and then for your signature")
        return tuple(lines)


def _first(lines: Sequence[str], rest: str) -> list[str]:
    more = len(lines) - _MOST_OF_A_KIND
    return [*lines[:_MOST_OF_A_KIND], *([f"{more} {rest}"] if more > 0 else [])]


def _narrowing(filters: desk.QueueFilter) -> Narrowing:
    return Narrowing(
        risks=tuple(map(str, filters.risks)),
        actions=tuple(map(str, filters.actions)),
        relations=filters.relations,
        subjects=filters.subjects,
        drug_classes=filters.drug_classes,
        sources=filters.sources,
        change_kinds=filters.change_kinds,
        claimed_by=filters.claimed_by,
        flagged=filters.flagged,
        in_conflict=filters.in_conflict,
        at_least_days=filters.at_least_days,
        at_most_days=filters.at_most_days,
    )


def _choices(found: Choices) -> desk.FilterChoices:
    values = {
        name: tuple(desk.FilterValue(value, count) for value, count in counted)
        for name, counted in found.by_field.items()
    }
    return desk.FilterChoices(**values, flagged=found.flagged, in_conflict=found.in_conflict)


def _saved_view(body: str) -> desk.SavedView | None:
    try:
        return _SAVED.validate_json(body)
    except ValidationError:
        return None


def _row(row: queue.QueueRow, now: datetime) -> desk.QueueRow:
    return desk.QueueRow(
        candidate_id=row.candidate_id,
        state=desk.CandidateState(row.state.value),
        action=desk.Action(row.action.value),
        risk=desk.Risk(row.risk.value),
        subject=row.subject,
        qualifiers=", ".join(row.qualifiers),
        relation=row.relation,
        summary_old=row.object_old or "",
        summary_new=row.object_new,
        age_text=_age(row.created_at, now),
        flags_count=len(row.flags),
        conflict=row.in_conflict,
        mark=desk.Verdict(row.mark.value) if row.mark else None,
        signatures=f"{row.given}/{row.required}",
        claimed_by=row.claimed_by,
        has_draft=row.has_draft,
        comments=row.comments,
    )


def _age(created_at: str, now: datetime) -> str:
    minutes = max(0, int((now - utc_moment(created_at)).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
