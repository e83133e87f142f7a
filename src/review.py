"""Print what changed since another revision, as Markdown. Usage: python src/review.py main.

Exit code 0: dvc.lock matches params, code and dvc.yaml. 3: it does not. 1: there is no review, and a message says why.
"""

import sys

from sparsefaces.base.script import run
from sparsefaces.review.page import gather_review, render_review

OUT_OF_SYNC = 3


def main() -> None:
    """Print the review; say on stderr, last, if dvc.lock does not match."""
    review = gather_review(" ".join(sys.argv[1:]))
    print(render_review(review), flush=True)
    if review["stale"]:
        print(f"dvc.lock is out of sync: {', '.join(review['stale'])} (exit code {OUT_OF_SYNC})", file=sys.stderr)
        sys.exit(OUT_OF_SYNC)


if __name__ == "__main__":
    run(main)
