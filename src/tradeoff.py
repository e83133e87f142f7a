"""Draw what sparsity costs over the trainings that MLflow knows: tradeoff.png."""

import io
from pathlib import Path

from sparsefaces.base.files import write_bytes
from sparsefaces.base.script import run
from sparsefaces.tracking.tradeoff import draw_tradeoff


def main() -> None:
    """Leave tradeoff.png in the top folder."""
    png = io.BytesIO()
    draw_tradeoff().savefig(png, dpi=150)
    write_bytes(Path("tradeoff.png"), png.getvalue())


if __name__ == "__main__":
    run(main)
