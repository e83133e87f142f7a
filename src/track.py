"""Bring MLflow what it lacks: of the runs that were recorded, and of the results in stages/."""

from sparsefaces.base.script import run
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.tracking.stages import log_all


def main() -> None:
    """Log what is missing, and say what that was."""
    logged = log_all(load_dataset())
    print(f"logged {', '.join(logged)}" if logged else "nothing to log: every result has its run")


if __name__ == "__main__":
    run(main)
