"""What people at one desk do together: claims, comments, deputies, the lock of an idle screen, flagged answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from review_tui import protocol as desk
from workflow.clock import utc_moment
from workflow.desk.seat import Seat, asked, told
from workflow.identity import WrongPinError, check_pin, list_reviewers
from workflow.ledger import claims, comments, deputies
from workflow.ledger.wrong_answers import WrongAnswer, flag_answer


class Together(Seat):
    """The sharing half of the desk."""

    def claim(self, candidate_id: str, *, take_over: bool = False) -> desk.ClaimResult:
        """Say that this reviewer works on a candidate; give who does."""
        me = self._reviewer().reviewer_id
        with told():
            held = claims.claim(self._ledger, candidate_id, me, lasts=self._rules.claim_lasts, take_over=take_over)
        return desk.ClaimResult(held.reviewer_id == me, held.name, utc_moment(held.until))

    def release_claim(self, candidate_id: str) -> None:
        """Give this reviewer's own claim back."""
        with told():
            claims.release_claim(self._ledger, candidate_id, self._reviewer().reviewer_id)

    def comment(self, candidate_id: str, text: str) -> None:
        """Add a comment and forget the draft of it."""
        with asked():
            comments.add_comment(self._ledger, candidate_id, self._reviewer(), text)

    def keep_draft(self, candidate_id: str, text: str) -> None:
        """Keep an unfinished comment."""
        with asked():
            comments.keep_draft(self._ledger, candidate_id, self._reviewer().reviewer_id, text)

    def people(self) -> Sequence[desk.Person]:
        """List who is enrolled."""
        with told():
            return [desk.Person(one.reviewer_id, one.name, one.role) for one in list_reviewers(self._ledger)]

    def deputies(self) -> Sequence[desk.Deputy]:
        """List who stands in for whom, now and later."""
        today = self._ledger.clock().date()
        with self._read() as connection:
            found = deputies.list_deputies(connection, today=today.isoformat())
        return [
            desk.Deputy(
                deputy_id=one.deputy_id,
                for_name=one.name,
                deputy_name=one.deputy_name,
                first_day=one.first_day,
                last_day=one.last_day,
                mine=one.reviewer_id == self._me,
                active=one.first_day <= today,
            )
            for one in found
        ]

    def name_deputy(self, account: str, first_day: date, last_day: date) -> None:
        """Name who stands in for this reviewer."""
        with asked():
            deputies.name_deputy(
                self._ledger, self._reviewer().reviewer_id, account, first_day=first_day, last_day=last_day
            )

    def end_deputy(self, deputy_id: int) -> None:
        """End what this reviewer named."""
        with asked():
            deputies.end_deputy(self._ledger, self._reviewer().reviewer_id, deputy_id)

    def unlock(self, pin: str) -> str | None:
        """Let the reviewer back to a locked screen, or say why not."""
        reviewer = self._reviewer()
        if reviewer.scripted:
            return None
        try:
            with told():
                check_pin(self._ledger, reviewer.reviewer_id, pin)
        except WrongPinError as error:
            return str(error)
        return None

    def flag(self, wrong: desk.WrongAnswer) -> str:
        """Put an answer that is called wrong into the queue; give its id there."""
        with asked():
            return flag_answer(self._ledger, WrongAnswer(**vars(wrong)), actor=self._reviewer().reviewer_id)
