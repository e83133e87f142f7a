"""The project's colours, in figures and in MLflow's charts."""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

# One colour per method, everywhere: Okabe and Ito's, which the colour-blind tell apart. They also stand on
# white paper, which their yellow does not.
COLORS = MappingProxyType(
    {
        "dense": "#0072B2",
        "sparse": "#D55E00",
        "PCA": "#009E73",
        "NMF": "#E69F00",
        "dictionary": "#56B4E9",
        "DCT": "#CC79A7",
        "JPEG": "#666666",
    }
)
INK, QUIET = "#222222", "#6b6b6b"
PALE, DARK = "#F7C59F", "#3D1A00"  # of sparse, for a lambda of a hundredth and of a hundred
DECADES = 2
TOP_K = "#5D3A9B"  # of models whose codes are top-k


def color_of(name: str) -> str:
    """Look up the colour of a method; "PCA best" has PCA's, and a name that begins with none is grey."""
    return next((color for method, color in COLORS.items() if name.lower().startswith(method.lower())), QUIET)


def color_of_model(section: Mapping[str, Any]) -> str:
    """Choose the colour of a training by its section of params.yaml, as values or as MLflow's text."""
    if section.get("activation", "relu") != "relu":
        return TOP_K
    return color_of_lambda(float(section["lambda"]))


def color_of_lambda(lambd: float) -> str:
    """Choose the colour of a training: dense's for 0, sparse's for 1, paler below and darker above, by decades.

    >>> [color_of_lambda(lambd) for lambd in (0, 0.01, 0.1, 1, 1000)]
    ['#0072B2', '#F7C59F', '#E69250', '#D55E00', '#3D1A00']
    """
    if lambd == 0:
        return COLORS["dense"]
    place = min(max(math.log10(lambd) / DECADES, -1.0), 1.0)
    middle, end = (_channels(color) for color in (COLORS["sparse"], DARK if place > 0 else PALE))
    mixed = (round(one + abs(place) * (other - one)) for one, other in zip(middle, end, strict=True))
    return "#" + "".join(f"{channel:02X}" for channel in mixed)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))
