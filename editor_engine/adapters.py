"""Low-rank adapters on chosen linear layers of a frozen text encoder; identity at the start.

The layer stays what it is: ``W x + (alpha / r) B A x`` is added to its output by a hook, with B = 0 at first. Only A
and B are trained and stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from editor_engine.errors import EncoderError
from editor_engine.stored_weights import read_weights, weights_sha256, write_weights


class LowRankAdapter(nn.Module):
    """``B A x``, zero at the start. Shape: [..., d_in] -> [..., d_out].

    Args:
        width_in: d_in.
        width_out: d_out.
        rank: r.
    """

    def __init__(self, width_in: int, width_out: int, rank: int) -> None:
        super().__init__()
        self.down = nn.Linear(width_in, rank, bias=False)
        self.up = nn.Linear(rank, width_out, bias=False)
        nn.init.kaiming_uniform_(self.down.weight, a=math.sqrt(5))
        nn.init.zeros_(self.up.weight)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = linear(linear(x, self.down.weight.to(x.dtype)), self.up.weight.to(x.dtype))
        return added


class Adapters(nn.Module):
    """The adapters of one encoder, by the name of the layer they sit on.

    Tensor names: ``<layer>.down.weight`` [r, d_in] and ``<layer>.up.weight`` [d_out, r].

    Args:
        model: the encoder; its layers get a hook each, its weights are left alone.
        layers: ends of the names of the linear layers to adapt.
        rank: r.
        seed: of the start weights.

    Raises:
        EncoderError: no linear layer of the encoder has a name with one of these ends.
    """

    def __init__(self, model: Any, *, layers: Sequence[str], rank: int, seed: int = 0) -> None:
        super().__init__()
        chosen = [
            (name, layer)
            for name, layer in model.named_modules()
            if isinstance(layer, nn.Linear) and name.endswith(tuple(layers))
        ]
        if not chosen or not layers:
            linear = sorted(
                {name.split(".", 3)[-1] for name, layer in model.named_modules() if isinstance(layer, nn.Linear)}
            )
            raise EncoderError(
                f"Adapters: expected linear layers that end in {list(layers)}, the encoder has {linear[:8]}; "
                "name some of those"
            )
        self.names = [name for name, _ in chosen]
        self.on = True
        """Off, the layers give what they gave before; for several sets of adapters on one encoder."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.parts = nn.ModuleList(
                LowRankAdapter(layer.in_features, layer.out_features, rank) for _, layer in chosen
            )
        for adapter, (_, layer) in zip(self.parts, chosen, strict=True):
            layer.register_forward_hook(self._adding(adapter))

    def weights(self) -> dict[str, Tensor]:
        """The adapters' weights under the names of the layers they sit on."""
        return {
            f"{name}.{inner}": tensor
            for name, adapter in zip(self.names, self.parts, strict=True)
            for inner, tensor in adapter.state_dict(keep_vars=True).items()
        }

    def digest(self) -> str:
        """Sha256 over names, shapes and bytes of the weights."""
        return weights_sha256(self.weights())

    def save(self, path: Path) -> None:
        """Write the weights as safetensors under their own names."""
        write_weights(self.weights(), path)

    def load(self, path: Path) -> None:
        """Take the weights of a file whose names and shapes fit exactly.

        Raises:
            EncoderError: the file is missing, unreadable, has other names or shapes, or holds a NaN.
        """
        own = self.weights()
        found = read_weights(path, own, what="Adapters", remedy="they belong to another text encoder or preset")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(found[name])

    def _adding(self, adapter: nn.Module) -> Any:
        """A forward hook that adds the adapter's output to the layer's."""

        def add(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            if not self.on:
                return output
            added: Tensor = output + adapter(inputs[0])
            return added

        return add
