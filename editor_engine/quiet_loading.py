"""Keeps a library's progress bars off the terminal while weights are read, so that a caller's own screen stays whole.

Never touches what a library has to say in words: its warnings still come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging


@contextmanager
def without_bars() -> Iterator[None]:
    """Draw no bars within the block; they are as they were when it is left."""
    drawn = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if drawn:
            transformers_logging.enable_progress_bar()
