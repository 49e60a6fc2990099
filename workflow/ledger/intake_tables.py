"""The tables of intake that came after the first schema; the others stand in ``tables``."""
