"""Connectors: every place where medical knowledge changes, read politely and told as notices.

This package owns HTTP, feeds and files; it imports neither the engine, the review desk nor the workflow.
Import from the modules: nothing is loaded here, so that a reader of ``connectors.notice`` pays for no HTTP client.
"""
