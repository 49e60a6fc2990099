"""The numbers behind the demo model: its shape, its data mix and its schedule."""

from dataclasses import dataclass

from transformers import LlamaConfig


@dataclass(frozen=True)
class Recipe:
    """One training run; equal recipes and seeds give equal batches."""

    seed: int = 7
    vocabulary_size: int = 1280
    width: int = 256
    layers: int = 4
    heads: int = 8
    mlp_width: int = 512
    steps: int = 2000
    batch_size: int = 64
    micro_batches: int = 4
    """A batch is sorted by length and cut into this many parts, to pad less."""
    peak_rate: float = 2e-3
    warmup_steps: int = 200
    decay_share: float = 0.4
    """Over this last part of the steps the learning rate falls."""
    weight_decay: float = 0.05
    drill_steps: int = 600
    """Over these steps the share of drills falls from the first to the last value."""
    first_drill_share: float = 0.6
    last_drill_share: float = 0.1
    plain_share: float = 0.25
    half_precision: bool = True
    """Forward and backward in bfloat16; weights and optimizer stay in float32."""

    def drill_share(self, step: int) -> float:
        """Share of copying drills at a step."""
        progress = min(step / max(self.drill_steps, 1), 1.0)
        return self.first_drill_share + progress * (self.last_drill_share - self.first_drill_share)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, a constant stretch, then a straight line down to nothing.

        Until the line begins, the rate does not depend on ``steps``: so a run may be given another
        end on the way, and still is the run that had this end from the start.
        """
        if step < self.warmup_steps:
            return self.peak_rate * (step + 1) / self.warmup_steps
        return self.peak_rate * min((self.steps - step) / (self.decay_share * self.steps), 1.0)

    def model_config(self, *, vocabulary_size: int, end_id: int, pad_id: int) -> LlamaConfig:
        """The Llama configuration of that shape."""
        return LlamaConfig(
            vocab_size=vocabulary_size,
            hidden_size=self.width,
            intermediate_size=self.mlp_width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=end_id,
            pad_token_id=pad_id,
        )
