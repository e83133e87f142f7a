"""What sparsity costs and buys over a sweep: explained variance, and how local filters are, against active units."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from statistics import mean
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, ScalarFormatter
from tabulate import tabulate

from sparsefaces.base.errors import UserError
from sparsefaces.base.params import label_of
from sparsefaces.base.words import PEOPLE
from sparsefaces.colors import COLORS, INK, TOP_K, color_of_model
from sparsefaces.metrics import METRICS
from sparsefaces.report.style import grid, new_figure, paper, png_of_figure
from sparsefaces.tracking.queries import Logged

SIZE = (11.0, 4.6)
AXES = ("explained_variance", "effective_area")  # each against l0
MEASURED = (*AXES, "l0", "silent_units")
OF_FACES = ("explained_variance", "l0")  # of people held out, if there are any; the others are of the model
FREE = ("lambda", "activation", "k", "seed", "log_every")  # what may differ between trainings that are compared
FAMILIES = {"relu": ("L1, over lambda", COLORS["sparse"], "o"), "topk": ("top-k, over k", TOP_K, "s")}
APART = 0.07  # of the axes, that two labels keep


class Point(NamedTuple):
    """One training; `experiment` is DVC's name for what it ran in, empty outside of one.

    Attributes:
        family: Its activation.
        label: What tells its model from others.
        strength: Lambda or k, by which a family is ordered.
        seed: Its seed.
        measured: Its metrics, of MEASURED.
        color: Its model's.
        experiment: The experiment's name.
    """

    family: str
    label: str
    strength: float
    seed: int
    measured: Mapping[str, float]
    color: str
    experiment: str


class Tradeoff(NamedTuple):
    """Trainings that may be compared, family by family, why others were left out, and whether people were held out."""

    points: list[Point]
    left_out: list[str]
    held_out: bool


def compare(runs: Sequence[Logged]) -> Tradeoff:
    """Choose the newest training and all that differ from it in how their codes are made and in seed alone.

    Args:
        runs: Finished trainings, the newest first; of two that are alike the newer one is taken.

    Raises:
        UserError: These are less than two.
    """
    measured = [run for run in runs if all(f"final/{name}" in run.metrics for name in MEASURED)]
    reasons = Counter({"without final metrics": len(runs) - len(measured)})
    held_out = bool(measured) and f"final/held_out/{OF_FACES[0]}" in measured[0].metrics
    chosen: dict[tuple[str, int], Point] = {}
    for run in measured:
        if differing := _differing(run, measured[0]):
            reasons[f"of other {' and '.join(differing)}"] += 1
            continue
        point = point_of(run, held_out)
        if (point.label, point.seed) in chosen:
            reasons["like a newer one"] += 1
        else:
            chosen[point.label, point.seed] = point
    if len({point.label for point in chosen.values()}) < 2:
        raise UserError(
            f"of {len(runs)} finished trainings in MLflow, no two can be compared that differ in lambda or k: "
            "run a sweep (`make sweep` says how)"
        )
    left_out = [f"{count} {reason}" for reason, count in reasons.items() if count]
    return Tradeoff(sorted(chosen.values(), key=attrgetter("family", "strength", "seed")), left_out, held_out)


def point_of(run: Logged, held_out: bool) -> Point:
    """Take what is drawn of a training; what is of faces, of people held out."""
    family = run.params.get("activation", "relu")
    groups = {name: "final/held_out" if held_out and name in OF_FACES else "final" for name in MEASURED}
    return Point(
        family,
        label_of(run.params),
        float(run.params["lambda"] if run.params.get("k", "None") == "None" else run.params["k"]),
        int(run.params["seed"]),
        {name: run.metrics[f"{group}/{name}"] for name, group in groups.items()},
        color_of_model(run.params),
        run.tags.get("dvc.experiment", ""),
    )


def _differing(run: Logged, reference: Logged) -> list[str]:
    """Name what two trainings differ in, beside what may differ."""
    if run.tags["data.sha256"] != reference.tags["data.sha256"]:
        return ["data"]
    names = dict.fromkeys([*reference.params, *run.params])
    return [name for name in names if name not in FREE and run.params.get(name) != reference.params.get(name)]


def format_tradeoff(tradeoff: Tradeoff) -> str:
    """Lay the trainings out as a table, and below it say what was left out."""
    headers = ("model", "seed", *MEASURED, "experiment")
    rows = []
    for point in tradeoff.points:
        measured = [METRICS[name].form.format(point.measured[name]) for name in MEASURED]
        rows.append((point.label, point.seed, *measured, point.experiment))
    table = tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=("right",) * len(headers))
    whose = [f"explained_variance and l0 are of {PEOPLE} held out"] if tradeoff.held_out else []
    left_out = [f"left out: {', '.join(tradeoff.left_out)}"] if tradeoff.left_out else []
    return "\n".join([table, *whose, *left_out])


def draw_tradeoff(tradeoff: Tradeoff) -> bytes:
    """Draw one point per training, joined by their means for each model, one line per family, as PNG."""
    with paper():
        return png_of_figure(draw(new_figure(SIZE), tradeoff))


def draw(figure: Figure, tradeoff: Tradeoff) -> Figure:
    """Draw points against active units, one panel for each of AXES."""
    whose = f", {PEOPLE} held out" if tradeoff.held_out else ""
    for axes, name in zip(figure.subplots(1, 2), AXES, strict=True):
        axes.set_xscale("log")
        for family, points in groupby(tradeoff.points, attrgetter("family")):
            _draw_family(axes, family, list(points), name)
        of_faces = whose if name in OF_FACES else ""
        axes.set(xlabel=METRICS["l0"].label + whose, ylabel=METRICS[name].label + of_faces)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.margins(0.12)
        grid(axes)
        _label(axes, list(_means(tradeoff.points, name)))
    handles = [
        Line2D([], [], color=color, marker=marker, label=title)
        for title, color, marker in map(_look, dict.fromkeys(point.family for point in tradeoff.points))
    ]
    if any(point.measured["silent_units"] for point in tradeoff.points):
        handles.append(Line2D([], [], color=INK, marker="o", fillstyle="none", linestyle="", label="with silent units"))
    figure.axes[0].legend(handles=handles, frameon=False)
    return figure


def _look(family: str) -> tuple[str, str, str]:
    """Choose a family's title, colour and marker; those of another activation are its name and dark diamonds."""
    return FAMILIES.get(family, (family, INK, "D"))


def _draw_family(axes: Axes, family: str, points: Sequence[Point], name: str) -> None:
    _, color, marker = _look(family)
    lines = [(x, y) for _, x, y in _means(points, name)]
    axes.plot(*zip(*lines, strict=True), color=color, linewidth=1.3, zorder=1)
    xs, ys = ([point.measured[of] for point in points] for of in ("l0", name))
    faces = ["none" if point.measured["silent_units"] else point.color for point in points]
    axes.scatter(xs, ys, c=faces, edgecolors=[point.color for point in points], marker=marker, zorder=2)


def _means(points: Iterable[Point], name: str) -> Iterator[tuple[str, float, float]]:
    """Average each model's seeds: its label, active units and the metric."""
    for label, group in groupby(points, attrgetter("label")):
        measured = [point.measured for point in group]
        yield label, mean(one["l0"] for one in measured), mean(one[name] for one in measured)


def _label(axes: Axes, means: Sequence[tuple[str, float, float]]) -> None:
    """Write labels beside the means, but for those too near to one that is written."""
    to_axes = axes.transData + axes.transAxes.inverted()
    written: list[tuple[float, float]] = []
    for label, x, y in means:
        across, up = to_axes.transform((x, y))
        if all(abs(across - left) > 2 * APART or abs(up - low) > APART for left, low in written):
            written.append((across, up))
            axes.annotate(label, (x, y), (6, -13), textcoords="offset points", color=INK, fontsize=9)
