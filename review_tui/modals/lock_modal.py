"""Covers the desk until the reviewer's PIN is given again; what is under it stays as it was."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from review_tui.errors import DeskError
from review_tui.safe_text import line_content
from review_tui.sitting import Sitting


class LockModal(ModalScreen[None]):
    """Shows nothing of the desk. Only the PIN, or leaving altogether, gets past it."""

    AUTO_FOCUS = "#pin"

    def __init__(self, sitting: Sitting) -> None:
        """Lock this sitting."""
        super().__init__()
        self._sitting = sitting
        self._pin = Input(password=True, id="pin", placeholder="PIN", max_length=64)
        self._told = Static(Content(""), classes="told")

    def compose(self) -> ComposeResult:
        """Lay out whose desk it is, and the PIN."""
        with Vertical(classes="box"):
            yield Static(line_content(f"The desk of {self._sitting.reviewer.name} is locked", "bold $text-primary"))
            yield self._pin
            yield self._told

    def on_mount(self) -> None:
        """Ask for the PIN, where the desk has one."""
        self._pin.display = self._sitting.reviewer.needs_pin
        self._told.update(Content(self._ways_on()))

    def key_enter(self) -> None:
        """Open a desk that has no PIN."""
        if not self._sitting.reviewer.needs_pin:
            self.dismiss(None)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Try a PIN."""
        event.stop()
        if event.value:
            self._unlock(event.value)
        self._pin.value = ""

    @work(group="unlock")
    async def _unlock(self, pin: str) -> None:
        try:
            refused = await self._sitting.write(self._sitting.desk.unlock, pin)
        except DeskError as error:
            refused = str(error)
        except Exception as error:  # noqa: BLE001 - stays locked, whatever broke
            refused = f"The desk failed to answer ({type(error).__name__})."
        if refused is None:
            self.dismiss(None)
        else:
            self._told.update(line_content(f"✗ {refused}  {self._ways_on()}", "bold"))

    def _ways_on(self) -> str:
        unlock = "PIN, then enter: unlocks" if self._sitting.reviewer.needs_pin else "enter: unlocks"
        return f"{unlock}   ctrl+q leaves the desk"
