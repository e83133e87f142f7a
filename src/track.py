"""Bring MLflow the results in stages/ that it lacks, or lacks files of."""

from sparsefaces.base.params import load_params
from sparsefaces.base.script import run
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.tracking.stages import log_missing
from sparsefaces.tracking.store import Store


def main() -> None:
    """Log what is missing, and say what that was."""
    logged = log_missing(Store(), load_dataset(), [*load_params().models, "analyze"])
    print(f"logged {', '.join(logged)}" if logged else "nothing to log: every result has its run")


if __name__ == "__main__":
    run(main)
