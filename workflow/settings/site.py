"""Who the site is, and the model whose answers it keeps current."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from workflow.settings.parts import Count, Line, Seconds, Table, VariableName


class SiteTable(Table):
    """Who this site is."""

    name: Line = "unnamed site"
    """Name printed on reports and exports."""
    signer_profile: Literal["one_signer", "two_signer"] = "two_signer"
    """How many people sign high-risk facts. Fixed when the site is made: it must agree with the ledger. The default is
    two, because a wrong dose that one person overlooked is what the second one is for."""


class ModelTable(Table):
    """The language model whose answers are kept current; its weights never change."""

    base: Line = "demo"
    """Folder, Hugging Face id, or "demo": the small bundled model, which answers without a download. Or the http(s)
    address, up to /v1, of an OpenAI-compatible server: facts reach it as text only, and nobody can verify its
    weights."""
    served_model: Line = ""
    """For a server: its name for the model."""
    api_key_env: VariableName = "MEDREK_FLOW_MODEL_API_KEY"
    """For a server: environment variable that holds its key; unset means none is sent."""
    allow_private: bool = False
    """For a server: whether it may be at a private or loopback address, and then without TLS."""
    timeout_s: Seconds = 120.0
    """For a server: seconds for one whole answer."""
    device: Line = "cpu"
    """Where it runs: "cpu", "cuda", "cuda:1". Never chosen silently; a missing GPU is an error."""
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    """CPU threads for the model. 0 chooses: one for a model under 100 million parameters, which more would slow
    down."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Number format. float32 gives the same answers on every machine; a GPU wants bfloat16."""
    max_new_tokens: Count = 48
    """Longest answer, in tokens. Facts are short, and the gate's cost grows with this."""
    carriers: Annotated[tuple[Literal["text", "soft", "refined"], ...], Field(min_length=1)] = (
        "text",
        "soft",
        "refined",
    )
    """How a fact may enter the model; the rehearsal tries these on every candidate and keeps what does best. "text":
    the fact as words. "soft": a prompt, where editor.checkpoint has an encoder for this model. "refined": a prompt
    tuned for this one edit, made only where the others do not take everywhere; a second or so for the bundled model,
    a minute for a large one without a GPU: leave it out there. "text" has to stay: it is what is left where no prompt
    takes."""

    @field_validator("carriers")
    @classmethod
    def _with_text(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "text" not in value:
            raise ValueError('expected "text" among them')
        return value


class EncoderTable(Table):
    """The text encoder that finds the edit a question asks for."""

    name: Line = "embedded"
    """"embedded" (all-MiniLM-L6-v2, installed with the program, checked by sha256), a folder or a Hugging Face id."""


class EditorTable(Table):
    """The trained editor: it finds the edit a question asks for, and may carry it without words in the context."""

    checkpoint: Line = "untrained"
    """"untrained", a folder written by medrek-flow train (relative to the site), or "demo": the one that comes with the
    bundled model. Another one fits the edits in force only after medrek-flow rebase."""
    limits_for: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """For how many edits a trained retrieval's limits are set: more edits, more chances to err. 0: as many as it was
    calibrated for. Another number is a recalibration: it fits the edits in force only after medrek-flow rebase."""
