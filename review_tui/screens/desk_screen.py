"""What every screen of the desk has: the top line, the message line, the keys, and calls that may fail.

A desk call that fails becomes one line on the screen; it never ends the sitting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import ClassVar, ParamSpec, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.screen import Screen

from review_tui.actions import Scope
from review_tui.errors import DeskError
from review_tui.modals.help_modal import HelpModal
from review_tui.modals.sign_modal import SignModal
from review_tui.protocol import MarkRequest, MarkResult, SignResult
from review_tui.sitting import Sitting
from review_tui.widgets.key_line import KeyLine
from review_tui.widgets.message_line import MessageLine, Tone
from review_tui.widgets.top_line import TopLine
from review_tui.words import counted

P = ParamSpec("P")
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class DeskScreen(Screen[str | None]):
    """Base of the three screens."""

    SCOPE: ClassVar[Scope]
    AUTO_FOCUS = ""

    def __init__(self, sitting: Sitting) -> None:
        """Build the lines that every screen has."""
        super().__init__()
        self.sitting = sitting
        self.top_line = TopLine(sitting.reviewer)
        self.message_line = MessageLine()

    def compose(self) -> ComposeResult:
        """Lay out top line, body, message and keys."""
        yield self.top_line
        yield from self.compose_body()
        yield self.message_line
        yield KeyLine(self.SCOPE)

    def compose_body(self) -> ComposeResult:
        """Lay out what this screen is for."""
        raise NotImplementedError

    def on_screen_resume(self) -> None:
        """Read again what may have changed while another screen was on top.

        Textual calls this handler of every class; a screen that wants another behaviour overrides ``come_back``.
        """
        self.come_back()

    def come_back(self) -> None:
        """Read everything again."""
        self.reload()

    def reload(self) -> None:
        """Start reading what this screen shows."""
        raise NotImplementedError

    def action_reload(self) -> None:
        """Read again by key."""
        self.reload()

    async def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Give the desk's answer to a reading call, or None after saying on the screen why there is none."""
        try:
            return await self.sitting.read(call, *args, **kwargs)
        except DeskError as error:
            self.say(str(error), Tone.FAILED)
        except Exception as error:  # noqa: BLE001 - the sitting outlives whatever breaks behind the protocol
            _LOG.error("desk call failed", extra={"error": type(error).__name__})
            self.say(f"The desk failed to answer ({type(error).__name__}). F5 tries again.", Tone.FAILED)
        return None

    async def save(self, request: MarkRequest) -> MarkResult | None:
        """Save a mark; None where the desk failed: the mark is then kept in the sitting and the reason said."""
        try:
            result = await self.sitting.write(self.sitting.desk.mark, request)
        except DeskError as error:
            words = str(error)
        except Exception as error:  # noqa: BLE001 - a mark is never lost, whatever breaks behind the protocol
            _LOG.error("mark not saved", extra={"error": type(error).__name__})
            words = f"the desk failed ({type(error).__name__})."
        else:
            if result.saved:
                self.sitting.saved(request)
            return result
        self.sitting.keep(request, words)
        self.say(f"The mark could not be saved: {words} It is kept here; S tries again.", Tone.FAILED)
        return None

    async def unmark(self, candidate_id: str) -> bool:
        """Take a mark back and say what became of it; tell whether it is gone."""
        try:
            result = await self.sitting.write(self.sitting.desk.unmark, candidate_id)
        except DeskError as error:
            self.say(f"The mark stands: {error}", Tone.FAILED)
            return False
        except Exception as error:  # noqa: BLE001 - the sitting outlives whatever breaks behind the protocol
            _LOG.error("mark not taken back", extra={"error": type(error).__name__})
            self.say(f"The mark stands: the desk failed ({type(error).__name__}).", Tone.FAILED)
            return False
        if not result.saved:
            self.say(f"The mark stands: {' '.join(refusal.words for refusal in result.refusals)}", Tone.ASK)
            return False
        self.sitting.forget(candidate_id)
        self.say(f"The mark on {candidate_id} is taken back.", Tone.DONE)
        return True

    def say(self, words: str, tone: Tone = Tone.QUIET) -> None:
        """Show one message above the keys."""
        self.message_line.say(words, tone)

    async def refresh_top_line(self) -> None:
        """Show how many marks wait for the signature."""
        counts = await self.ask(self.sitting.desk.counts)
        if counts is not None:
            self.top_line.show_unsigned(counts.marked, len(self.sitting.unsaved))

    def action_help(self) -> None:
        """Show the keys of this screen."""
        self.app.push_screen(HelpModal(self.SCOPE))

    async def action_leave(self) -> None:
        """Leave the desk, through the app, which asks where marks would be lost."""
        await self.app.run_action("leave")

    def action_sign(self) -> None:
        """List what is marked and take the signature."""
        self._sign()

    @work(group="sign", exclusive=True)
    async def _sign(self) -> None:
        await self._save_again()
        marks = await self.ask(self.sitting.desk.marks)
        if marks is None:
            return
        if not marks:
            if not self.sitting.unsaved:
                self.say("Nothing is marked. Open a candidate and mark it first.", Tone.ASK)
            return
        mark_ids = tuple(mark.mark_id for mark in marks)
        sign = partial(self._sign_these, mark_ids)
        modal = SignModal(self.sitting.reviewer, marks, sign, self.sitting.guard, len(self.sitting.unsaved))
        result = await self.app.push_screen_wait(modal)
        if result is None:
            self.say("Nothing was signed; the marks are kept.")
        else:
            self._tell_signed(result)

    async def _sign_these(self, mark_ids: tuple[str, ...], pin: str) -> SignResult:
        return await self.sitting.write(self.sitting.desk.sign, mark_ids, pin)

    async def _save_again(self) -> None:
        for unsaved in list(self.sitting.unsaved.values()):
            result = await self.save(unsaved.request)
            if result is not None and not result.saved:
                words = " ".join(refusal.words for refusal in result.refusals)
                self.sitting.keep(unsaved.request, words)
                self.say(f"{unsaved.request.candidate_id} could not be saved: {words}", Tone.FAILED)
        await self.refresh_top_line()

    def _tell_signed(self, result: SignResult) -> None:
        for candidate_id in result.signed:
            self.sitting.forget(candidate_id)
        told = f"{counted(len(result.signed), 'decision')} signed"
        if result.refused:
            self.say(f"{told}; {counted(len(result.refused), 'mark')} refused and kept.", Tone.ASK)
        else:
            self.say(f"{told}.", Tone.DONE)
        self.reload()
