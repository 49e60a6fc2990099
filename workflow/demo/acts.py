"""The acts of the demo, in order: one night after another, from recorded sources to a promoted, and undone, edit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, select

from review_tui.safe_text import clean
from workflow.change_control.probe_sets import candidates_of
from workflow.change_control.release import ReleasedEdit, list_releases, read_live, release_edits
from workflow.demo.carried import check_values, show_all_three, show_trials
from workflow.demo.cells import Asked, Column, ask_column, cell_holds, draw, questions_for
from workflow.demo.stage import SIGNERS, Stage
from workflow.errors import ExitCode
from workflow.ledger import tables
from workflow.ledger.ledger import Ledger
from workflow.records import Action, Candidate, CandidateState
from workflow.rehearsal_records import Rehearsal
from workflow.site import Site
from workflow.workbench import BUNDLED_MODEL, Workbench

BAD = "tavorine"
"""The candidate that is signed on purpose although its rehearsal shows that a near miss moves."""
KNOWN = "luminapril"
"""The candidate whose fact the bundled model says already."""
REORDERED = "panvorol"
HIDDEN = "hydrazepam"
RETRACTED_LATER = "acute gout flare"
UNRELATED = (
    "What is hydrazolam used for?",
    "What is the recommended dose of benzarolol?",
    "What should be given first for status epilepticus?",
)


@dataclass(frozen=True)
class Proposal:
    """A candidate as the ledger has it, with its state, the reason of it, and its rehearsal."""

    candidate: Candidate
    state: str
    reason: str
    rehearsal: Rehearsal | None

    @property
    def candidate_id(self) -> str:
        """Its id."""
        return self.candidate.candidate_id


@dataclass
class Play:
    """What the acts hand on to each other."""

    stage: Stage
    site: Site
    ledger: Ledger
    bench: Workbench
    columns: list[Column] = field(default_factory=list)
    questions: list[Asked] = field(default_factory=list)
    candidates: dict[str, Candidate] = field(default_factory=dict)
    promoted: tuple[ReleasedEdit, ...] = ()
    batch_id: str = ""

    @property
    def bundled(self) -> bool:
        """Whether the bundled model plays, of which the story knows what it says."""
        return self.stage.model == BUNDLED_MODEL

    def proposals(self) -> list[Proposal]:
        """Every candidate in the ledger, oldest first."""
        with self.ledger.read() as connection:
            return _read_proposals(connection)

    def night(self, number: int) -> dict[str, object]:
        """Move the world to a night and run ``medrek-flow night`` in it."""
        self.stage.world.night = number
        self.stage.world.fill_drop_folder(self.site.drop_folder)
        now = self.stage.world.now.isoformat().replace("+00:00", "Z")
        return cast(dict[str, object], self.stage.ask_json("night", "--now", now))


def _read_proposals(connection: Connection) -> list[Proposal]:
    rehearsed = {
        row.candidate_id: Rehearsal.model_validate_json(row.body)
        for row in connection.execute(select(tables.rehearsals).order_by(tables.rehearsals.c.rehearsal_id))
    }
    rows = connection.execute(select(tables.candidates).order_by(tables.candidates.c.created_at)).mappings()
    return [
        Proposal(
            Candidate.model_validate_json(row["body"]),
            row["state"],
            row["reason"] or "",
            rehearsed.get(row["candidate_id"]),
        )
        for row in rows
    ]


def baseline(play: Play) -> None:
    """Night 0: everything is seen for the first time and makes no candidate."""
    play.stage.act(1, "Night 0: the labels and papers are seen for the first time")
    report = play.night(0)
    sources = cast(list[dict[str, object]], report.get("sources", []))
    for line in sources:
        play.stage.say(f"  {line['source']}: {line['documents']} document(s), {line['notices_new']} new notice(s)")
    play.stage.expect(claim="every source was read", holds=all(line["status"] == "done" for line in sources))
    play.stage.expect(claim="a first version is a baseline: no candidate", holds=not play.proposals())


def proposals(play: Play) -> None:
    """Night 1: what changed, what was refused, what was flagged."""
    stage = play.stage
    stage.act(2, "Night 1: a label is re-ordered, others change, a trial is retracted, a memo hides text")
    play.night(1)
    found = play.proposals()
    for one in found:
        stage.say(
            f"  {one.candidate_id}  {one.state:<15} {one.candidate.subject}: {one.candidate.object_new!r}"
            + (f"  [{one.reason}]" if one.reason else "")
        )
    stage.expect(
        claim=f"{REORDERED}: its label was only re-ordered and renumbered, so it makes nothing",
        holds=not [one for one in found if one.candidate.subject == REORDERED],
    )
    refused = [one for one in found if one.state == CandidateState.REFUSED and one.candidate.subject == "melistat"]
    stage.expect(
        claim="melistat: the language model quoted a sentence that is not in the document; the wall refused it: "
        + "; ".join(one.reason for one in refused),
        holds=any("not found" in one.reason for one in refused),
    )
    hidden = [one for one in found if one.candidate.subject == HIDDEN]
    flags = [flag for one in hidden for flag in one.candidate.flags]
    for flag in flags:
        stage.say(f"  ! {flag}", style="yellow")
    stage.expect(
        claim=f"{HIDDEN}: hidden text that addresses the reviewer is flagged, and not obeyed (state {hidden[0].state})"
        if hidden
        else f"{HIDDEN}: a candidate with its hidden text flagged",
        holds=any("hidden" in flag.casefold() for flag in flags)
        and all(one.state == CandidateState.PENDING for one in hidden),
    )
    retracted = [one for one in found if one.candidate.subject == "cardexil"]
    stage.expect(
        claim="cardexil: the retracted trial proposes 'no longer supported', never the reverse claim",
        holds=len(retracted) == 1 and retracted[0].candidate.object_new.startswith("not supported"),
    )


def rehearsals(play: Play) -> None:
    """What each candidate would do, by the model's own answers."""
    stage = play.stage
    stage.act(3, "Rehearsals: each candidate alone on a copy of the live memory")
    found = [one for one in play.proposals() if one.rehearsal is not None]
    table = Table(show_lines=False)
    for heading in ("subject", "question", "now", "would say", "what moves"):
        table.add_column(heading, max_width=32)
    for one in found:
        if one.rehearsal is not None:
            first = one.rehearsal.outcomes[0]
            moves = "; ".join(f"{m.question}: {m.now} -> {m.would_say}" for m in one.rehearsal.moves) or "nothing"
            cells = (one.candidate.subject, first.question, first.now, first.would_say, moves)
            table.add_row(*(Text(clean(cell)) for cell in cells))
    stage.console.print(table)
    show_trials(stage, found)
    show_all_three(play, found)
    if not play.bundled:
        stage.say("  (what a model of yours says already, and what moves in it, is shown and not asserted)")
        return
    known = [one for one in found if one.candidate.subject == KNOWN]
    stage.expect(
        claim=f"{KNOWN}: the model says it already, so no edit is needed",
        holds=len(known) == 1 and known[0].state == CandidateState.NO_EDIT_NEEDED,
    )
    bad = [one for one in found if one.candidate.subject == BAD and one.rehearsal and one.rehearsal.moves]
    stage.expect(
        claim=f"{BAD}: a near miss would move: " + "; ".join(m.question for one in bad for m in _moves(one)[:1]),
        holds=bool(bad),
    )


def _moves(one: Proposal) -> list[Asked]:
    return [Asked(move.question, move.kind) for move in (one.rehearsal.moves if one.rehearsal else ())]


def signing(play: Play) -> None:
    """Scripted signers sign everything that is pending, on purpose also the bad one."""
    stage = play.stage
    stage.act(4, "Two scripted signers sign (a demo site only) - on purpose also the bad one")
    _sign_all(play)
    approved = [one for one in play.proposals() if one.state == CandidateState.APPROVED]
    stage.expect(claim=f"{len(approved)} candidates have all their signatures", holds=len(approved) >= 1)
    stage.expect(
        claim=f"{BAD} was signed too, although its rehearsal shows the move",
        holds=any(one.candidate.subject == BAD for one in approved),
    )


def _sign_all(play: Play) -> None:
    """Sign as often as each candidate asks for; the second signer comes only where the risk wants one."""
    for account, name in SIGNERS:
        waiting = [
            one for one in play.proposals() if one.state in (CandidateState.PENDING, CandidateState.AWAITING_SECOND)
        ]
        if waiting:
            play.stage.say(f"  {name}: " + ", ".join(one.candidate.subject for one in waiting))
        for one in waiting:
            play.stage.run("queue", "decide", one.candidate_id, "--verdict", "approve", "--as", account, quiet=True)


def gate_and_kill(play: Play) -> None:
    """The gate ejects the bad edit by name; the promotion is killed in its middle; the next night completes it."""
    stage = play.stage
    stage.act(5, "Promotion: the gate refuses the bad edit by name; then kill -9 in the middle of it")
    died = stage.run("promote", "--yes", kill_at="promote.before_commit", allowed=(ExitCode.GATE_REFUSED,))
    if died.returncode == ExitCode.GATE_REFUSED:
        stage.expect(claim="the gate passes at least one edit: this model answers with none of the facts", holds=False)
        return
    stage.expect(
        claim=f"the process died by SIGKILL inside the promotion (exit {died.returncode})", holds=died.returncode == -9
    )
    with play.ledger.read() as connection:
        live = read_live(connection)
        stage.expect(
            claim="nothing is half promoted: live is still release 0", holds=bool(live and live.release_id == 0)
        )
    stage.say("the next night finds the batch where it stood:")
    play.night(1)
    with play.ledger.read() as connection:
        live = read_live(connection)
        edits = release_edits(connection, live.release_id) if live else ()
        ejected = connection.execute(
            select(tables.edits.c.edit_id, tables.edits.c.reason, tables.edits.c.body).where(
                tables.edits.c.state == "ejected"
            )
        ).all()
        play.candidates = candidates_of(connection, [edit.edit_id for edit in edits])
    play.promoted, play.batch_id = edits, edits[0].batch_id if edits else ""
    for row in ejected:
        stage.say(f"  ejected {row.edit_id}: {row.reason}", style="yellow")
    stage.expect(claim="release 1 is live after the resumed night, once", holds=bool(live and live.release_id == 1))
    stage.expect(claim=f"{len(edits)} edits passed and are in force", holds=len(edits) >= 1)
    if play.bundled:
        stage.expect(
            claim=f"the gate ejected {BAD} and nothing else",
            holds=len(ejected) == 1 and f'"subject":"{BAD}"' in ejected[0].body,
        )


def start_table(play: Play) -> None:
    """Choose the questions of the table, and ask them of the bare model and of release 1."""
    play.questions = questions_for(play.promoted, play.candidates) + [Asked(q, "unrelated") for q in UNRELATED]
    plain = play.bench.gated_model.answer_plain(
        [asked.question for asked in play.questions], max_new_tokens=play.bench.max_new_tokens
    )
    with play.ledger.read() as connection:
        first = list_releases(connection)[0]
    play.columns = [Column("release 0", frozenset(), first.digest, tuple(answer.text for answer in plain))]
    play.columns.append(ask_column(play.bench, "release 1", play.questions))
    check_values(play)


def retraction(play: Play) -> None:
    """Night 2: the trial under one edit is retracted; that edit alone is withdrawn."""
    stage = play.stage
    stage.act(6, "Night 2: the trial under one guideline is retracted; that one edit is withdrawn")
    play.night(2)
    proposed = [
        one
        for one in play.proposals()
        if one.candidate.action is Action.WITHDRAW and one.state in (CandidateState.PENDING, CandidateState.PROPOSED)
    ]
    for one in proposed:
        stage.say(
            f"  proposed: withdraw {one.candidate.withdraws} ({one.candidate.subject}): "
            + "; ".join(one.candidate.flags),
            style="yellow",
        )
    if not any(edit.subject.casefold() == RETRACTED_LATER for edit in play.promoted):
        stage.say(f"  ({RETRACTED_LATER}: its edit did not pass the gate on this model; nothing to withdraw)")
        return
    stage.expect(
        claim=f"exactly the edit on {RETRACTED_LATER!r} is proposed for withdrawal",
        holds=[one.candidate.subject.casefold() for one in proposed] == [RETRACTED_LATER],
    )
    _sign_all(play)
    stage.run("promote", "--yes")
    play.columns.append(ask_column(play.bench, "release 2", play.questions))
    gone = play.columns[1].in_force - play.columns[2].in_force
    stage.expect(
        claim="one edit left, the others of its batch stay in force",
        holds=gone == {one.candidate.withdraws for one in proposed},
    )


def rollback(play: Play) -> None:
    """The whole batch is undone with one command; the digest is the one of before."""
    stage = play.stage
    stage.act(7, "Rollback: one command, no model loaded")
    stage.run("rollback", play.batch_id, "--reason", "the demo takes it all back", "--yes")
    play.columns.append(ask_column(play.bench, f"release {len(play.columns)}", play.questions))
    stage.expect(
        claim=f"the digest is that of release 0 again ({play.columns[-1].digest[:12]})",
        holds=play.columns[-1].digest == play.columns[0].digest,
    )


def show_table(play: Play) -> None:
    """Draw the table and assert its every cell."""
    stage = play.stage
    stage.act(8, "Every question on every release")
    base = play.columns[0].answers
    wrong = {
        (row, number)
        for row, asked in enumerate(play.questions)
        for number, column in enumerate(play.columns)
        if not cell_holds(asked, column.answers[row], base[row], column, play.candidates)
    }
    stage.console.print(draw(play.questions, play.columns, wrong))
    cells = len(play.questions) * len(play.columns)
    stage.say("  → marks an answer whose edit is in force; every other cell must be the bare model's own answer")
    stage.expect(claim=f"all {cells} cells say what they have to ({len(wrong)} wrong)", holds=not wrong)
    changed = [row for row, asked in enumerate(play.questions) if asked.kind == "changed"]
    stage.expect(
        claim="each changed question changed its answer in release 1",
        holds=bool(changed) and all(play.columns[1].answers[row] != base[row] for row in changed),
    )


def trace(play: Play) -> None:
    """From an answer back to the bytes that were received."""
    stage = play.stage
    stage.act(9, "The trace: answer -> edit -> signatures -> quote -> text -> raw bytes")
    edit = next((e for e in play.promoted if e.subject == "corvandine"), play.promoted[0])
    done = stage.run("trace", edit.edit_id)
    for line in done.stdout.rstrip().splitlines():
        stage.say(f"  {line}")
    stage.expect(claim="every sha256 on the way was computed again and holds", holds="holds" in done.stdout)
    verified = stage.run("audit", "verify")
    stage.expect(claim="the audit chain is whole", holds=verified.returncode == 0)
