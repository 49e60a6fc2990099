"""The naive model of the review desk: who may decide what, and what stands. Dictionaries and lists, no SQL.

Written from the rules as people read them (design section 9, ``review_policy``), sharing no code with them.
"""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta

from workflow.histories.facts import FIX_TAKEN_BACK, OPEN, RIVALLING, Did, Fact, MadeEdit, Mark, Word
from workflow.histories.paper_site import PEOPLE, StillClock
from workflow.records import Candidate


class DeskBooks:
    """What the naive model knows of facts, people and their decisions."""

    def __init__(self, profile: str, clock: StillClock) -> None:
        """Begin with nothing proposed."""
        self.profile = profile
        self.clock = clock
        self.facts: dict[str, Fact] = {}
        self.edits: dict[str, MadeEdit] = {}
        self.marks: dict[tuple[str, str], Mark] = {}
        self.marked = 0
        self.did: dict[str, list[Did]] = {}
        self.steps = 0
        self.claims: dict[str, tuple[str, datetime]] = {}
        self.versions: dict[str, list[datetime]] = {}
        self.pins: dict[str, list[tuple[datetime, bool]]] = {}
        self.decisions: list[tuple[str, str, str]] = []
        self.snapshots: list[DeskBooks] = []
        self.is_recording = False

    def commit(self) -> None:
        """One transaction is done: what a crash after it must leave."""
        if self.is_recording:
            self.snapshots.append(self.copy())

    def copy(self) -> DeskBooks:
        """Give the books as they are now, under the same clock."""
        kept, clock, was = self.snapshots, self.clock, self.is_recording
        self.snapshots, self.clock, self.is_recording = [], StillClock(), False
        made = deepcopy(self)
        self.snapshots, self.clock, self.is_recording = kept, clock, was
        made.clock = clock
        return made

    @property
    def now(self) -> datetime:
        """The time."""
        return self.clock.now

    def rivals(self, fact: Fact) -> list[datetime]:
        """Since when others say something else of the same thing."""
        if not fact.is_edit or fact.state not in RIVALLING:
            return []
        said = fact.body.object_new
        others = [
            other.created
            for other in self.facts.values()
            if other.is_edit and other.state in RIVALLING and other.key == fact.key and other.body.object_new != said
        ]
        held = [
            edit.at
            for edit in self.edits.values()
            if edit.state in ("live", "in_batch")
            and self.facts[edit.fact].key == fact.key
            and self.facts[edit.fact].body.object_new != said
        ]
        return others + held

    def standing(self, fact: Fact) -> set[str]:
        """Whose approval counts now."""
        last: dict[str, Word] = {word.person: word for word in fact.words if not word.taken_back}
        upset = self.rivals(fact)
        newest = len(self.versions.get(fact.key, ()))
        if newest > fact.version:
            upset = [*upset, self.versions[fact.key][newest - 1]]
        return {
            word.person
            for word in last.values()
            if word.verdict == "approve" and word.wording == fact.wording and all(at < word.at for at in upset)
        }

    def required(self, fact: Fact) -> int:
        """How many must approve."""
        if self.profile == "one_signer" or not fact.is_edit:
            return 1
        return 2 if fact.body.risk == "high" or self.rivals(fact) else 1

    def is_signed(self, fact: Fact) -> bool:
        """Whether enough people approved what is on record."""
        return len(self.standing(fact)) >= self.required(fact)

    def placed(self, fact: Fact) -> str:
        """Where its approvals put it."""
        if self.is_signed(fact):
            return "approved"
        return "awaiting_second" if self.standing(fact) else "pending"

    def propose(self, body: Candidate, version: int, state: str = "proposed") -> bool:
        """A candidate comes; False where the very same is there."""
        name = body.candidate_id
        if name in self.facts:
            return False
        self.facts[name] = Fact(body, version, self.now, state)
        return True

    def rehearse(self, name: str, wording: int) -> None:
        """Somebody asks the model."""
        fact = self.facts[name]
        fact.wording = wording
        if fact.state in ("proposed", "no_edit_needed"):
            fact.state, fact.why = "pending", ""
        self.commit()

    def settle(self) -> None:
        """Wake what was put off until today, and send back what its signatures do not carry any more."""
        today = self.now.date().isoformat()
        for fact in list(self.facts.values()):
            if fact.state == "deferred" and fact.defer_until <= today:
                fact.state, fact.defer_until, fact.why = self.placed(fact), "", "deferred until today"
        self.void()
        self.commit()

    def void(self) -> None:
        """Send back what its signatures do not carry any more."""
        moved = [
            (fact, self.placed(fact)) for fact in self.facts.values() if fact.state in ("approved", "awaiting_second")
        ]
        for fact, state in moved:
            if fact.state != state:
                fact.state, fact.why = state, "void"

    def pin(self, person: str, *, right: bool) -> bool:
        """Whether a PIN lets somebody pass."""
        recent = 0
        for at, was_right in self.pins.get(person, ()):
            if at > self.now - timedelta(minutes=15):
                recent = 0 if was_right else recent + 1
        if recent >= 5:
            return False
        if recent or not right:
            self.pins.setdefault(person, []).append((self.now, right))
        self.commit()
        return right

    def refused(self, person: str, fact: Fact, mark: Mark) -> bool:
        """Whether a choice is not taken."""
        duties = PEOPLE[person].split(",")
        first, second = "reviewer" in duties, "reviewer" in duties or "second_signer" in duties
        standing = self.standing(fact)
        if fact.state not in OPEN or mark.wording != fact.wording or not second or not (first or standing):
            return True
        if mark.verdict == "approve" and ((fact.is_edit and not fact.wording) or person in standing):
            return True
        if mark.verdict == "fix_and_approve" and (not fact.is_edit or mark.fixed == fact.body.object_new):
            return True
        grave = fact.body.risk == "high" or bool(self.rivals(fact))
        if grave and not mark.seen and mark.verdict in ("approve", "fix_and_approve"):
            return True
        return mark.verdict in ("reject", "close") and not mark.reason

    def mark(self, person: str, name: str, mark: Mark) -> bool:
        """Somebody chooses; False where it is refused."""
        holder = self.claims.get(name)
        claimed = holder is not None and holder[0] != person and holder[1] > self.now
        if self.refused(person, self.facts[name], mark) or claimed:
            return False
        before = self.marks.get((name, person))
        self.put_mark(person, name, mark)
        self._did(person, Did(name, before, mark))
        self.commit()
        return True

    def put_mark(self, person: str, name: str, mark: Mark | None) -> None:
        """A mark takes the place of what was there."""
        self.marks.pop((name, person), None)
        if mark is not None:
            self.marked += 1
            mark.at = self.marked
            self.marks[name, person] = mark

    def marks_of(self, person: str) -> list[tuple[str, Mark]]:
        """Somebody's marks, in the order they were made."""
        mine = [(name, mark) for (name, who), mark in self.marks.items() if who == person]
        return sorted(mine, key=lambda one: one[1].at)

    def claim(self, person: str, name: str, *, take_over: bool) -> None:
        """Somebody works on something now."""
        holder = self.claims.get(name)
        if holder is None or holder[0] == person or holder[1] <= self.now or take_over:
            self.claims[name] = (person, self.now + timedelta(minutes=20))
        self.commit()

    def decide(self, person: str, name: str, mark: Mark, fixed: Candidate | None) -> bool:
        """Somebody signs a mark; False where it is refused."""
        fact = self.facts[name]
        if self.refused(person, fact, mark):
            return False
        verdict, replaced_by = mark.verdict, ""
        if verdict == "fix_and_approve" and fixed is not None:
            known = self.facts.get(fixed.candidate_id)
            if known is None:
                self.facts[fixed.candidate_id] = Fact(fixed, fact.version, self.now)
            elif known.state == "closed" and known.why == FIX_TAKEN_BACK:
                known.state, known.why = "proposed", ""
            else:
                return False
            replaced_by = fixed.candidate_id
        over = {"reject": "rejected", "defer": "deferred", "close": "closed", "fix_and_approve": "closed"}
        fact.words.append(Word(person, verdict, mark.wording, self.now))
        fact.state = over.get(verdict) or self.placed(fact)
        fact.replaced_by, fact.why = replaced_by, ""
        fact.defer_until = (self.now + timedelta(days=7)).date().isoformat() if verdict == "defer" else ""
        self.decisions.append((name, person, verdict))
        self._did(person, Did(name, after=mark, word=fact.words[-1]))
        self._clear(person, name, fact.state)
        return True

    def _did(self, person: str, step: Did) -> None:
        self.steps += 1
        self.did.setdefault(person, []).append(step)

    def _clear(self, person: str, name: str, state: str) -> None:
        stays = state in OPEN
        for key in [key for key in self.marks if key[0] == name and (key[1] == person or not stays)]:
            del self.marks[key]
        if name in self.claims and self.claims[name][0] == person:
            del self.claims[name]

    def edit_of(self, name: str) -> tuple[str, str]:
        """Name and state of the edit that was made of a fact; empty where there is none, or its batch was cancelled."""
        found = [(edit, made.state) for edit, made in self.edits.items() if made.fact == name]
        return next((one for one in found if one[1] != "cancelled"), ("", ""))

    def reopen(self, name: str, again: Candidate) -> bool:
        """Somebody puts back what is over, or it comes again where it was an edit; False where it cannot be."""
        fact = self.facts[name]
        is_over = fact.state in ("approved", "rejected", "closed", "no_edit_needed", "batched")
        is_edit = bool(self.edit_of(name)[0])
        is_done = not fact.is_edit and fact.state == "closed" and fact.why.startswith("done in")
        made = self.facts.get(fact.replaced_by)
        if not is_over or is_done or (made and made.state not in ("rejected", "closed", "refused")):
            return False
        if is_edit:
            is_ended = fact.state == "closed" and self.edit_of(name)[1] in ("ejected", "withdrawn")
            if not is_ended or not self.propose(again, fact.version):
                return False
            fact.replaced_by = again.candidate_id
            self.commit()
            return True
        for word in fact.words:
            word.taken_back = True
        fact.state, fact.why, fact.defer_until, fact.replaced_by = "pending", "", "", ""
        self.commit()
        return True

    def undo(self, person: str) -> bool:
        """Somebody takes their last step back; False where it cannot be, or there is none."""
        steps = self.did.get(person, [])
        if not steps:
            return False
        step = steps.pop()
        self.steps += 1
        done = self._undo_mark(person, step) if step.word is None else self._undo_decision(person, step, step.word)
        self.commit()
        return done

    def _undo_mark(self, person: str, step: Did) -> bool:
        now = self.marks.get((step.name, person))
        was = None if step.after is None else step.after.content
        if (None if now is None else now.content) != was or self.facts[step.name].state not in OPEN:
            return False
        self.put_mark(person, step.name, deepcopy(step.before))
        return True

    def _undo_decision(self, person: str, step: Did, word: Word) -> bool:
        fact = self.facts[step.name]
        if word.taken_back or self.edit_of(step.name)[0]:
            return False
        if not fact.is_edit and fact.state == "closed" and fact.why.startswith("done in"):
            return False
        if not self._may_be_undone(person, fact, word):
            return False
        word.taken_back = True
        if word.verdict == "fix_and_approve":
            made = fact.replaced_by
            self.facts[made].state, self.facts[made].why = "closed", FIX_TAKEN_BACK
            for key in [key for key in self.marks if key[0] == made]:
                del self.marks[key]
        fact.state, fact.why, fact.defer_until, fact.replaced_by = self.placed(fact), "", "", ""
        self.put_mark(person, step.name, deepcopy(step.after))
        return True

    def _may_be_undone(self, person: str, fact: Fact, word: Word) -> bool:
        counted = [one for one in fact.words if not one.taken_back]
        if word.verdict == "approve":
            return fact.state in ("awaiting_second", "approved") and person in self.standing(fact)
        if counted[-1] is not word or fact.state != {"reject": "rejected", "defer": "deferred"}.get(
            word.verdict, "closed"
        ):
            return False
        if word.verdict == "fix_and_approve":
            made = self.facts[fact.replaced_by]
            waits = made.state in ("proposed", "pending", "no_edit_needed")
            return waits and all(one.taken_back for one in made.words)
        return True
