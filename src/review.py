"""Print what changed since another revision, as Markdown; exit with 3 if dvc.lock is out of sync.

Usage: python src/review.py main.
"""

import sys

from sparsefaces.base.script import run
from sparsefaces.review.changes import stale_stages
from sparsefaces.review.page import review


def main() -> None:
    """Print the review."""
    stale = stale_stages()
    print(review(sys.argv[1], stale), flush=True)
    sys.exit(3 if stale else 0)


if __name__ == "__main__":
    run(main)
