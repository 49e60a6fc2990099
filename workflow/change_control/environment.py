"""What an engine is made of: models by digest, number format, device and library versions; and what differs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from workflow.records import Record

if TYPE_CHECKING:
    from editor_engine import EditedModel

_LIBRARIES = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "medrek-flow")


class Environment(Record):
    """Everything besides the memory that an answer can depend on."""

    base_model: str
    base_model_digest: str
    encoder_digest: str
    thresholds: str
    dtype: str
    """``unknown`` for a base model behind a server."""
    device: str
    max_new_tokens: int
    libraries: dict[str, str]

    def differences(self, now: Environment) -> tuple[str, ...]:
        """Lines for what is another one now; empty where nothing is."""
        fields = ("base_model_digest", "encoder_digest", "thresholds", "dtype", "device", "max_new_tokens")
        lines = [
            f"{name.replace('_', ' ')} {_short(getattr(self, name))} -> {_short(getattr(now, name))}"
            for name in fields
            if getattr(self, name) != getattr(now, name)
        ]
        names = sorted({*self.libraries, *now.libraries})
        return (
            *lines,
            *(
                f"{name} {self.libraries.get(name, 'none')} -> {now.libraries.get(name, 'none')}"
                for name in names
                if self.libraries.get(name) != now.libraries.get(name)
            ),
        )

    def is_other_engine(self, now: Environment) -> bool:
        """Whether model, encoder, thresholds or number format differ: what a release or a setting has to say first."""
        return any(
            getattr(self, name) != getattr(now, name)
            for name in ("base_model_digest", "encoder_digest", "thresholds", "dtype")
        )


def environment_of(model: EditedModel, *, max_new_tokens: int) -> Environment:
    """Name what this model answers with."""
    return Environment(
        base_model=model.base.name,
        base_model_digest=model.base.digest,
        encoder_digest=model.encoder.digest,
        thresholds=model.thresholds.to_json(),
        dtype=str(getattr(model.base, "dtype", "unknown")),
        device=str(getattr(model.base, "device", "unknown")),
        max_new_tokens=max_new_tokens,
        libraries={name: _version(name) for name in _LIBRARIES},
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _short(value: object) -> str:
    text = str(value)
    is_digest = len(text) == 64 and not set(text) - set("0123456789abcdef")
    return text[:12] if is_digest else text
