"""The wall measured on its own: candidates with their documents, as lines of JSON, and how many it lets through."""
