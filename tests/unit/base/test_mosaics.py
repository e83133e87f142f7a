import io

import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.mosaics import filter_mosaic, mosaic, png_of_mosaic, scale_filters


def test_mosaic__lays_images_out_in_rows_with_gaps_between_them():
    images = np.arange(3, dtype=np.float32)[:, None, None] * np.ones((3, 2, 1), np.float32)
    picture = mosaic(images, columns=2, gap=1, background=9)
    assert picture.tolist() == [[0, 9, 1], [0, 9, 1], [9, 9, 9], [2, 9, 9], [2, 9, 9]]


def test_scale_filters__by_its_own_or_the_largest_weight_of_all_with_zero_in_the_middle():
    W = np.array([[1, -2, 0], [4, 0, 2], [0, 0, 0]], np.float32)
    assert scale_filters(W, "own").tolist() == [[0.75, 0, 0.5], [1, 0.5, 0.75], [0.5, 0.5, 0.5]]
    assert scale_filters(W, "common").tolist() == [[0.625, 0.25, 0.5], [1, 0.5, 0.75], [0.5, 0.5, 0.5]]


def test_filter_mosaic__shows_the_first_ones_in_a_square():
    W = np.ones((5, 6), np.float32)
    assert filter_mosaic(W, (2, 3), filters=5, scale="own").shape == (2 * 2 + 2, 3 * 3 + 2 * 2)
    assert filter_mosaic(W, (2, 3), filters=4, scale="own").shape == (2 * 2 + 2, 2 * 3 + 2)


@pytest.mark.parametrize("zoom", [1, 3])
def test_png_of_mosaic__has_the_picture_s_values(zoom):
    image = Image.open(io.BytesIO(png_of_mosaic(np.array([[-1, 0, 0.5, 1, 2]], np.float32), zoom)))
    assert image.size == (5 * zoom, zoom)
    assert np.asarray(image)[0, ::zoom].tolist() == [0, 0, 128, 255, 255]
