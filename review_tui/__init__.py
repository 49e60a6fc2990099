"""The review desk: a terminal UI over the ReviewDesk protocol; it knows no ledger and no model."""
