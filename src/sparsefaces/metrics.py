"""Each metric once: what it is called, how it is written, and which way it should go."""

from types import MappingProxyType
from typing import NamedTuple


class Metric(NamedTuple):
    """One metric.

    Attributes:
        label: What tables and figures call it.
        form: How a table writes it.
        arrow: The way it should go, up or down.
        along: What a change that way is called.
        against: What a change the other way is called.
        unit: What an axis says of its numbers.
    """

    label: str
    form: str
    arrow: str
    along: str
    against: str
    unit: str = ""

    @property
    def title(self) -> str:
        """The label at the beginning of a line."""
        return self.label[:1].upper() + self.label[1:]

    def judge(self, difference: float) -> str:
        """Say what a change is, or nothing if there is none."""
        if not difference:
            return ""
        return self.along if (difference > 0) == (self.arrow == "↑") else self.against


_BETTER, _SPARSER = ("better", "worse"), ("sparser", "less sparse")
_SMALLER, _LOCAL = ("smaller", "larger"), ("more local", "less local")
# `loss` is not here: it weighs its terms with parameters that may themselves have changed, so no way is better.
METRICS = MappingProxyType(
    {
        "rec": Metric("reconstruction error (rec)", "{:.2f}", "↓", *_BETTER, "standardised units squared"),
        "explained_variance": Metric("explained variance", "{:.2%}", "↑", *_BETTER),
        "psnr": Metric("PSNR, dB", "{:.2f}", "↑", *_BETTER),
        "spa": Metric("L1 norm of the code (spa)", "{:.1f}", "↓", *_SPARSER, "activation"),
        "l0": Metric("active units per face (L0)", "{:.1f}", "↓", *_SPARSER),
        "bits": Metric("bits per face", "{:.1f}", "↓", *_SMALLER),
        "hoyer": Metric("Hoyer sparsity of the code", "{:.3f}", "↑", *_SPARSER),
        "gini": Metric("Gini index of the code", "{:.3f}", "↑", *_SPARSER),
        "near_zero": Metric("activations of at most 1 % of the face's largest, share", "{:.3f}", "↑", *_SPARSER),
        "treves_rolls": Metric("Treves-Rolls sparseness of the code", "{:.3f}", "↓", *_SPARSER),
        "ent": Metric("sum of 1 / mean activation (ent)", "{:.1f}", "↓", *_BETTER, "1 / activation"),
        "silent_units": Metric("units silent on every face", "{}", "↓", *_BETTER),
        "min_mean_activation": Metric("smallest mean activation of a unit", "{:.3g}", "↑", *_BETTER),
        "reg": Metric("squared norm of the decoder (reg)", "{:.2f}", "↓", *_SMALLER, "weight squared"),
        "effective_area": Metric("effective area of a filter, share of the image", "{:.1%}", "↓", *_LOCAL),
        "spatial_spread": Metric("spatial spread of a filter, relative to a uniform one", "{:.3f}", "↓", *_LOCAL),
        "window_energy": Metric("energy of a filter in its best 9 x 9 window, share", "{:.3f}", "↑", *_LOCAL),
    }
)
