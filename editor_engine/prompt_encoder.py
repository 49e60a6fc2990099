"""The prompt encoder: a fact's token states to T soft prompt tokens for the base model (in place of Eq. 11).

The paper attends over one key, so that its softmax is 1 and all T tokens are equal. Here T learned queries attend over
the token states of the fact, so that the prompt can carry the object's words. Untrained, the prompts are noise of the
size of an embedding: enough to carry them end to end, not to make an edit take.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from editor_engine.errors import EncoderError


class PromptEncoder(nn.Module):
    """``P = W_o Attention(Q, W_k H, W_v H) + W_z z_v``: T learned queries Q over the token states H of a fact.

    Shape: states [B, L, d], mask [B, L], z_v [B, d] -> [B, T, H].

    Args:
        width: d of the text encoder.
        hidden_size: H of the base model.
        tokens: T.
        heads: attention heads; must divide the width.
        seed: of the start weights, so that two processes build the same.
    """

    def __init__(self, *, width: int, hidden_size: int, tokens: int = 8, heads: int = 4, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.queries = nn.Parameter(torch.randn(tokens, width))
            self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
            self.output = nn.Linear(width, hidden_size)
            self.summary = nn.Linear(width, hidden_size)
        self.eval()

    def forward(self, states: Tensor, mask: Tensor, z_v: Tensor) -> Tensor:
        queries = self.queries.expand(len(states), -1, -1)
        attended, _ = self.attention(queries, states, states, key_padding_mask=~mask.bool(), need_weights=False)
        prompts: Tensor = self.output(attended) + self.summary(z_v).unsqueeze(1)
        return prompts

    def digest(self) -> str:
        """Sha256 over names, shapes and bytes of the weights."""
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
            raise EncoderError(f"Prompt encoder {path} cannot be read ({type(error).__name__}): restore it") from error
        expected = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        got = {name: tuple(tensor.shape) for name, tensor in weights.items()}
        if expected != got:
            wrong = sorted(name for name in expected.keys() | got.keys() if expected.get(name) != got.get(name))
            raise EncoderError(
                f"Prompt encoder {path} does not fit: expected {expected.get(wrong[0])} for {wrong[0]}, "
                f"got {got.get(wrong[0])}; it belongs to another base model or text encoder"
            )
        self.load_state_dict(weights, strict=True)
