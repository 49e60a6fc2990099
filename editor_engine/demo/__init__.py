"""The bundled demo model: a small causal LM that knows a few facts and reads one from its context.

Everything here serves demonstrations and tests. ``facts`` is importable without torch.
"""
