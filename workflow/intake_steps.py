"""The steps of the intake graph over ledger, documents, sources and extraction lanes. Each may be run twice."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from connectors.source import Source
from workflow.intake.affected import propose_withdrawals
from workflow.intake.collect import collect, window_for
from workflow.intake.detect import detect
from workflow.intake.extractor import Extractor
from workflow.intake.flood import Flood, flood_of
from workflow.intake.llm_backend import open_backend
from workflow.intake.llm_budget import LlmUnusableError
from workflow.intake.llm_cache import LedgerCallCache
from workflow.intake.llm_extractor import LlmExtractor
from workflow.intake.llm_questions import LlmQuestions
from workflow.intake.propose import extract_document, read_changes, waiting_documents
from workflow.intake.scope import Scope, read_formulary
from workflow.intake.vocabulary import NO_FILES, NO_VOCABULARY, SiteVocabulary
from workflow.intake.vocabulary_files import read_vocabulary
from workflow.known_things import on_record_of
from workflow.ledger.ledger import Ledger
from workflow.runs import Run
from workflow.settings import CrossrefTable, OpenFdaEnforcementTable, OpenFdaTable, PluginTable, PubMedTable
from workflow.site import Site
from workflow.source_lines import enabled_sources
from workflow.source_seam import open_sources, source_table
from workflow.time_cap import CapReachedError, TimeCap
from workflow.workbench import Bench, rehearse_if_needed

_log = logging.getLogger(__name__)
MOST_SOURCES_AT_ONCE = 6
"""Sources read at the same time, each within its own limits; they share the two cores for parsing."""
CATCH_UP_DAYS = 31
"""Days beyond its overlap that a source is asked for at once. After months without a night the cursor moves part by
part, so that a failure half way costs one part; an ordinary night is one."""
_SLICED = (PubMedTable, CrossrefTable, OpenFdaTable, OpenFdaEnforcementTable, PluginTable)
"""Sources that are asked for a last day too; the others give everything from a day on, and would give it each time."""
_NO_LIMIT_DAYS = 36_500
Progress = Callable[[str, int, int], None]


@dataclass
class Seams:
    """What a run talks to outside the ledger: sources, and the language model where the settings have one."""

    run: Run
    source_names: tuple[str, ...]
    sources: tuple[Source, ...]
    llm: LlmExtractor | None
    llm_model: str
    scope: Scope
    vocabulary: SiteVocabulary = NO_FILES
    wordings: LlmQuestions | None = None
    failed: dict[str, str] = field(default_factory=dict)
    """Documents for which the language model gave nothing usable, each with the reason in our own words."""
    floods: dict[str, Flood] = field(default_factory=dict)
    """Sources that proposed more than one source may in a night; their other documents wait."""

    @classmethod
    @contextmanager
    def open(cls, site: Site, ledger: Ledger, run: Run, only_sources: tuple[str, ...]) -> Iterator[Seams]:
        """Open the HTTP clients of a run, closed at the end.

        Raises:
            SettingsError: an address or a key is not what the settings allow.
        """
        enabled = enabled_sources(site)
        names = tuple(name for name in enabled if not only_sources or name in only_sources)
        with ExitStack() as stack:
            scope = site_scope(site)
            known = on_record_of(ledger, names, scope)
            sources = stack.enter_context(open_sources(site, names, on_record=known))
            llm, wordings = _open_llm(site, ledger, run, stack)
            model = site.settings.extraction.model if llm else ""
            yield cls(run, enabled, sources, llm, model, scope, site_vocabulary(site), wordings)

    @property
    def failed_documents(self) -> tuple[str, ...]:
        """Documents for which the language model gave nothing usable; their changes stay waiting."""
        return tuple(self.failed)


def site_scope(site: Site) -> Scope:
    """Gather what a site cares about from its settings and its formulary file.

    Raises:
        SettingsError: the formulary file cannot be used.
    """
    lists = site.settings.scope
    drugs, rxcuis = read_formulary(site.root / lists.formulary_file) if lists.formulary_file else ((), frozenset[str]())
    return Scope((*lists.drugs, *drugs), lists.conditions, lists.watch_pmids, lists.watch_dois, rxcuis)


def site_vocabulary(site: Site) -> SiteVocabulary:
    """Read the site's vocabulary files.

    Raises:
        SettingsError: one of them cannot be used.
    """
    lists = site.settings.scope
    drugs, conditions = (
        read_vocabulary(site.root / name, what=f"scope.{field}") if name else NO_VOCABULARY
        for field, name in (("vocabulary_file", lists.vocabulary_file), ("conditions_file", lists.conditions_file))
    )
    return SiteVocabulary(drugs, conditions)


def _open_llm(
    site: Site, ledger: Ledger, run: Run, stack: ExitStack
) -> tuple[LlmExtractor | None, LlmQuestions | None]:
    extraction = site.settings.extraction
    backend = open_backend(extraction, site.settings.http, os.environ, root=site.root)
    if backend is None:
        return None, None
    stack.callback(backend.close)
    cache = LedgerCallCache(ledger, run_id=run.run_id, actor="medrek-flow")
    lane = LlmExtractor(backend, cache, runs=extraction.runs, entailment=extraction.entailment)
    return lane, LlmQuestions(backend, cache) if extraction.wordings else None


class LedgerIntakeSteps:
    """``IntakeSteps`` over one site."""

    def __init__(
        self,
        ledger: Ledger,
        site: Site,
        seams: Seams,
        bench: Bench | None,
        *,
        progress: Progress | None = None,
        cap: TimeCap | None = None,
    ) -> None:
        """Remember what the steps work on; without a bench nothing is rehearsed, and the candidates wait."""
        self._ledger = ledger
        self._site = site
        self._seams = seams
        self._bench = bench
        self._progress = progress
        self._cap = cap or TimeCap(None)

    def collect(self, run_id: str) -> None:
        """Read every source for its window; one that fails is recorded, the others go on."""
        sources, done = self._seams.sources, 0
        self._tell("reading sources", 0, len(sources))
        with ThreadPoolExecutor(max_workers=max(1, min(MOST_SOURCES_AT_ONCE, len(sources)))) as pool:
            running = {pool.submit(self._collect_one, source, run_id): source.name for source in sources}
            for future in as_completed(running):
                future.result()
                done += 1
                self._tell(f"read {running[future]}", done, len(sources))
        self._tell("sources read", len(sources), len(sources))

    def _collect_one(self, source: Source, run_id: str) -> None:
        run, table = self._seams.run, source_table(self._site, source.name)
        window = window_for(self._ledger, source, run.today, table.first_days, since=run.since)
        days = table.overlap_days + CATCH_UP_DAYS if isinstance(table, _SLICED) else _NO_LIMIT_DAYS
        for part in window.slices(days):
            if self._cap.is_over:
                return
            done = collect(self._ledger, self._site.documents, source, run_id=run_id, window=part)
            if done.failed is not None:
                return

    def detect(self, run_id: str) -> None:
        """Find what changed."""
        detect(self._ledger, self._site.documents, run_id=run_id, scope=self._seams.scope)

    def affected(self, run_id: str) -> None:
        """Propose to withdraw what rests on something that was taken back."""
        propose_withdrawals(self._ledger, run_id=run_id, documents=self._site.documents)

    def waiting_documents(self) -> tuple[str, ...]:
        """Name the documents with changes that wait for extraction, also those that an earlier night left."""
        return waiting_documents(self._ledger)

    def documents_to_ask(self) -> tuple[str, ...]:
        """Name the documents about which the language model is asked; none where there is none."""
        return waiting_documents(self._ledger) if self._seams.llm is not None else ()

    def ask(self, document_id: str) -> None:
        """Ask the language model all that one document needs; its replies are then on record. Several at a time."""
        if self._seams.llm is None or self._cap.is_over:
            return
        with suppress(LlmUnusableError):  # remembered by the lane, and told when the document's turn comes
            self._seams.llm.prepare(read_changes(self._ledger, self._site.documents, document_id))

    def extract(self, run_id: str, document_id: str) -> None:
        """Propose candidates for one document; where the language model is unusable, lane A's stand and it waits."""
        if self._cap.is_over:
            return
        most = self._site.settings.extraction.max_per_source
        if flood := flood_of(self._ledger, run_id=run_id, document_id=document_id, cap=most):
            self._seams.floods[flood.source] = flood
            return
        lanes: tuple[Extractor, ...] = (self._seams.llm,) if self._seams.llm else ()
        try:
            extract_document(
                self._ledger,
                self._site.documents,
                run_id=run_id,
                document_id=document_id,
                lanes=lanes,
                risk_lists=self._site.settings.review,
                vocabulary=self._seams.vocabulary,
                wordings=self._seams.wordings,
            )
        except LlmUnusableError as error:
            self._seams.failed[document_id] = str(error)
            _log.warning(
                "extraction model unusable", extra={"data": {"document": document_id, "why": str(error)[:200]}}
            )

    def rehearse(self) -> None:
        """Rehearse every waiting candidate."""
        limit = self._site.settings.review.max_candidates_per_night
        if self._bench is not None:
            with suppress(CapReachedError):
                rehearse_if_needed(self._ledger, self._bench, self._cap.watching(self._progress), limit=limit)

    def _tell(self, what: str, done: int, of: int) -> None:
        if self._progress is not None:
            self._progress(what, done, of)
