"""report.html: the comparison on one page that needs nothing beside itself."""

import base64
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from sparsefaces.analyze.claims import models_of
from sparsefaces.base.params import MODEL_PREFIX, label_of
from sparsefaces.colors import MODELS
from sparsefaces.metrics.table import METRICS

# What one claim does that got a verdict, and what several do.
VERDICTS = {
    "holds": ("holds", "hold"),
    "does not hold": ("does not hold", "do not hold"),
    "not decided": ("is not decided", "are not decided"),
}


class Report(NamedTuple):
    """All that the page shows.

    Attributes:
        provenance: provenance.json of the faces.
        metrics: The models' metrics by model name.
        claims: claims.json: `claims`, one mapping per measure of a claim; `methods`, one row per method; and
            `notes`, in sentences; `sample`, a sentence on which faces were compared. Each may be missing.
        figures: PNG by name; templates/figures.html.j2 has their titles and order.
        page: What the explorer and the editor compute with, of `payload.pack`; None leaves both out.
        settings: Parameters by section.
        hashes: SHA-256 of what was read, by name.
    """

    provenance: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Any]]
    claims: Mapping[str, Sequence[Any]]
    figures: Mapping[str, bytes]
    page: Mapping[str, Any] | None
    settings: Mapping[str, Mapping[str, Any]]
    hashes: Mapping[str, str]


def render_report(report: Report) -> str:
    """Render the report as one HTML page with everything inside."""
    environment = Environment(
        loader=PackageLoader("sparsefaces.report", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"figure": short_figure, "cell": _cell, "interval_bar": interval_bar}
    environment.filters["kind"] = lambda name: _kind(name, [*report.metrics])
    claims = report.claims.get("claims", ())
    return environment.get_template("report.html.j2").render(
        data=report.provenance,
        models=list(report.metrics),
        lead=f"{summarize(report.metrics, claims, report.settings)} {report.claims.get('sample', '')}".strip(),
        metrics=report.metrics,
        table=_table(report.metrics),
        claims=_claims(claims),
        methods=_methods(report.claims.get("methods", ())),
        notes=report.claims.get("notes", ()),
        figures={name: _figure(png) for name, png in report.figures.items()},
        page=report.page,
        settings=report.settings,
        hashes=report.hashes,
    )


def summarize(
    metrics: Mapping[str, Mapping[str, Any]],
    claims: Sequence[Mapping[str, Any]],
    settings: Mapping[str, Mapping[str, Any]],
) -> str:
    """Say in a few words what came out, whichever way it did."""
    labels = [f"{name} has {label_of(settings[MODEL_PREFIX + name])}" for name in metrics]
    codes = [
        f"the {name} model keeps {of['l0']:.0f} units active per face and explains {of['explained_variance']:.1%} "
        "of the variance"
        for name, of in metrics.items()
    ]
    text = f"Autoencoders that were trained alike but for this: {_listed(labels)}. T{'; '.join(codes)[1:]}."
    if claims:
        text += f" Of {len(claims)} measured claims about them, {_count_verdicts(claims)}."
    return text


def _kind(name: str, models: Sequence[str]) -> str:
    """Name the class of a model's colour, as report.css has them; other methods have none."""
    return f"model-{models.index(name) % len(MODELS)}" if name in models else ""


def _claims(claims: Sequence[Mapping[str, Any]]) -> list[tuple[list[str], list[tuple[str, list[Mapping[str, Any]]]]]]:
    """Group claims by the two models that they compare, and by their sentences."""
    return [
        (pair, [(text, list(rows)) for text, rows in groupby(of_pair, key=itemgetter("claim"))])
        for pair, of_pair in groupby(claims, key=models_of)
    ]


def _count_verdicts(claims: Sequence[Mapping[str, Any]]) -> str:
    """Count verdicts in words: "3 hold, 1 does not hold and 1 is not decided"."""
    counts = Counter(claim["verdict"] for claim in claims)
    parts = [
        f"{counts[verdict]} {words[counts[verdict] != 1]}" for verdict, words in VERDICTS.items() if counts[verdict]
    ]
    return _listed(parts)


def _listed(parts: Sequence[str]) -> str:
    """List in words: "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def short_figure(value: float | None) -> str:
    """Write a number with three significant digits and no exponent, a true minus and none for None.

    >>> [short_figure(value) for value in (1234.5, 0.01234, -2.0, 0, None, 0.5, "PCA")]
    ['1,234', '0.0123', '\u22122.00', '0', 'none', '0.500', 'PCA']
    """
    if value is None:
        return "none"
    if isinstance(value, str):
        return value
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def interval_bar(claim: Mapping[str, Any]) -> dict[str, float]:
    """Place a claim's interval, its difference and zero on a line from 4 to 96."""
    low, high = claim["interval"]
    ends = (min(0, low, claim["difference"]), max(0, high, claim["difference"]))
    span = (ends[1] - ends[0]) or 1

    def place(value: float) -> float:
        return float(round(4 + 92 * (value - ends[0]) / span, 1))

    return {
        "zero": place(0),
        "start": place(low),
        "width": round(max(place(high) - place(low), 1.5), 1),
        "dot": place(claim["difference"]),
    }


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """Lay METRICS out, one column per model, and below it what was measured on faces held out, if there are any."""
    first = next(iter(metrics.values()))
    columns = [(name, metric.title, metric.form) for name, metric in METRICS.items() if name in first]
    rows = [(title, [_cell(values[name], form) for values in metrics.values()]) for name, title, form in columns]
    held_out = [values["held_out"] for values in metrics.values() if "held_out" in values]
    return rows + [
        (f"{title}, on faces held out", [_cell(values[name], form) for values in held_out])
        for name, title, form in columns
        if held_out and name in held_out[0] and name not in ("reg", "effective_area")  # the decoder's: of no faces
    ]


def _figure(png: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
    return {"width": width, "height": height, "png": base64.b64encode(png).decode()}


def _methods(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Turn rows of methods into a table with one row per metric; those of the null come last."""
    if not rows:
        return None
    names = [name for name in rows[0] if name not in ("method", "null")]
    cells = {name: [_cell(row[name], METRICS[name].form, "none") for row in rows] for name in names}
    table = [(METRICS[name].label, cells[name]) for name in names]
    for name in rows[0].get("null", ()):
        shuffled = [_cell(row["null"][name], METRICS[name].form, "none") for row in rows]
        table.append((f"{METRICS[name].label}, shuffled", shuffled))
    return {"names": [row["method"] for row in rows], "rows": table}


def _cell(value: float | None, form: str, without: str = "not finite") -> str:
    return without if value is None else form.format(value)
