"""How many CPU threads torch uses: a small model is slowed down by threads, a large one needs them.

Measured on two busy cores: 60 answers of the bundled 4-million-parameter model took 6.3 s of CPU time with two
threads and 0.3 s with one; what is gained by splitting its small matrices is lost many times over by waiting.
"""

from __future__ import annotations

import torch

SMALL_MODEL_PARAMETERS = 100_000_000
"""Below this a single thread is the faster choice on the CPU."""


def choose_threads(parameters: int, *, device: str, wanted: int = 0) -> int:
    """Set and give the number of threads for a model of this size, for the whole process.

    Args:
        parameters: of the base model.
        device: where it runs; away from the CPU the number is left alone.
        wanted: a number to use whatever the size; 0 chooses.
    """
    if wanted:
        torch.set_num_threads(wanted)
    elif device == "cpu" and parameters < SMALL_MODEL_PARAMETERS:
        torch.set_num_threads(1)
    return int(torch.get_num_threads())
