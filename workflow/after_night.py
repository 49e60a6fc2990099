"""The end of a night: its report, its run closed, and what goes out: anchor, messages, numbers.

What fails on the way out fails no step of the night; it is told, and counts for the exit code.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflow.anchoring import anchor_now, is_anchored_somewhere
from workflow.anchors import anchor_warning
from workflow.clock import utc_now, utc_text
from workflow.errors import ExitCode, WorkflowError, worst
from workflow.intake_steps import Seams
from workflow.ledger.attention import seed_candidates
from workflow.ledger.ledger import Ledger
from workflow.metrics import write_metrics
from workflow.notifications.summary import failed_summary, summarise
from workflow.notifications.tell import tell
from workflow.reports.gather import gather_report
from workflow.reports.night_report import NightReport
from workflow.reports.render import write_report
from workflow.runs import Run, close_run
from workflow.site import Site
from workflow.time_cap import CapReachedError

Problems = dict[str, ExitCode]
"""What went wrong, in words, and the exit code that it asks for."""
_TOLD = (ExitCode.DAMAGED, CapReachedError.exit_code)
"""Exit codes whose lines stand among the report's warnings; the others have a place of their own in it."""


@dataclass(frozen=True)
class NightOutcome:
    """What a night came to."""

    run_id: str
    exit_code: ExitCode
    report: NightReport
    complaints: tuple[str, ...] = ()
    """What went wrong, a line each with its next step; empty where the exit code is 0."""


def finish_night(site: Site, ledger: Ledger, run: Run, problems: Problems, seams: Seams) -> NightOutcome:
    """Write the report, close the run, and send out what is to leave the site.

    ``problems`` are the night's so far, in words with their exit codes.
    """
    seed_candidates(ledger, share=site.settings.review.attention_share, seed=int(run.now.timestamp()))
    told = tuple(line for line, code in problems.items() if code in _TOLD)

    def gather(exit_code: ExitCode) -> NightReport:
        with ledger.read() as connection:
            return gather_report(
                connection,
                run,
                site_kind=ledger.kind(),
                signer_profile=ledger.signer_profile(),
                site_name=site.settings.site.name,
                finished_at=utc_text(utc_now()),
                sources=seams.source_names,
                llm_model=seams.llm_model,
                failed_documents=seams.failed_documents,
                warnings=told,
                exit_code=exit_code,
                anchor_line=anchor_warning(connection, site.settings.audit.anchor, utc_now()),
            )

    for source in gather(ExitCode.DONE).sources:
        if source.error:
            problems[f"source {source.source}: {source.error}"] = ExitCode.SOME_SOURCES_FAILED
    exit_code = worst(set(problems.values()))
    report = gather(exit_code)
    write_report(report, site.reports_folder)  # before the run is closed, so that a night that died writes it again
    close_run(ledger, run.run_id, exit_code=exit_code, report=report.model_dump_json())
    problems |= send_out(site, ledger, report, exit_code=exit_code)
    exit_code = worst(set(problems.values()))
    return NightOutcome(run.run_id, exit_code, report, tuple(problems))


def send_out(site: Site, ledger: Ledger, report: NightReport, *, exit_code: int) -> Problems:
    """Anchor the head, tell who is to be told, write the numbers; give what went wrong with its exit code."""
    problems: Problems = {}
    if is_anchored_somewhere(site):
        anchoring = anchor_now(site, ledger, actor="medrek-flow")
        code = ExitCode.FAILED if anchoring.places else ExitCode.HELD
        problems |= dict.fromkeys(anchoring.problems, code)
    told = exit_code or int(next(iter(problems.values()), ExitCode.DONE))
    problems |= dict.fromkeys(tell(site, summarise(report, exit_code=told)), ExitCode.FAILED)
    try:
        write_metrics(site, ledger)
    except WorkflowError as error:
        problems[str(error)] = ExitCode.FAILED
    return problems


def tell_of_failure(site: Site, error: WorkflowError) -> tuple[str, ...]:
    """Tell who is to be told that a night ended before it had a report."""
    at = utc_text(utc_now())
    return tell(site, failed_summary(site.settings.site.name, exit_code=int(error.exit_code), at=at))
