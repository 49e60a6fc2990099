"""``python -m workflow``: the same as ``medrek-flow``."""

from workflow.cli.main import main

if __name__ == "__main__":
    main()
