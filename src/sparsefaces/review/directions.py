"""Which way a metric should go, and what a change of it is called."""

from typing import NamedTuple


class Direction(NamedTuple):
    """The wanted direction, and words for a change along it and against it."""

    arrow: str
    along: str
    against: str


# A metric that is not here has no direction: `loss` weighs its terms with params that may themselves have changed.
DIRECTIONS = {
    "rec": Direction("↓", "better", "worse"),
    "explained_variance": Direction("↑", "better", "worse"),
    "psnr": Direction("↑", "better", "worse"),
    "spa": Direction("↓", "sparser", "less sparse"),
    "l0": Direction("↓", "sparser", "less sparse"),
    "bits": Direction("↓", "smaller", "larger"),
    "hoyer": Direction("↑", "sparser", "less sparse"),
    "gini": Direction("↑", "sparser", "less sparse"),
    "near_zero": Direction("↑", "sparser", "less sparse"),
    "treves_rolls": Direction("↓", "sparser", "less sparse"),
    "ent": Direction("↓", "better", "worse"),
    "silent_units": Direction("↓", "better", "worse"),
    "min_mean_activation": Direction("↑", "better", "worse"),
    "reg": Direction("↓", "smaller", "larger"),
    "effective_area": Direction("↓", "more local", "less local"),
    "spatial_spread": Direction("↓", "more local", "less local"),
    "window_energy": Direction("↑", "more local", "less local"),
}


def arrow(metric: str) -> str:
    """Return the direction in which a metric should go, or nothing."""
    known = DIRECTIONS.get(metric)
    return known.arrow if known else ""


def judge(metric: str, difference: float) -> str:
    """Say what a change of a metric is, or nothing where it has no direction."""
    known = DIRECTIONS.get(metric)
    if known is None or not difference:
        return ""
    return known.along if (difference > 0) == (known.arrow == "↑") else known.against
