"""What every screen of the desk has: the top line, the message line, the keys, and calls that may fail.

A desk call that fails becomes one line on the screen; it never ends the sitting.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import ClassVar, ParamSpec, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen

from review_tui.action import Scope
from review_tui.action_lines import help_modal
from review_tui.actions import actions_of
from review_tui.errors import DeskError
from review_tui.modals.confirm_modal import ConfirmModal
from review_tui.modals.lock_modal import LockModal
from review_tui.modals.write_modal import WriteModal
from review_tui.protocol import MarkRequest, MarkResult
from review_tui.sitting import Sitting
from review_tui.themes import next_theme
from review_tui.widgets.key_line import KeyLine
from review_tui.widgets.message_line import MessageLine, Tone
from review_tui.widgets.too_small import TooSmall
from review_tui.widgets.top_line import TopLine

P = ParamSpec("P")
T = TypeVar("T")
_LOG = logging.getLogger(__name__)


class DeskScreen(Screen[str | None]):
    """Base of all screens."""

    SCOPE: ClassVar[Scope]
    AUTO_FOCUS = ""

    def __init__(self, sitting: Sitting) -> None:
        """Build the lines that every screen has."""
        super().__init__()
        self.sitting = sitting
        self.is_busy = False
        self.top_line = TopLine(sitting.reviewer)
        self.message_line = MessageLine()
        self.key_line = KeyLine(self.SCOPE, sitting.options.keys)

    def compose(self) -> ComposeResult:
        """Lay out top line, body, message and keys."""
        yield self.top_line
        yield from self.compose_body()
        yield self.message_line
        yield self.key_line
        yield TooSmall()

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

    def went_back_to(self, candidate_ids: Sequence[str]) -> None:
        """Show what an undo or a redo changed."""
        del candidate_ids
        self.reload()

    # calls that may fail

    async def ask(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Give the desk's answer to a reading call, or None after saying on the screen why there is none."""
        try:
            return await self.sitting.read(call, *args, **kwargs)
        except DeskError as error:
            self.say(str(error), Tone.FAILED)
        except Exception as error:  # noqa: BLE001 - the sitting outlives whatever breaks behind the protocol
            self._tell_broken(error, "The desk failed to answer")
        return None

    async def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T] | None:
        """Give what a writing call returned, in a tuple, or None after saying on the screen why nothing was done."""
        try:
            return (await self.sitting.write(call, *args, **kwargs),)
        except DeskError as error:
            self.say(f"Nothing was done: {error}", Tone.FAILED)
        except Exception as error:  # noqa: BLE001 - the sitting outlives whatever breaks behind the protocol
            self._tell_broken(error, "It was not saved: the desk failed")
        return None

    def _tell_broken(self, error: Exception, words: str) -> None:
        _LOG.error("desk call failed", extra={"error": type(error).__name__})
        self.say(f"{words} ({type(error).__name__}). F5 reads again.", Tone.FAILED)

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

    def say(self, words: str, tone: Tone = Tone.QUIET) -> None:
        """Show one message above the keys."""
        self.message_line.say(words, tone)

    async def refresh_top_line(self) -> None:
        """Show how many marks wait for the signature."""
        counts = await self.ask(self.sitting.desk.counts)
        if counts is not None:
            self.top_line.show_unsigned(counts.marked, len(self.sitting.unsaved))

    # asking the reviewer

    async def ask_line(self, title: str, *, about: Content | None = None, is_secret: bool = False) -> str | None:
        """Ask for one line; None where the reviewer went back."""
        written = await self.app.push_screen_wait(WriteModal(title, about=about, is_secret=is_secret))
        return written.text if written.is_done else None

    async def confirm(self, title: str, effect: Content, does: str) -> bool:
        """Show an effect and ask whether to do it."""
        self.sitting.guard.shown()
        modal = ConfirmModal(title, effect, does=does, admits=self.sitting.guard.admits)
        return await self.app.push_screen_wait(modal)

    @property
    def is_too_small(self) -> bool:
        """Whether the terminal is too small to decide anything in."""
        return self.has_class("-too-narrow") or self.has_class("-too-low")

    def may_write(self) -> bool:
        """Tell whether this sitting may change anything; says so where it may not."""
        if self.sitting.reviewer.read_only:
            self.say("You are a visitor here: read only.", Tone.ASK)
        elif self.is_too_small:
            self.say("The terminal is too small to decide anything in.", Tone.ASK)
        else:
            return True
        return False

    # what can be done on every screen

    def action_reload(self) -> None:
        """Read again by key."""
        self.reload()

    def action_help(self) -> None:
        """Show the keys of this screen."""
        self.action_palette()

    def action_palette(self) -> None:
        """Find an action by its name, and do it."""
        self.app.push_screen(help_modal(self.SCOPE, self.sitting.options.keys), self._chosen)

    async def _chosen(self, line: int | None) -> None:
        if line is not None:
            await self.run_action(actions_of(self.SCOPE)[line].id)

    def action_theme(self) -> None:
        """Show the next theme, and keep it for the next sitting."""
        self.app.theme = self.sitting.session.theme = next_theme(self.app.theme)
        self.say(f"Theme: {self.app.theme.removeprefix('desk-')}")

    def action_lock(self) -> None:
        """Lock the desk."""
        self.app.push_screen(LockModal(self.sitting))

    async def action_leave(self) -> None:
        """Leave the desk, through the app, which asks where marks would be lost."""
        await self.app.run_action("leave")

    def start(self, flow: Callable[[], Awaitable[None]]) -> None:
        """Begin something that asks and writes, unless this page is in the middle of something."""
        if not self.may_write():
            return
        if self.is_busy:
            self.say("Still busy with the last thing.", Tone.ASK)
            return
        self.is_busy = True
        self._flow(flow)

    @work(group="write")
    async def _flow(self, flow: Callable[[], Awaitable[None]]) -> None:
        try:
            await flow()
        finally:
            self.is_busy = False

    def action_sign(self) -> None:
        """List what is marked and take the signature."""
        from review_tui.screens.signing import sign_marks

        self.start(partial(sign_marks, self))

    def action_undo(self) -> None:
        """Take the last step back."""
        from review_tui.screens.stepping import step_back

        self.start(partial(step_back, self))

    def action_redo(self) -> None:
        """Do again what was taken back last."""
        from review_tui.screens.stepping import step_on

        self.start(partial(step_on, self))

    def action_flag_answer(self) -> None:
        """Put an answer that is called wrong into the queue."""
        from review_tui.screens.flagging import flag_answer

        self.start(partial(flag_answer, self))

    def action_go_batches(self) -> None:
        """Show the batches."""
        from review_tui.screens.batches_screen import BatchesScreen

        self._go(BatchesScreen)

    def action_go_releases(self) -> None:
        """Show the releases."""
        from review_tui.screens.releases_screen import ReleasesScreen

        self._go(ReleasesScreen)

    def action_go_affected(self) -> None:
        """Show the edits that rest on something taken back."""
        from review_tui.screens.affected_screen import AffectedScreen

        self._go(AffectedScreen)

    def _go(self, screen: Callable[[Sitting], DeskScreen]) -> None:
        if self.sitting.releases is None:
            self.say("This desk has no batches and releases behind it.", Tone.ASK)
        elif screen is not type(self):
            self.app.push_screen(screen(self.sitting))
