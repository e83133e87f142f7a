"""Write the table of the claims over some seeds, from DVC's experiments: seeds.md. Usage: python src/seeds.py 1,2,3."""

import sys
from pathlib import Path

from sparsefaces.base.files import write_bytes
from sparsefaces.base.script import run
from sparsefaces.review.seeds import choose, claims_by_seed, format_claims


def main() -> None:
    """Write the table, and print it."""
    table = format_claims(choose(claims_by_seed(), ",".join(sys.argv[1:])))
    write_bytes(Path("seeds.md"), f"{table}\n".encode())
    print(table)


if __name__ == "__main__":
    run(main)
