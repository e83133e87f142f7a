"""Log in MLflow the results in stages/ that no run is known of, as after a store was out of reach."""

from sparsefaces.base.script import run
from sparsefaces.standardize.dataset import load_dataset
from sparsefaces.tracking.stages import log_missing_comparison, log_missing_trainings


def main() -> None:
    """Log what is missing, and say what that was."""
    data = load_dataset()
    logged = log_missing_trainings(data) + log_missing_comparison(data)
    print(f"logged {', '.join(logged)}" if logged else "nothing to log: every result has its run")


if __name__ == "__main__":
    run(main)
