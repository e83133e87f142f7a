"""Write the tables over some seeds, from DVC's experiments: seeds.md. Usage: python src/seeds.py 1,2,3."""

import sys
from pathlib import Path

from sparsefaces.base.files import write_bytes
from sparsefaces.base.params import load_params, name_of
from sparsefaces.base.script import run
from sparsefaces.review.seeds import choose, format_claims, format_stability, results_by_seed


def main() -> None:
    """Write the claims' table and that of the filters' similarity, and print both."""
    results = choose(results_by_seed(), ",".join(sys.argv[1:]))
    models = [name_of(stage) for stage in load_params().models]
    tables = f"{format_claims(results)}\n\n{format_stability(results, models)}".strip()
    write_bytes(Path("seeds.md"), f"{tables}\n".encode())
    print(tables)


if __name__ == "__main__":
    run(main)
