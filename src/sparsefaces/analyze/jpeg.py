"""Faces as baseline JPEG (Pillow, grey): how large they become, and how far from what they were."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sparsefaces.analyze.compression import Point
from sparsefaces.analyze.parallel import Job
from sparsefaces.base.arrays import parts
from sparsefaces.base.cache import Arrays, fingerprint_code
from sparsefaces.standardize.dataset import Dataset

JPEG = "JPEG"
QUALITIES = (1, 5, 10, 20, 30, 50, 80)  # Pillow's
PACKAGES = ("numpy", "pillow")
CHUNK = 1000  # faces at a time
START_OF_SCAN, END = b"\xff\xda", 2  # markers; the end of image is two bytes long


def jpeg_job(faces: Dataset) -> Job:
    """Describe how to code faces at every quality; it leaves what `jpeg_curve` reads."""
    code = fingerprint_code("base", "standardize", "analyze/jpeg.py", packages=PACKAGES)
    return Job(f"Coding {len(faces.X):,} faces as JPEG", code_as_jpeg, (faces, QUALITIES, code))


def jpeg_curve(coded: Mapping[str, NDArray[Any]]) -> list[Point]:
    """Make a point of each quality."""
    return [
        Point(JPEG, None, float(bits.mean()), errors)
        for bits, errors in zip(coded["bits"], coded["errors"], strict=True)
    ]


def code_as_jpeg(faces: Dataset, qualities: Sequence[int] = QUALITIES, code: str = "") -> Arrays:
    """Code every face at every quality.

    Counted are the bytes of the scan alone: headers and tables are the same for every face of a quality, and
    the other methods' tables are not counted either.

    Returns:
        `bits` and `errors`, (qualities, N): the size of each face, and the mean squared error of its pixels in [0, 1].
    """
    count = len(faces.X)
    bits = np.empty((len(qualities), count), np.int64)
    errors = np.empty((len(qualities), count))
    for rows in parts(count, CHUNK):
        pixels = faces.to_images(faces.X[rows])
        grey = (pixels * 255).round().astype(np.uint8)
        for which, quality in enumerate(qualities):
            files = [_jpeg(image, quality) for image in grey]
            bits[which, rows] = [8 * _scan_bytes(file) for file in files]
            decoded = np.stack([np.asarray(Image.open(io.BytesIO(file)), np.float32) / 255 for file in files])
            errors[which, rows] = np.square(decoded - pixels).mean(axis=(1, 2), dtype=np.float64)
    return {"bits": bits, "errors": errors}


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "jpeg", quality=quality)
    return file.getvalue()


def _scan_bytes(file: bytes) -> int:
    """Count the entropy-coded bytes of a baseline JPEG, which has one scan."""
    marker = file.index(START_OF_SCAN)
    header = int.from_bytes(file[marker + 2 : marker + 4], "big")
    return len(file) - (marker + 2 + header) - END
