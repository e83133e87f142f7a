"""What analyze leaves in its folder."""

from collections.abc import Mapping
from typing import Any

from sparsefaces.analyze.evidence import Evidence
from sparsefaces.base.files import STAGES, write_bytes, write_csv, write_json

ANALYZE = STAGES / "analyze"


def save_comparison(metrics: Mapping[str, Any], evidence: Evidence, figures: Mapping[str, bytes], report: str) -> None:
    """Write metrics.json, claims.json, the curves' tables, one PNG per figure, and report.html."""
    write_json(ANALYZE / "metrics.json", metrics)
    write_json(ANALYZE / "claims.json", evidence.claims)
    write_csv(ANALYZE / "rate_distortion.csv", evidence.rate_distortion)
    write_csv(ANALYZE / "activations.csv", evidence.activations)
    for name, png in figures.items():
        write_bytes(ANALYZE / f"{name}.png", png)
    write_bytes(ANALYZE / "report.html", report.encode())
