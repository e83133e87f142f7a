"""What hooks check of the pipeline. Usage: python src/check.py params, or: lock."""

import json
import sys

from sparsefaces.base.script import run
from sparsefaces.base.errors import UserError
from sparsefaces.base.params import load_params
from sparsefaces.review.revisions import check_stages, dvc


def main() -> None:
    """Check params.yaml, or that dvc.lock matches params, code and dvc.yaml."""
    what = " ".join(sys.argv[1:])
    if what == "params":
        load_params()
        return
    if what != "lock":
        raise UserError(f"name what to check, params or lock, instead of {what!r}")
    stale, _ = check_stages(json.loads(dvc("status", "--json")))
    if stale:
        raise UserError(f"dvc.lock is out of sync: run `dvc repro` and commit what it changes ({', '.join(stale)})")


if __name__ == "__main__":
    run(main)
