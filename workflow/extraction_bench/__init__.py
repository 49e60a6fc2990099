"""Measures an extraction lane against annotated text: readers of the public sets, and the numbers that matter here."""
