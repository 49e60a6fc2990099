"""Telling people and machines how a night ended: by file, webhook and e-mail, in numbers and ids alone."""
