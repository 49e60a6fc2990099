"""The workflow: from what the sources say to a served release, and back. The only package that imports the others."""
