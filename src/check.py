"""What hooks and `make repro` check of the pipeline. Usage: python src/check.py params, or: inputs, or: lock."""

import sys
from pathlib import Path

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params
from sparsefaces.base.script import run
from sparsefaces.review.changes import refuse_conflicts, stale_stages


def main() -> None:
    """Check params.yaml, or the folder of images as well, or that dvc.lock matches params, code and dvc.yaml."""
    what = " ".join(sys.argv[1:])
    if what in ("params", "inputs"):
        refuse_conflicts()
        folder = Path(load_params().fetch.folder)
        if what == "inputs" and not folder.is_dir():  # DVC says no more than [Errno 2]
            raise UserError(
                f"fetch.folder is {folder}, which is not there: make it, whatever fetch.source is, or name yours"
            )
        return
    if what != "lock":
        raise UserError(f"name what to check, params, inputs or lock, instead of {what!r}")
    if stale := stale_stages():
        raise UserError(f"dvc.lock is out of sync: run `dvc repro` and commit what it changes ({', '.join(stale)})")


if __name__ == "__main__":
    run(main)
