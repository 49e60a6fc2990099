"""The two graphs: intake (one thread per run) and batch (one thread per batch), with SQLite checkpoints.

LangGraph orchestrates and nothing else: the state holds ids, the ledger is the record, every node is idempotent, and
a node that was killed runs again from its first line. LangGraph does not lock threads, so whoever calls these
functions holds the worker's lease. The value with which an interrupt is resumed is ignored: what people decided is
read from the ledger.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypedDict

os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # read once, when langgraph is first imported
os.environ["LANGSMITH_TRACING"] = "false"  # no document may be traced to a vendor

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt

from workflow.file_modes import open_closed


class IntakeState(TypedDict, total=False):
    """State of a run: ids only."""

    run_id: str
    document_id: str


class BatchGraphState(TypedDict, total=False):
    """State of a batch: ids only."""

    batch_id: str


class IntakeSteps(Protocol):
    """The steps of one run; each asks the ledger first and may be called twice."""

    def collect(self, run_id: str) -> None:
        """Read every source for its window."""
        ...

    def detect(self, run_id: str) -> None:
        """Find what changed."""
        ...

    def affected(self, run_id: str) -> None:
        """Propose to withdraw what rests on something that was taken back."""
        ...

    def waiting_documents(self) -> tuple[str, ...]:
        """Name the documents with changes that wait for extraction."""
        ...

    def documents_to_ask(self) -> tuple[str, ...]:
        """Name the documents about which a language model is asked; none where there is none."""
        ...

    def ask(self, document_id: str) -> None:
        """Ask the language model all that one document needs, so that its replies are on record."""
        ...

    def extract(self, run_id: str, document_id: str) -> None:
        """Propose candidates for one document."""
        ...

    def rehearse(self) -> None:
        """Rehearse every waiting candidate."""
        ...


class Next(StrEnum):
    """Where a batch goes after its gate or after a wait: read from the ledger."""

    WAIT = "wait"
    GATE = "gate"
    PROMOTE = "promote"
    END = "end"


class BatchSteps(Protocol):
    """The steps of one batch; each asks the ledger first and may be called twice."""

    def stage(self, batch_id: str) -> None:
        """Write and verify the shard."""
        ...

    def gate(self, batch_id: str) -> None:
        """Judge the staged batch."""
        ...

    def next_step(self, batch_id: str) -> Next:
        """Tell from the ledger where the batch goes."""
        ...

    def promote(self, batch_id: str) -> None:
        """Make it live."""
        ...

    def read_back(self, batch_id: str) -> None:
        """Ask the live model and record what it says."""
        ...


@contextmanager
def open_checkpoints(path: Path) -> Iterator[SqliteSaver]:
    """Open the graphs' checkpoints, made where they are missing, closed like their folder."""
    if not path.exists():
        os.close(open_closed(path, 0))  # SQLite would make it readable for everybody
    with SqliteSaver.from_conn_string(str(path)) as saver:
        yield saver


def _lane_b_graph(steps: IntakeSteps) -> Any:
    """Lane B's asking: one branch per document, as many at once as the settings allow, all of them joined at the end.

    It only fills the record of replies. What they propose is judged afterwards, document by document in order of
    arrival, so that a night comes out the same however the branches overtook each other.
    """

    def ask(state: IntakeState) -> IntakeState:
        steps.ask(state["document_id"])
        return {}

    def fan_out(state: IntakeState) -> list[Send] | str:
        asked = steps.documents_to_ask()
        return [Send("ask", {"run_id": state["run_id"], "document_id": one}) for one in asked] or END

    graph = StateGraph(IntakeState)
    graph.add_node("ask", ask)
    graph.add_conditional_edges(START, fan_out, ["ask", END])
    graph.add_edge("ask", END)
    return graph


def _intake_graph(steps: IntakeSteps, lane_b_concurrency: int) -> Any:
    lane_b = _lane_b_graph(steps).compile()

    def ask_all(state: IntakeState) -> IntakeState:
        lane_b.invoke({"run_id": state["run_id"]}, {"max_concurrency": lane_b_concurrency})
        return {}

    def node(step: Callable[[str], None]) -> Callable[[IntakeState], IntakeState]:
        def run(state: IntakeState) -> IntakeState:
            step(state["run_id"])
            return {}

        return run

    def extract(state: IntakeState) -> IntakeState:
        steps.extract(state["run_id"], state["document_id"])
        return {}

    def rehearse(_state: IntakeState) -> IntakeState:
        steps.rehearse()
        return {}

    def fan_out(state: IntakeState) -> list[Send] | str:
        waiting = steps.waiting_documents()
        return [Send("extract", {"run_id": state["run_id"], "document_id": one}) for one in waiting] or "rehearse"

    graph = StateGraph(IntakeState)
    graph.add_node("collect", node(steps.collect))
    graph.add_node("detect", node(steps.detect))
    graph.add_node("affected", node(steps.affected))
    graph.add_node("lane_b", ask_all)
    graph.add_node("extract", extract)
    graph.add_node("rehearse", rehearse)
    graph.add_edge(START, "collect")
    graph.add_edge("collect", "detect")
    graph.add_edge("detect", "affected")
    graph.add_edge("affected", "lane_b")
    graph.add_conditional_edges("lane_b", fan_out, ["extract", "rehearse"])
    graph.add_edge("extract", "rehearse")
    graph.add_edge("rehearse", END)
    return graph


def run_intake(checkpoints: Path, run_id: str, steps: IntakeSteps, *, lane_b_concurrency: int = 1) -> None:
    """Start the intake of a run, or continue it where it stopped; returns when it is done.

    Documents are asked about ``lane_b_concurrency`` at a time, and extracted one after the other. The thread's
    checkpoints are deleted at the end: the ledger remembers what matters.
    """
    thread = f"intake:{run_id}"
    with open_checkpoints(checkpoints) as saver:
        app = _intake_graph(steps, lane_b_concurrency).compile(checkpointer=saver)
        config = {"configurable": {"thread_id": thread}, "max_concurrency": 1}
        started = app.get_state(config).created_at is not None
        app.invoke(None if started else {"run_id": run_id}, config, durability="sync")
        saver.delete_thread(thread)


def _batch_graph(steps: BatchSteps) -> Any:
    def node(step: Callable[[str], None]) -> Callable[[BatchGraphState], BatchGraphState]:
        def run(state: BatchGraphState) -> BatchGraphState:
            step(state["batch_id"])
            return {}

        return run

    def wait(state: BatchGraphState) -> BatchGraphState:
        while steps.next_step(state["batch_id"]) is Next.WAIT:
            interrupt({"batch_id": state["batch_id"]})
        return {}

    def route(state: BatchGraphState) -> str:
        following = steps.next_step(state["batch_id"])
        return END if following is Next.END else str(following)

    graph = StateGraph(BatchGraphState)
    graph.add_node("stage", node(steps.stage))
    graph.add_node("gate", node(steps.gate))
    graph.add_node("wait", wait)
    graph.add_node("promote", node(steps.promote))
    graph.add_node("read_back", node(steps.read_back))
    graph.add_edge(START, "stage")
    graph.add_edge("stage", "gate")
    graph.add_conditional_edges("gate", route, ["wait", "gate", "promote", END])
    graph.add_conditional_edges("wait", route, ["wait", "gate", "promote", END])
    graph.add_edge("promote", "read_back")
    graph.add_edge("read_back", END)
    return graph


def advance_batch(checkpoints: Path, batch_id: str, steps: BatchSteps) -> bool:
    """Take a batch as far as it goes: started, continued after a crash, or resumed when its wait is over.

    Returns:
        True when its thread is done, False while it waits for a person.
    """
    thread = f"batch:{batch_id}"
    with open_checkpoints(checkpoints) as saver:
        app = _batch_graph(steps).compile(checkpointer=saver)
        config = {"configurable": {"thread_id": thread}}
        state = app.get_state(config)
        if state.interrupts and steps.next_step(batch_id) is Next.WAIT:
            return False
        app.invoke(_input(state, batch_id), config, durability="sync")
        if app.get_state(config).interrupts:
            return False
        saver.delete_thread(thread)
        return True


def _input(state: Any, batch_id: str) -> Any:
    if state.created_at is None:
        return {"batch_id": batch_id}
    if state.interrupts:
        return Command(resume={state.interrupts[0].id: True})
    return None
