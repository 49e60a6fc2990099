"""The tables of the review desk that came after the first schema; the others stand in ``tables``."""
