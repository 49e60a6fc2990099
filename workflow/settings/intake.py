"""How changed sentences become candidates, and which of them concern the site."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from workflow.settings.parts import Count, Line, Seconds, Table, Url, VariableName

Price = Annotated[float, Field(ge=0)]


class ExtractionTable(Table):
    """How candidates are drawn from changed sentences."""

    backend: Literal["rules", "openai", "local"] = "rules"
    """"rules" needs no model and sends nothing anywhere; "openai" asks any OpenAI-compatible server; "local" runs a
    model of transformers in this process, held to the schema (install medrek-flow[local-llm])."""
    base_url: Url = "http://127.0.0.1:8000/v1"
    """Where that server answers."""
    model: Line = ""
    """Its name for the model, for backend "openai"; the model's folder, relative to the site, for backend "local"."""
    api_key_env: VariableName = "MEDREK_FLOW_LLM_API_KEY"
    """Environment variable that holds its key; unset means none is sent."""
    allow_private: bool = False
    """Whether the server may be at a private or loopback address, and then without TLS."""
    max_calls: Count = 500
    """Calls a night; what is left over waits for the next one."""
    max_tokens: Count = 1_000_000
    """Tokens a night, prompts and replies together."""
    max_minutes: Seconds = 240.0
    """Minutes a night from the first call on; what is left over waits for the next one."""
    max_cost: Seconds | None = None
    """Most that a night's tokens may cost, in the currency of the prices; unset means no bound."""
    prompt_price: Price = 0.0
    """Price of a million tokens of prompts, for max_cost."""
    reply_price: Price = 0.0
    """Price of a million tokens of replies, for max_cost."""
    max_per_source: Count = 500
    """Candidates that one source may propose in a night; what is left of a flood waits, and the report says so."""
    concurrency: Annotated[int, Field(ge=1, le=32)] = 2
    """Documents that the server is asked about at once; results stay in order of arrival."""
    runs: Annotated[int, Field(ge=1, le=2)] = 2
    """Times that a document with facts is asked about; with 2, what both runs name stands first in the queue."""
    entailment: bool = True
    """Whether each fact is shown to the model once more with its quote alone: supported, contradicted, not stated."""
    wordings: bool = True
    """Whether the model adds paraphrases and near misses to the house's; each is checked before it counts."""
    timeout_s: Seconds = 120.0
    """Seconds to wait for one reply; a local server without a GPU is slow."""


class ScopeTable(Table):
    """What this site cares about. A list that is empty lets everything in."""

    drugs: tuple[Line, ...] = ()
    """Formulary: generic names. What concerns none of them is counted and searchable, never pending."""
    conditions: tuple[Line, ...] = ()
    """Conditions, as questions name them."""
    formulary_file: Line | None = None
    """CSV of your formulary, relative to the site: a column "ingredient", a column "rxcui", or both. Adds to drugs."""
    vocabulary_file: Line | None = None
    """Names and ids of drugs, relative to the site: RxNorm's RXNCONSO.RRF (with RXNREL.RRF beside it, for brands and
    salts), or a table with the columns id and name. A drug that it does not hold is marked for attention."""
    conditions_file: Line | None = None
    """Names and ids of conditions: MeSH descriptors as NLM gives them, XML or ASCII, or such a table."""
    watch_pmids: tuple[Annotated[str, Field(pattern=r"^[0-9]{1,9}$")], ...] = ()
    """Papers that the site's guidance rests on: any notice about one of them is in scope, and PubMed is asked for each
    of them once a week. Papers that edits rest on are watched without being named here."""
    watch_dois: tuple[Annotated[str, Field(pattern=r"^10\.[0-9]{4,9}/[^\s]+$")], ...] = ()
    """The same by DOI; Crossref is asked for these."""
