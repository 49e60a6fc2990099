"""The bundle for inspection: chain, signatures, FHIR resources, a page for people, and a script that checks."""
