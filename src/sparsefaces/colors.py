"""The project's colours."""

from collections.abc import Sequence
from types import MappingProxyType

# One colour per model and method, everywhere: Okabe and Ito's and their like, which the colour-blind tell apart. Those
# of models are dark enough for text on white paper, 4.5 to 1; those of methods are for lines.
MODELS = ("#0072B2", "#AD4700", "#5D3A9B", "#000000", "#882255")  # in their order
METHODS = MappingProxyType(
    {"PCA": "#009E73", "NMF": "#E69F00", "dictionary": "#56B4E9", "DCT": "#CC79A7", "JPEG": "#666666"}
)
INK, QUIET = "#222222", "#6b6b6b"


def color_of(name: str, models: Sequence[str]) -> str:
    """Look up the colour of a model or a method; "PCA best" has PCA's, and a name that begins with none is grey."""
    if name in models:
        return MODELS[models.index(name) % len(MODELS)]
    return next((color for method, color in METHODS.items() if name.startswith(method)), QUIET)


def ink_of(name: str, models: Sequence[str]) -> str:
    """Look up the colour of text about a model or a method: a model's own; a method's would be too light."""
    return color_of(name, models) if name in models else INK
