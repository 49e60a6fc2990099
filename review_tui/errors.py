"""Errors that a review desk may raise, grouped by what the reviewer can do. Owns no text of documents.

A mark that policy refuses is a result (``MarkResult.refusals``), not an error.
"""

from __future__ import annotations


class DeskError(Exception):
    """The desk could not answer. The message is one plain line for the reviewer: what, and the next step."""


class DeskUnavailableError(DeskError):
    """The record cannot be reached just now (locked, disk, network): the same call may work later."""


class NoSuchCandidateError(DeskError):
    """No candidate of that id is on the desk (any more): the list should be read again."""


class KeymapError(DeskError):
    """The reviewer's own keys cannot be worked with. The message is one line; nothing was opened."""
