"""The review desk: a terminal UI over the ReviewDesk protocol; it knows no ledger and no model.

``review_tui.protocol`` is what an implementer needs; ``review_tui.app.run`` opens the desk. Nothing is imported
here, so that neither of them costs the start of a terminal UI before it is wanted.
"""
