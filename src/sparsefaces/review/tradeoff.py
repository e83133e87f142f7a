"""What sparsity costs and buys over a sweep: explained variance against active units, and against bits."""

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from statistics import mean
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from tabulate import tabulate

from sparsefaces.base.errors import UserError
from sparsefaces.colors import INK, QUIET, color_of_lambda
from sparsefaces.metrics import METRICS
from sparsefaces.report.style import grid, new_figure, paper, png_of_figure
from sparsefaces.tracking.queries import Logged

SIZE = (10.0, 4.4)
AXES = ("l0", "bits")
MEASURED = ("explained_variance", *AXES)
FREE = ("lambda", "seed", "log_every")  # what may differ between trainings that are compared


class Point(NamedTuple):
    """One training; `experiment` is DVC's name for what it ran in, empty outside of one."""

    lambd: float
    seed: int
    explained_variance: float
    l0: float
    bits: float
    experiment: str


class Tradeoff(NamedTuple):
    """Trainings that may be compared, from the sparsest to the dense one, and why others were left out."""

    points: list[Point]
    left_out: list[str]


def compare(runs: Sequence[Logged]) -> Tradeoff:
    """Choose the newest training and all that differ from it in lambda and seed alone, the newest of each.

    Args:
        runs: Finished trainings, the newest first.

    Raises:
        UserError: These are less than two.
    """
    measured = [run for run in runs if all(f"final/{name}" in run.metrics for name in MEASURED)]
    reasons = Counter({"without final metrics": len(runs) - len(measured)})
    chosen: dict[tuple[float, int], Point] = {}
    for run in measured:
        point = _point(run)
        differing = _differing(run, measured[0])
        if differing:
            reasons[f"of other {' and '.join(differing)}"] += 1
        elif (point.lambd, point.seed) in chosen:
            reasons["of the same lambda and seed as a newer one"] += 1
        else:
            chosen[point.lambd, point.seed] = point
    if len({point.lambd for point in chosen.values()}) < 2:
        raise UserError(
            f"of {len(runs)} finished trainings in MLflow, no two can be compared that differ in lambda: "
            "run a sweep (`make sweep` says how)"
        )
    left_out = [f"{count} {reason}" for reason, count in reasons.items() if count]
    return Tradeoff(sorted(chosen.values(), key=lambda point: (-point.lambd, point.seed)), left_out)


def _point(run: Logged) -> Point:
    values = {name: run.metrics[f"final/{name}"] for name in MEASURED}
    experiment = run.tags.get("dvc.experiment", "")
    return Point(float(run.params["lambda"]), int(run.params["seed"]), **values, experiment=experiment)


def _differing(run: Logged, reference: Logged) -> list[str]:
    """Name what two trainings differ in, beside what may differ."""
    if run.tags["data.sha256"] != reference.tags["data.sha256"]:
        return ["data"]
    names = dict.fromkeys([*reference.params, *run.params])
    return [name for name in names if name not in FREE and run.params.get(name) != reference.params.get(name)]


def format_tradeoff(tradeoff: Tradeoff) -> str:
    """Lay the trainings out as a table, and below it say what was left out."""
    headers = ("lambda", "seed", *MEASURED, "experiment")
    rows = [
        (f"{point.lambd:g}", point.seed, *(_shown(point, name) for name in MEASURED), point.experiment)
        for point in tradeoff.points
    ]
    table = tabulate(rows, headers, tablefmt="plain", disable_numparse=True, colalign=("right",) * 5)
    return "\n".join([table, *([f"left out: {', '.join(tradeoff.left_out)}"] if tradeoff.left_out else [])])


def _shown(point: Point, name: str) -> str:
    return METRICS[name].form.format(getattr(point, name))


def draw_tradeoff(tradeoff: Tradeoff) -> bytes:
    """Draw one point per training, joined by their means at each lambda, as PNG."""
    with paper():
        figure = draw(new_figure(SIZE), tradeoff.points)
        return png_of_figure(figure)


def draw(figure: Figure, points: Sequence[Point]) -> Figure:
    """Draw points, in the order of lambda, against each of AXES."""
    for axes, name in zip(figure.subplots(1, 2, sharey=True), AXES, strict=True):
        _draw_panel(axes, points, name)
        axes.set(xlabel=METRICS[name].label, title=f"Explained variance against {name.replace('l0', 'active units')}")
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.margins(0.14)
        grid(axes)
    figure.axes[0].set_ylabel(METRICS["explained_variance"].label)
    return figure


def _draw_panel(axes: Axes, points: Sequence[Point], name: str) -> None:
    x_of, y_of = attrgetter(name), attrgetter("explained_variance")
    means = [
        (lambd, mean(map(x_of, group)), mean(map(y_of, group)))
        for lambd, group in ((lambd, list(found)) for lambd, found in groupby(points, attrgetter("lambd")))
    ]
    axes.plot([x for _, x, _ in means], [y for _, _, y in means], color=QUIET, linewidth=1.3, zorder=1)
    colors = [color_of_lambda(point.lambd) for point in points]
    axes.scatter(list(map(x_of, points)), list(map(y_of, points)), c=colors, zorder=2)
    for lambd, x, y in means:
        # The dense one's label stands above: below it is that of the smallest lambda, which lies close.
        label, place = (f"\u03bb = {lambd:g}", (6, -13)) if lambd else ("dense", (-12, 9))
        axes.annotate(label, (x, y), place, textcoords="offset points", color=INK, fontsize=10)
