"""The study's tables and its figure, made from examples/study.json: all in examples/, one in docs/results.md, too."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter
from tabulate import tabulate

from sparsefaces.base.files import write_bytes
from sparsefaces.colors import METHODS, MODELS, QUIET
from sparsefaces.metrics import METRICS
from sparsefaces.report.style import grid, new_figure, paper, png_of_figure

RESULTS, PAGE, PICTURE = Path("examples/study.json"), Path("docs/results.md"), Path("examples/frontier.png")
COLUMNS = {  # of the ablation
    "explained_variance": ("explained", "{:.1%}"),
    "l0": ("active units", "{:.0f}"),
    "silent_units": ("silent", "{:.0f}"),
    "hoyer": ("Hoyer", "{:.3f}"),
    "effective_area": ("covers", "{:.1%}"),
    "spatial_spread": ("spread", "{:.3f}"),
    "window_energy": ("window", "{:.3f}"),
    "inner_area": ("covers, inner", "{:.1%}"),
    "reg": ("reg", "{:,.0f}"),
}
LINES = {  # of the figure: colour, and style
    "L1": (MODELS[1], "o-"),
    "L1 without ent": (MODELS[1], "X"),
    "top-k": (MODELS[2], "s-"),
    "PCA first": (METHODS["PCA"], "-"),
    "PCA best": (METHODS["PCA"], "--"),
    "NMF": ("#9A6500", "^-"),
    "dictionary learning": ("#1F78A8", "v-"),
    "dense": (MODELS[0], "D"),
}
Study = Mapping[str, Sequence[Any]]
TABLES = Path("examples/study.md")


def tables(study: Study) -> dict[str, str]:
    """Make every table, by its title."""
    return {
        "ablation": _ablation(study),
        "terms": _terms(study["terms"]),
        "frontier": _frontier(study),
        "equal units": _equal(study["equal"]),
        "stability": _stability(study["stability"]),
    }


def _of(study: Study, label: str) -> list[Mapping[str, Any]]:
    return [row for row in study["models"] if row["label"] == label]


def _ablation(study: Study) -> str:
    """Lay the ablation out: the mean over the seeds, and last the largest standard deviation of a column."""
    rows, spread = [], dict.fromkeys(COLUMNS, 0.0)
    for label in study["ablation"]:
        of_seeds = _of(study, label)
        values = {name: [row[name] for row in of_seeds] for name in COLUMNS}
        rows.append([label, *(form.format(mean(values[name])) for name, (_, form) in COLUMNS.items())])
        spread = {name: max(spread[name], stdev(values[name])) for name in COLUMNS}
    last = [form.format(spread[name]) for name, (_, form) in COLUMNS.items()]
    return _table(["weights", *(title for title, _ in COLUMNS.values())], [*rows, ["*largest deviation*", *last]])


def _terms(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay the claims on reg and ent out, the seeds side by side."""
    lines: dict[tuple[str, ...], list[str]] = {}
    verdicts: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        key = (f"{row['claim']}: {METRICS[row['measure']].label}", row["without"], row["with"])
        form = "{:.3f}" if row["measure"] == "hoyer" else "{:.0f}"
        lines.setdefault(key, []).append(
            " → ".join(form.format(row[f"value {which}"]) for which in ("without", "with"))
        )
        verdicts.setdefault(key, []).append(row["verdict"])
    cells = [[*key, ", ".join(lines[key]), " / ".join(dict.fromkeys(verdicts[key]))] for key in lines]
    return _table(["claim, measure", "without", "with", "each seed", "verdict"], cells, left=5)


def _frontier(study: Study) -> str:
    """Lay the frontier out: each method's models, the mean over the seeds."""
    rows = []
    for family in LINES:
        for label in dict.fromkeys(row["label"] for row in study["models"] if row["family"] == family):
            of_seeds = _of(study, label)
            means = [mean(row[name] for row in of_seeds) for name in ("l0", "explained_variance", "effective_area")]
            rows.append(
                [label, *(form.format(one) for form, one in zip(("{:.0f}", "{:.1%}", "{:.1%}"), means, strict=True))]
            )
    return _table(["model", "active units", "explained", "covers"], rows)


def _equal(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay the comparison at equal numbers of units out."""
    seeds = sorted({row["seed"] for row in rows})
    cells = []
    for units in dict.fromkeys(row["units"] for row in rows):
        of = {row["seed"]: row for row in rows if row["units"] == units}
        differences = [
            "{value:+.2f} [{low:+.2f}, {high:+.2f}]".format(**of[seed]).replace("-", "\N{MINUS SIGN}")
            if seed in of
            else ""
            for seed in seeds
        ]
        cells.append(
            [str(units), *(f"{mean(row[way] for row in of.values()):.2f}" for way in ("L1", "top-k")), *differences]
        )
    headers = ["active units", "L1, dB", "top-k, dB", *(f"difference, seed {seed}" for seed in seeds)]
    return _table(headers, cells)


def _stability(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lay the similarities of matched filters out: means over the pairs of seeds, and their range."""
    cells = []
    for label in dict.fromkeys(row["label"] for row in rows):
        similarity, null = ([row[name] for row in rows if row["label"] == label] for name in ("similarity", "null"))
        cells.append(
            [label, f"{mean(similarity):.3f}", f"{min(similarity):.3f} to {max(similarity):.3f}", f"{mean(null):.3f}"]
        )
    return _table(["filters of", "similarity", "range", "pixels shuffled"], cells)


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    sides = ["left"] * left + ["right"] * (len(headers) - left)
    return str(tabulate(rows, headers, tablefmt="github", disable_numparse=True, colalign=sides))


def draw(study: Study) -> bytes:
    """Draw explained variance and the area of filters against active units: the mean of each model's seeds."""
    with paper():
        figure = new_figure((11, 5))
        for axes, name in zip(figure.subplots(1, 2), ("explained_variance", "effective_area"), strict=True):
            axes.set(xscale="log", xlabel="active units per face (L0)", title=TITLES[name])
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
            axes.yaxis.set_major_formatter(PercentFormatter(1, 0))
            grid(axes)
            for family in LINES:
                _draw_family(axes, study, family, name)
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
        return png_of_figure(figure)


TITLES = {
    "explained_variance": "Explained variance, people held out",
    "effective_area": "Share of the image that a filter covers",
}


def _draw_family(axes: Axes, study: Study, family: str, name: str) -> None:
    color, style = LINES[family]
    of_family = [row for row in study["models"] if row["family"] == family]
    labels = list(dict.fromkeys(row["label"] for row in of_family))
    points = [tuple(mean(row[axis] for row in _of(study, label)) for axis in ("l0", name)) for label in labels]
    axes.plot(*zip(*points, strict=True), style, color=color, label=family, linewidth=1.6, markersize=6)
    seeds = [row for row in of_family if len(_of(study, row["label"])) > 1]
    axes.scatter([row["l0"] for row in seeds], [row[name] for row in seeds], s=5, color=QUIET, zorder=3)


def lay_out(study: Study) -> str:
    """Lay all tables out on a page of their own."""
    parts = ["# The study's tables", "[What they say](../docs/results.md#what-each-term-does)"]
    return (
        "\n\n".join([*parts, *(f"## {name.capitalize()}\n\n{table}" for name, table in tables(study).items())]) + "\n"
    )


def renew(study: Study) -> None:
    """Draw the figure, and write the tables: all on their page, and the ablation between its markers in results.md."""
    write_bytes(PICTURE, draw(study))
    write_bytes(TABLES, lay_out(study).encode())
    page = PAGE.read_text(encoding="utf-8")
    start, end = "<!-- ablation -->\n", "\n<!-- /ablation -->"
    page = f"{page.partition(start)[0]}{start}{_ablation(study)}{end}{page.partition(end)[2]}"
    write_bytes(PAGE, page.encode())
    print(lay_out(study))
