"""The seam to the connectors: settings become sources over one polite client."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from connectors.crossref import CrossrefSource
from connectors.dailymed import DailyMedSource, KnownLabels
from connectors.dropfolder import DropFolderSource
from connectors.http_client import PoliteClient
from connectors.openfda import OpenFdaLabelSource
from connectors.openfda_enforcement import OpenFdaEnforcementSource
from connectors.pubmed import PubMedSource
from connectors.retraction_watch import RetractionWatchSource
from connectors.source import Source
from workflow.errors import SettingsError, UsageError
from workflow.settings import HttpSourceTable, SourceTable
from workflow.site import Site
from workflow.source_lines import SOURCE_NAMES


@dataclass(frozen=True)
class OnRecord:
    """What the ledger holds, for the sources that ask about it; by default that of an empty one."""

    things: Mapping[str, int] = field(default_factory=dict)
    """How many things of a source, so that a table that shrank is noticed."""
    is_known_label: KnownLabels = lambda _set_id, _number: False
    """Whether a label is there in a version, so that it is not fetched again."""


_NOTHING = OnRecord()


def source_table(site: Site, name: str) -> SourceTable:
    """Give the settings of one source.

    Raises:
        UsageError: there is no such source.
    """
    if name not in SOURCE_NAMES:
        raise UsageError(f"source {name!r}: unknown; expected one of {', '.join(SOURCE_NAMES)}")
    table: SourceTable = getattr(site.settings.sources, name)
    return table


@contextmanager
def open_sources(site: Site, names: tuple[str, ...], *, on_record: OnRecord = _NOTHING) -> Iterator[tuple[Source, ...]]:
    """Open the named sources over one HTTP client, which is closed at the end.

    Args:
        site: Whose settings count.
        names: Which sources.
        on_record: What the ledger holds.

    Raises:
        SettingsError: a source's key is asked for by the settings and missing in the environment.
    """
    http = site.settings.http
    with PoliteClient(
        http.contact or "",
        idle_timeout_s=http.timeout_s,
        deadline_s=max(http.timeout_s * 6, 180.0),
        max_bytes=http.max_bytes,
        proxy=http.proxy,
        ca_file=http.ca_file,
    ) as client:
        yield tuple(_open(site, client, name, on_record) for name in names)


def _open(site: Site, client: PoliteClient, name: str, on_record: OnRecord) -> Source:
    sources = site.settings.sources
    if name == "pubmed":
        table = sources.pubmed
        return PubMedSource(
            client,
            base_url=table.base_url,
            email=table.email or "",
            api_key=_key(name, table),
            allow_private=table.allow_private,
            page_size=table.page_size,
            overlap_days=table.overlap_days,
        )
    if name == "openfda":
        labels = sources.openfda
        return OpenFdaLabelSource(
            client,
            base_url=labels.base_url,
            api_key=_key(name, labels),
            allow_private=labels.allow_private,
            limit=labels.page_size,
            overlap_days=labels.overlap_days,
        )
    if name == "openfda_enforcement":
        recalls = sources.openfda_enforcement
        return OpenFdaEnforcementSource(
            client,
            base_url=recalls.base_url,
            api_key=_key(name, recalls),
            allow_private=recalls.allow_private,
            limit=recalls.page_size,
            overlap_days=recalls.overlap_days,
        )
    if name == "dailymed":
        published = sources.dailymed
        return DailyMedSource(
            client,
            base_url=published.base_url,
            allow_private=published.allow_private,
            is_known=on_record.is_known_label,
            most_labels=published.most_labels,
            page_size=published.page_size,
            overlap_days=published.overlap_days,
        )
    if name == "crossref":
        works = sources.crossref
        return CrossrefSource(
            client,
            base_url=works.base_url,
            email=works.email or "",
            allow_private=works.allow_private,
            rows=works.page_size,
            overlap_days=works.overlap_days,
        )
    if name == "retraction_watch":
        rows = sources.retraction_watch
        return RetractionWatchSource(
            client,
            url=rows.base_url,
            allow_private=rows.allow_private,
            max_bytes=rows.max_bytes,
            last_rows=on_record.things.get(name, 0),
            least_share=rows.least_share,
            overlap_days=rows.overlap_days,
        )
    return DropFolderSource(site.drop_folder)


def _key(name: str, table: HttpSourceTable) -> str | None:
    if table.api_key_env is None:
        return None
    key = os.environ.get(table.api_key_env)
    if not key:
        raise SettingsError(
            f"sources.{name}.api_key_env: expected a key in the environment variable {table.api_key_env}, got none; "
            "set it, or take the setting out"
        )
    return key
