"""The ledger: everything of record, in one relational schema, with an append-only audit chain."""
