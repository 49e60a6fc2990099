"""The paper's representation model: pooled features x, MLP_qk, MLP_v and the prototype z_pt (Eq. 6-10, 12).

Owns the arithmetic from token states to keys. Knows no tokenizer and no file of the text encoder; never decides
what fires.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import normalize, relu

from editor_engine.errors import EncoderError

UNTRAINED_THRESHOLD = 0.45
"""Eq. 12's threshold for an untrained encoder: the cosine that a key must exceed. Measured, see the README."""

CONSTANT = 2.0**-10
"""The constant coordinate of an untrained key: adds ``CONSTANT ** 2`` (one millionth) to every inner product."""


def pool(states: Tensor, mask: Tensor, *, normalised: bool) -> Tensor:
    """``x = [p; mean(H); max(H); min(H)]`` (Eq. 6-8), padding left out.

    With ``normalised`` each of the four blocks has length 1, so that an inner product of two of them is a cosine;
    the paper's own features are not normalised.

    Shape: states [B, L, d], mask [B, L] (1 = token, right padding) -> [B, 4d].
    """
    real = mask.bool().unsqueeze(-1)
    mean = (states * real).sum(1) / real.sum(1).clamp_min(1)
    largest = states.masked_fill(~real, -torch.inf).amax(1)
    smallest = states.masked_fill(~real, torch.inf).amin(1)
    blocks = [states[:, 0], mean, largest, smallest]
    if normalised:
        blocks = [normalize(block, dim=-1) for block in blocks]
    return torch.cat(blocks, dim=-1)


class ResidualMLP(nn.Module):
    """``ReLU(W2 (W1 x)) + W1 x`` (Eq. 8-10); both layers have a bias, zero where the paper writes none.

    Shape: [B, d_in] -> [B, d_out].
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.w1 = nn.Linear(width_in, width_out)
        self.w2 = nn.Linear(width_out, width_out)

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.w1(x)
        return relu(self.w2(h)) + h

    def select_mean(self, width: int, *, constant: float) -> None:
        """Identity-like start: output = the mean block of x, then (if there is room) a constant; W2 = 0."""
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.zero_()
            self.w1.weight[:width, width : 2 * width] = torch.eye(width)
            if self.w1.out_features > width:
                self.w1.bias[width] = constant


class RepresentationModel(nn.Module):
    """MLP_qk (shared by questions and keys), MLP_v and the prototype z_pt, as one strict state dict.

    Untrained, it works at once: ``W_q1`` selects the normalised mean of the token states (the sentence embedding that
    MiniLM was trained for), ``W_q2 = 0``, and one constant coordinate ``c`` is appended. Then
    ``z_q . z_k = cosine + c^2`` with c^2 of a millionth, and with ``z_pt = (0, ..., 0, theta / c)`` the prototype's
    product ``z_q . z_pt`` is theta for every question: Eq. 12 holds literally. A trained checkpoint replaces the
    weights and nothing else. Tensor names: ``mlp_qk.w1.weight`` [d+1, 4d], ``mlp_qk.w1.bias`` [d+1],
    ``mlp_qk.w2.weight`` [d+1, d+1], ``mlp_qk.w2.bias`` [d+1], the same under ``mlp_v`` with d for d+1, and
    ``prototype`` [d+1].

    Args:
        width: d, the width of the text encoder's token states.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.mlp_qk = ResidualMLP(4 * width, width + 1)
        self.mlp_v = ResidualMLP(4 * width, width)
        self.prototype = nn.Parameter(torch.zeros(width + 1))
        self.mlp_qk.select_mean(width, constant=CONSTANT)
        self.mlp_v.select_mean(width, constant=0.0)
        with torch.no_grad():
            self.prototype[width] = UNTRAINED_THRESHOLD / CONSTANT

    @property
    def key_width(self) -> int:
        """Width of a key, d + 1."""
        return self.width + 1

    def digest(self) -> str:
        """Sha256 over names, shapes and bytes of the weights, so that one changed weight is another encoder."""
        total = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            total.update(f"{name}:{tuple(tensor.shape)}:".encode())
            total.update(tensor.detach().to("cpu", torch.float32).contiguous().numpy().tobytes())
        return total.hexdigest()

    def save(self, path: Path) -> None:
        """Write the weights as safetensors under their own names."""
        save_file({name: tensor.contiguous().cpu() for name, tensor in self.state_dict().items()}, str(path))

    def load(self, path: Path) -> None:
        """Take the weights of a checkpoint whose names and shapes fit exactly.

        Raises:
            EncoderError: the file is missing, unreadable, or has other names or shapes.
        """
        try:
            weights: dict[str, Tensor] = load_file(str(path))
        except (OSError, SafetensorError) as error:
            raise EncoderError(
                f"Encoder weights {path} cannot be read ({type(error).__name__}): restore the file or leave it out"
            ) from error
        expected = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        got = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if expected != got:
            wrong = sorted(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
            raise EncoderError(
                f"Encoder weights {path} do not fit: expected {expected.get(wrong[0])} for {wrong[0]}, "
                f"got {got.get(wrong[0])} ({len(wrong)} tensors differ); train them for this encoder"
            )
        self.load_state_dict(weights, strict=True)
