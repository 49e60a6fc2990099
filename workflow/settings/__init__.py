"""The settings of a site, one room for each part of the file; ``Settings`` is the whole of it.

The prose under each field is what the starter file says above it. Secrets never stand in the file: a field that
ends in ``api_key_env`` names the environment variable that holds one.
"""

from workflow.settings.control import AffectedTable, BatchTable, GateLimitsTable, GateTable
from workflow.settings.intake import ExtractionTable, ScopeTable
from workflow.settings.operations import (
    AnchorTable,
    AuditTable,
    MailTable,
    MetricsTable,
    NightTable,
    NotifyTable,
    WebhookTable,
)
from workflow.settings.parts import Table
from workflow.settings.review import ReviewTable
from workflow.settings.site import EditorTable, EncoderTable, ModelTable, SiteTable
from workflow.settings.sources import (
    FEEDS,
    CrossrefTable,
    DailyMedTable,
    DropFolderTable,
    FeedTable,
    HttpSourceTable,
    HttpTable,
    OpenFdaEnforcementTable,
    OpenFdaTable,
    PluginTable,
    PubMedTable,
    RetractionWatchTable,
    SourcesTable,
    SourceTable,
    UspstfTable,
    WebSourceTable,
)
from workflow.settings.tree import FILE_NAME, Settings

__all__ = [
    "FEEDS",
    "FILE_NAME",
    "AffectedTable",
    "AnchorTable",
    "AuditTable",
    "BatchTable",
    "CrossrefTable",
    "DailyMedTable",
    "DropFolderTable",
    "EditorTable",
    "EncoderTable",
    "ExtractionTable",
    "FeedTable",
    "GateLimitsTable",
    "GateTable",
    "HttpSourceTable",
    "HttpTable",
    "MailTable",
    "MetricsTable",
    "ModelTable",
    "NightTable",
    "NotifyTable",
    "OpenFdaEnforcementTable",
    "OpenFdaTable",
    "PluginTable",
    "PubMedTable",
    "RetractionWatchTable",
    "ReviewTable",
    "ScopeTable",
    "Settings",
    "SiteTable",
    "SourceTable",
    "SourcesTable",
    "Table",
    "UspstfTable",
    "WebSourceTable",
    "WebhookTable",
]
