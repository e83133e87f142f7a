"""report.html: the comparison on one page that needs nothing beside itself."""

import base64
import io
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from matplotlib.ticker import MaxNLocator
from PIL import Image

from sparsefaces.analyze.claims import models_of
from sparsefaces.base.params import MODEL_PREFIX, label_of
from sparsefaces.colors import MODELS
from sparsefaces.metrics.table import METRICS
from sparsefaces.report.comparison import ByModel, held_out_of
from sparsefaces.report.payload import deflate
from sparsefaces.report.units import RARE

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
        claims: claims.json: `claims`, one mapping per measure of a claim; `methods`, one row per method;
            `compression`, one per stretch of a curve, and `notes` on it, in sentences; and `sample`, a sentence on
            which faces were compared. Each may be missing.
        figures: PNG by name; templates/figures.html.j2 has their titles and order.
        page: What the explorer and the editor compute with, of `payload.pack`; None leaves both out.
        settings: Parameters by section.
        hashes: SHA-256 of what was read, by name.
    """

    provenance: Mapping[str, Any]
    metrics: ByModel
    claims: Mapping[str, Any]
    figures: Mapping[str, bytes]
    page: Mapping[str, Any] | None
    settings: ByModel
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
    environment.filters |= {"figure": short_figure, "cell": _cell, "unit": unit_of}
    environment.filters["kind"] = lambda name: _kind(name, [*report.metrics])
    claims, held_out = report.claims.get("claims", ()), held_out_of(report.metrics)
    return environment.get_template("report.html.j2").render(
        data=report.provenance,
        models=list(report.metrics),
        lead=f"{summarize(report.metrics, claims, report.settings)} {report.claims.get('sample', '')}".strip(),
        metrics=report.metrics,
        held_out=held_out,
        table=_table(report.metrics, held_out),
        claims=_claims(claims),
        scales=common_scales(claims),
        methods=_methods(report.claims.get("methods", ())),
        compression=report.claims.get("compression", ()),
        notes=report.claims.get("notes", ()),
        figures={name: _figure(png) for name, png in report.figures.items()},
        page=report.page and deflate(report.page),
        rare=RARE,
        settings=report.settings,
        hashes=report.hashes,
    )


def summarize(metrics: ByModel, claims: Sequence[Mapping[str, Any]], settings: ByModel) -> str:
    """Say in a few words what came out, whichever way it did."""
    order = [*metrics][1:] + [*metrics][:1]  # the one that all others are compared with comes last
    shares = {name: _cell(metrics[name]["explained_variance"], "{:.1%}") for name in order}
    parts = [f"the {name} one keeps {metrics[name]['l0']:.0f} and explains {shares[name]}" for name in order[1:]]
    first = f"The {order[0]} model keeps {metrics[order[0]]['l0']:.0f} of {settings['train']['hidden_units']:,} units"
    text = "; ".join([f"{first} active per face and explains {shares[order[0]]} of the variance", *parts])
    unseen = {name: of.get("explained_variance") for name, of in held_out_of(metrics).items()}
    if None not in unseen.values():
        shares_unseen = [f"{_cell(unseen[name], '{:.1%}')} ({name})" for name in order]
        text += f". Of people held out, they explain {_listed(shares_unseen)}"
    labels = [f"{name} had {label_of(settings[MODEL_PREFIX + name])}" for name in metrics]
    text += f". In training, {_listed(labels)}."
    return text + (f" Of {len(claims)} measured claims about them, {_count_verdicts(claims)}." if claims else "")


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
    return _listed([f"{n} {words[n != 1]}" for verdict, words in VERDICTS.items() if (n := counts[verdict])])


def _listed(parts: Sequence[str]) -> str:
    """List in words: "a, b and c"."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def short_figure(value: float | None) -> str:
    """Write a number with three significant digits and no exponent, a true minus and none for None.

    >>> [short_figure(value) for value in (1234.5, 0.01234, -2.0, 0, None, 0.5)]
    ['1,234', '0.0123', '\u22122.00', '0', 'none', '0.500']
    """
    if value is None:
        return "none"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}".replace("-", "\u2212")


def unit_of(measure: str) -> str:
    """Tell what a measure's differences are in; those in one unit can be compared."""
    return "dB" if measure.endswith("dB") else "share"


def common_scales(claims: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Find round ticks that span zero and all intervals of one unit, by unit."""
    spans: defaultdict[str, list[float]] = defaultdict(lambda: [0.0])
    for claim in claims:
        spans[unit_of(claim["measure"])] += [*claim["interval"], claim["difference"]] if claim["interval"] else []
    return {unit: [*map(float, MaxNLocator(4).tick_values(min(of), max(of)))] for unit, of in spans.items()}


def _table(metrics: ByModel, held_out: ByModel) -> list[tuple[str, list[str]]]:
    """Lay METRICS out, one column per model, and below it what was measured on faces held out, if there are any."""
    first = next(iter(metrics.values()))
    columns = [(name, metric.title, metric.form) for name, metric in METRICS.items() if name in first]
    rows = [(title, [_cell(values[name], form) for values in metrics.values()]) for name, title, form in columns]
    return rows + [
        (f"{title}, on faces held out", [_cell(values[name], form) for values in held_out.values()])
        for name, title, form in columns
        if all(name in values for values in held_out.values())
    ]


def _figure(png: bytes) -> dict[str, Any]:
    with Image.open(io.BytesIO(png)) as image:
        width, height = image.size
    return {"width": width, "height": height, "png": base64.b64encode(png).decode()}


def _methods(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Turn rows of methods into a table with one row per metric; those of the null come last."""
    if not rows:
        return None
    nulls = [row.get("null", {}) for row in rows]
    wanted = [(METRICS[name].label, name, rows) for name in rows[0] if name not in ("method", "null")]
    wanted += [(f"{METRICS[name].label}, shuffled", name, nulls) for name in nulls[0]]
    cells = [(label, [_cell(of[name], METRICS[name].form, "none") for of in given]) for label, name, given in wanted]
    return {"names": [row["method"] for row in rows], "rows": cells}


def _cell(value: float | None, form: str, without: str = "not finite") -> str:
    return without if value is None else form.format(value).replace("%", "\u00a0%")
