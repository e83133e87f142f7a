"""Draw what sparsity costs over the trainings that MLflow knows: tradeoff.png."""

import io
from pathlib import Path

from sparsefaces.base.files import write_bytes
from sparsefaces.base.script import run
from sparsefaces.review.tradeoff import draw_tradeoff
from sparsefaces.tracking.store import finished_trainings


def main() -> None:
    """Leave tradeoff.png in the top folder."""
    png = io.BytesIO()
    draw_tradeoff(finished_trainings()).savefig(png, dpi=150)
    write_bytes(Path("tradeoff.png"), png.getvalue())


if __name__ == "__main__":
    run(main)
