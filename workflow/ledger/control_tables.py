"""The tables of change control that came after the first schema; the others stand in ``tables``."""
