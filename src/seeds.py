"""Put the claims of some seeds, from DVC's experiments, into docs/results.md. Usage: python src/seeds.py 1,2,3."""

import sys
from pathlib import Path

from sparsefaces.base.files import write_bytes
from sparsefaces.base.script import run
from sparsefaces.review.seeds import choose, claims_by_seed, format_claims, put_claims

PAGE = Path("docs/results.md")


def main() -> None:
    """Renew the table, and print it."""
    claims = choose(claims_by_seed(), ",".join(sys.argv[1:]))
    write_bytes(PAGE, put_claims(PAGE.read_text(encoding="utf-8"), claims).encode())
    print(format_claims(claims))


if __name__ == "__main__":
    run(main)
