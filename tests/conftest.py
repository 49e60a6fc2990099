"""For every test, and for the processes that tests start: one torch thread, and no word with any hub.

Also the sites that whole-product tests of several folders start from.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.end_to_end.prepared import Prepared

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny models: threads only get into each other's way
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
for _ignored in (signal.SIGHUP, signal.SIGINT):  # a run in the background hands them down ignored, to every process
    if signal.getsignal(_ignored) is signal.SIG_IGN:
        signal.signal(_ignored, signal.SIG_DFL)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Sites made once a session by real commands, to be copied."""
    return Prepared(tmp_path_factory.mktemp("prepared"))
