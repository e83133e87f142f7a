"""Draw what sparsity costs and buys over the trainings that MLflow knows: tradeoff.png."""

from pathlib import Path

from sparsefaces.base.script import run
from sparsefaces.base.files import write_bytes
from sparsefaces.review.tradeoff import compare, draw_tradeoff, format_tradeoff
from sparsefaces.tracking.queries import finished_trainings


def main() -> None:
    """Leave tradeoff.png in the top folder, and print what it shows."""
    tradeoff = compare(finished_trainings())
    write_bytes(Path("tradeoff.png"), draw_tradeoff(tradeoff))
    print(format_tradeoff(tradeoff))


if __name__ == "__main__":
    run(main)
