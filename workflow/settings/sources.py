"""Where changes come from: one table for each source, and how all of them are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from workflow.settings.parts import Count, Days, Line, Seconds, Share, SourceName, Table, Url, VariableName


class SourceTable(Table):
    """What every source has."""

    enabled: bool = True
    """Whether the night asks this source."""
    overlap_days: Days = 14
    """How many days a window reaches back into the one before, because records arrive late and out of order."""
    first_days: Days = 30
    """How many days the very first window reaches back."""


class WebSourceTable(SourceTable):
    """What every source on the network has."""

    base_url: Url
    """Where it answers."""
    allow_private: bool = False
    """Whether that may be a private or loopback address. Off, so that no redirect reaches into the hospital."""


class HttpSourceTable(WebSourceTable):
    """What every source has that is asked page by page, with an address or a key of the caller."""

    email: Line | None = None
    """Contact address that the source asks callers to give."""
    api_key_env: VariableName | None = None
    """Environment variable that holds the key, if there is one."""
    page_size: Count = 100
    """Records asked for at a time."""


class PubMedTable(HttpSourceTable):
    """PubMed: articles, retractions, corrections, expressions of concern."""

    base_url: Url = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
    """Where it answers."""
    overlap_days: Days = 7
    """How many days a window reaches back. Seven: indexing runs behind by days."""
    page_size: Annotated[int, Field(ge=1, le=500)] = 200
    """Records asked for at a time; efetch takes 200 to 500 well."""


class OpenFdaTable(HttpSourceTable):
    """openFDA: versions of drug labels."""

    base_url: Url = "https://api.fda.gov"
    """Where it answers."""
    overlap_days: Days = 14
    """How many days a window reaches back. Fourteen: labels are refreshed weekly, and that has lagged a week."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 100
    """Records asked for at a time; 1,000 is the API's limit."""


class OpenFdaEnforcementTable(HttpSourceTable):
    """openFDA drug recalls. Off until you want them: a recall is put on record and can be searched, but proposes
    nothing, because it is about lots of a product and not about what is true of the drug."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Url = "https://api.fda.gov"
    """Where it answers."""
    overlap_days: Days = 60
    """How many days a window reaches back. Sixty: status and class of a recall change after its report."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Records asked for at a time; 1,000 is the API's limit."""


class DailyMedTable(WebSourceTable):
    """DailyMed: drug labels on the day they are published, often days before openFDA has them. Off until you want it:
    every label is a file of its own, two a second. The same label from openFDA counts as another one, so use one."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Url = "https://dailymed.nlm.nih.gov/dailymed/services/v2"
    """Where it answers."""
    overlap_days: Days = 14
    """How many days a window reaches back. What is on record already is not fetched again."""
    first_days: Days = 14
    """How many days the very first window reaches back; a label is only compared with a version that is on record."""
    page_size: Annotated[int, Field(ge=1, le=100)] = 100
    """Rows of the list asked for at a time; 100 is the service's limit."""
    most_labels: Count = 1000
    """Labels fetched in one night, which 1,000 make nine minutes longer. Where more were published, the night says so
    and the next ones go on with the rest; only then is the source read up to date."""


class CrossrefTable(WebSourceTable):
    """Crossref: retractions, corrections and concerns of every publisher, in PubMed or not. Off until you want it: much
    of it is not medicine, so name your formulary under [scope] first."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Url = "https://api.crossref.org/v1"
    """Where it answers."""
    overlap_days: Days = 7
    """How many days a window reaches back. Seven: the index runs behind the deposits by days."""
    email: Line | None = None
    """Contact address; callers who give one are served from a pool of their own."""
    page_size: Annotated[int, Field(ge=1, le=1000)] = 1000
    """Works asked for at a time; 1,000 is the API's limit."""


class RetractionWatchTable(WebSourceTable):
    """Retraction Watch: one table of some 70,000 retractions, corrections, concerns and reinstatements, 70 MB a night.
    Off until you want it: its first night puts every row on record and may take half an hour, later ones a minute.
    Name your formulary under [scope] first."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Url = "https://gitlab.com/crossref/retraction-watch-data/-/raw/main/retraction_watch.csv"
    """Where the table is; a copy of your own will do."""
    overlap_days: Days = 0
    """Of no effect here: the table is read whole every night, and rows that did not change add nothing."""
    first_days: Days = 0
    """Of no effect here, for the same reason."""
    least_share: Share = 0.95
    """A table with a smaller share of the records of earlier nights is refused, as a broken one would look. Lower it
    for one night if the smaller table is right."""
    max_bytes: Count = 256_000_000
    """Largest table, in bytes; more is refused. It stands here because the table is larger than any other reply."""


class UspstfTable(WebSourceTable):
    """USPSTF: preventive services with their grades. Off until you have a key; the Task Force gives one on request."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Url = "https://data.uspreventiveservicestaskforce.org/api/json"
    """Where the file is."""
    overlap_days: Days = 0
    """Of no effect here: the file is read whole every night, and topics that did not change add nothing."""
    first_days: Days = 0
    """Of no effect here, for the same reason."""
    api_key_env: VariableName | None = None
    """Environment variable that holds the key."""
    least_share: Share = 0.8
    """A file with a smaller share of the topics of earlier nights is refused, as a broken one would look."""


class FeedTable(WebSourceTable):
    """An RSS or Atom feed of a regulator or a guideline publisher; a table of its own for each, as many as you like."""

    enabled: bool = False
    """Whether the night asks this source."""
    overlap_days: Days = 0
    """Of no effect here: a feed is read whole every night, and entries that are on record add nothing."""
    first_days: Days = 0
    """Of no effect here, for the same reason."""
    kind: Literal["guideline", "safety_communication", "drug_recall"] = "guideline"
    """What its entries are. A drug recall is put on record and proposes nothing."""
    pages: bool = True
    """Whether the page behind an entry is fetched (HTML, PDF, DOCX); else the feed's own words must do."""
    page_hosts: tuple[Line, ...] = ()
    """Hosts besides the feed's own from which its pages may be fetched."""
    licence: Line = ""
    """What the publisher says of its texts; printed with the evidence."""
    most_pages: Count = 200
    """New entries read in one night; the next one goes on."""
    stale_days: Count = 365
    """A feed whose newest word is older is told as stale: publishers leave dead feeds standing."""


class PluginTable(SourceTable):
    """A source from another package, found by its name among the entry points ``medrek_flow.sources``."""

    enabled: bool = False
    """Whether the night asks this source."""
    base_url: Line = ""
    """Where it answers, if it asks for that."""
    allow_private: bool = False
    """Whether that may be a private or loopback address."""
    api_key_env: VariableName | None = None
    """Environment variable that holds its key, if there is one."""
    options: dict[str, str] = Field(default_factory=dict)
    """What else it wants to know, as its own documentation says."""


FEEDS: Mapping[str, FeedTable] = MappingProxyType(
    {
        "fda_medwatch": FeedTable(
            base_url="https://www.fda.gov/about-fda/contact-fda/stay-informed/rss-feeds/medwatch/rss.xml",
            kind="safety_communication",
            licence="U.S. Government work (FDA)",
        ),
        "fda_drugs": FeedTable(
            base_url="https://www.fda.gov/about-fda/contact-fda/stay-informed/rss-feeds/drugs/rss.xml",
            kind="safety_communication",
            licence="U.S. Government work (FDA)",
        ),
        "mhra": FeedTable(
            base_url="https://www.gov.uk/drug-safety-update.atom",
            kind="safety_communication",
            licence="Open Government Licence v3.0",
        ),
        "ema": FeedTable(
            base_url="https://www.ema.europa.eu/en/rss/press-releases",
            kind="safety_communication",
            licence="EMA: reuse with acknowledgement",
        ),
        "cdc_mmwr": FeedTable(base_url="https://www.cdc.gov/mmwr/rss/mmwr.xml", licence="U.S. Government work (CDC)"),
        "who": FeedTable(base_url="https://www.who.int/rss-feeds/news-english.xml", licence="CC BY-NC-SA 3.0 IGO"),
        "nice": FeedTable(
            base_url="https://www.nice.org.uk/guidance/published?ndt=Guidance&feed=rss",
            licence="NICE: UK Open Content Licence; ask outside the UK",
        ),
    }
)
"""Publishers whose addresses are known; none was confirmed for every year, so try them with ``sources test``."""


class DropFolderTable(SourceTable):
    """Files that people put into a folder: guideline pages, notices without a feed."""

    path: Line = "drop"
    """The folder, relative to the site."""
    overlap_days: Days = 30
    """How many days a window reaches back. A file is known by its content, so that reading it again costs nothing."""


class SourcesTable(Table):
    """Where changes come from."""

    pubmed: PubMedTable = PubMedTable()
    openfda: OpenFdaTable = OpenFdaTable()
    openfda_enforcement: OpenFdaEnforcementTable = OpenFdaEnforcementTable()
    dailymed: DailyMedTable = DailyMedTable()
    crossref: CrossrefTable = CrossrefTable()
    retraction_watch: RetractionWatchTable = RetractionWatchTable()
    uspstf: UspstfTable = UspstfTable()
    dropfolder: DropFolderTable = DropFolderTable()
    feeds: dict[SourceName, FeedTable] = Field(default_factory=lambda: dict(FEEDS))
    """Feeds by name; a night calls them ``feed_<name>``."""
    plugins: dict[SourceName, PluginTable] = Field(default_factory=dict)
    """Sources of other packages by the name of their entry point; a night calls them ``plugin_<name>``."""

    @property
    def by_name(self) -> Mapping[str, SourceTable]:
        """Every source's table under the name that ledger and reports use, in the order in which they are read."""
        fields = ((name, getattr(self, name)) for name in type(self).model_fields)
        return {
            **{name: table for name, table in fields if isinstance(table, SourceTable)},
            **{f"feed_{name}": table for name, table in self.feeds.items()},
            **{f"plugin_{name}": table for name, table in self.plugins.items()},
        }


class HttpTable(Table):
    """How everything on the network is called."""

    proxy: Url | None = None
    """Proxy for the sources, the extraction model, a base model on a server, and the webhook. Where it is not set,
    HTTPS_PROXY and NO_PROXY of the environment count. This machine itself is never reached through a proxy."""
    ca_file: Line | None = None
    """File with the certificates of your own authority, where the hospital opens TLS. They are trusted besides the
    usual ones, for the mail server too."""
    contact: Line | None = None
    """Address in the User-Agent, so that a source can write instead of block."""
    timeout_s: Seconds = 30.0
    """Seconds to wait for a reply."""
    max_bytes: Count = 50_000_000
    """Largest reply, in bytes; more is refused, not cut."""
