"""Random histories of a site's whole life against a naive model of it: what ``bench histories`` runs.

Everything of record is the real code over a real ledger on disk; only what a language model would say is made up, at
its seam. The naive model (``books``) is dictionaries and lists, knows no SQL and shares no rule with the product.
"""
