"""The project's colours."""

from types import MappingProxyType

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
QUIET = "#6b6b6b"


def color_of(name: str) -> str:
    """Look up the colour of a method; "PCA best" has PCA's, and a name that begins with none is grey."""
    return next((color for method, color in COLORS.items() if name.lower().startswith(method.lower())), QUIET)
