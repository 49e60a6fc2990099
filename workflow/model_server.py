"""A base model that an OpenAI-compatible server runs: whether it may be asked, with which key, within which bounds."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from workflow.errors import SettingsError
from workflow.intake.llm_address import check_address
from workflow.outgoing import proxy_for
from workflow.settings import ModelTable
from workflow.site import Site

if TYPE_CHECKING:
    from editor_engine.server_base import ServerBase


def is_server(model: ModelTable) -> bool:
    """Whether the settings name a server rather than a folder or a hub id."""
    return model.base.startswith(("http://", "https://"))


def connect_server(site: Site) -> ServerBase:
    """Connect to the server that the settings name.

    Raises:
        SettingsError: its address may not be asked, or the model's name there is missing.
        BaseServerError: it does not answer, or does not serve the model.
    """
    from editor_engine.server_base import ServerBase, ServerLimits

    model, http = site.settings.model, site.settings.http
    proxy = proxy_for(http, model.base)
    check_address(
        model.base,
        allow_private=model.allow_private,
        proxied=proxy is not None,
        setting="model.base",
        permission="model.allow_private",
    )
    if not model.served_model.strip():
        raise SettingsError("model.served_model: expected the server's name for its model, got none; set it")
    return ServerBase(
        model.base,
        model.served_model,
        api_key=os.environ.get(model.api_key_env, "").strip() or None,
        limits=ServerLimits(timeout_s=model.timeout_s),
        proxy=proxy,
        ca_file=http.ca_file,
    )
