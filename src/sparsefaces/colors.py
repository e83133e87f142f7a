"""The project's colours."""

from collections.abc import Sequence
from types import MappingProxyType

# One colour per model and method, everywhere: Okabe and Ito's and their like, which the colour-blind tell apart. They
# also stand on white paper, which their yellow does not.
MODELS = ("#0072B2", "#D55E00", "#5D3A9B", "#000000", "#882255")  # in their order
METHODS = MappingProxyType(
    {"PCA": "#009E73", "NMF": "#E69F00", "dictionary": "#56B4E9", "DCT": "#CC79A7", "JPEG": "#666666"}
)
QUIET = "#6b6b6b"


def color_of(name: str, models: Sequence[str]) -> str:
    """Look up the colour of a model or a method; "PCA best" has PCA's, and a name that begins with none is grey."""
    if name in models:
        return MODELS[models.index(name) % len(MODELS)]
    return next((color for method, color in METHODS.items() if name.startswith(method)), QUIET)
