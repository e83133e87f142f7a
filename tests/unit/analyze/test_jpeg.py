"""JPEG as a method of compression."""

import numpy as np

from sparsefaces.analyze.jpeg import CHUNK, code_as_jpeg, jpeg_curve
from sparsefaces.standardize.dataset import Dataset


def dataset_of(images):
    """Standardise images by nothing."""
    count, *shape = images.shape
    X = images.reshape(count, -1)
    return Dataset(X, np.zeros(X.shape[1], np.float32), 1.0, tuple(shape), np.ones(count, bool))


def test_jpeg__better_quality_costs_more_bits_and_no_header_is_counted():
    faces = np.random.default_rng(0).random((3, 16, 16), dtype=np.float32)
    coarse, fine = jpeg_curve(code_as_jpeg(dataset_of(faces), (5, 90)))
    assert coarse.bits < fine.bits
    assert coarse.psnr < fine.psnr
    (flat,) = jpeg_curve(code_as_jpeg(dataset_of(np.full((1, 8, 8), 0.5, dtype=np.float32)), (50,)))
    assert flat.bits == 8  # one block: no difference, end of block, padding; a whole file has hundreds of bytes


def test_jpeg__each_face_of_many_has_its_own_size_and_error():
    faces = np.random.default_rng(0).random((CHUNK + 2, 8, 8), dtype=np.float32)
    coded = code_as_jpeg(dataset_of(faces), (50,))
    for row in (0, CHUNK - 1, CHUNK, CHUNK + 1):
        alone = code_as_jpeg(dataset_of(faces[row : row + 1]), (50,))
        assert [coded[part][0, row] for part in coded] == [alone[part][0, 0] for part in alone]
