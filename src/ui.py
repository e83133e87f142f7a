"""Open MLflow's UI on the project's store, for this machine only. Usage: python src/ui.py [PORT]."""

import sys

from sparsefaces.base.script import run
from sparsefaces.tracking.ui import serve


def main() -> None:
    """Print the addresses and serve until Ctrl-C."""
    serve(sys.argv[1] if len(sys.argv) > 1 else "5000")


if __name__ == "__main__":
    run(main)
