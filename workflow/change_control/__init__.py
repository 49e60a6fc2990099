"""Change control: from approved candidates to a served release, and back."""
