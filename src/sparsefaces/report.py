"""report.html: the comparison on one page that needs nothing beside itself."""

import base64
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

# What the table shows, in its order: key, label, format.
TABLE = (
    ("rec", "Reconstruction error (rec)", "{:.2f}"),
    ("explained_variance", "Explained variance", "{:.2%}"),
    ("psnr", "PSNR", "{:.2f} dB"),
    ("spa", "L1 norm of the code (spa)", "{:.1f}"),
    ("l0", "Active units a face (L0)", "{:.1f}"),
    ("hoyer", "Hoyer sparsity of the codes", "{:.3f}"),
    ("ent", "Sum of 1 / mean activation (ent)", "{:.1f}"),
    ("silent_units", "Units silent on every face", "{}"),
    ("reg", "Squared norm of the decoder (reg)", "{:.2f}"),
    ("effective_area", "Effective area of a filter, median", "{:.1%}"),
)
CAPTIONS = {
    "decoder": "Decoding filters, scaled as analyze.filter_scale says; mid-grey is zero. A filter that looks "
    "blank has its largest weight at the edge.",
    "sparsity": "All activations on the first faces, from largest to smallest. Where a line reaches zero, "
    "the units that remain are off.",
    "curves": "The four terms over the iterations, each on one minibatch before its update; the first row is left out.",
    "reconstructions": "The first faces and what each model makes of them.",
}


def render_report(
    provenance: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]], figures: Mapping[str, bytes]
) -> str:
    """Render the report.

    Args:
        provenance: provenance.json of the faces.
        metrics: The models' metrics by model name.
        figures: PNG by name, of the names in CAPTIONS.

    Returns:
        One HTML page with its pictures inside.
    """
    environment = Environment(
        loader=PackageLoader("sparsefaces", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(
        data=provenance,
        models=list(metrics),
        table=[(label, [_cell(row[key], form) for row in metrics.values()]) for key, label, form in TABLE],
        figures=[(name, caption, base64.b64encode(figures[name]).decode()) for name, caption in CAPTIONS.items()],
    )


def _cell(value: float | None, form: str) -> str:
    return "not finite" if value is None else form.format(value)
