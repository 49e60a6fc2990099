"""The review desk over the ledger: what ``review_tui``'s protocols ask, answered from the record; decides nothing."""
