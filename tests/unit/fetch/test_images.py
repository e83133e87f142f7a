import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.base.mosaics import filter_mosaic, mosaic, scale_filters
from sparsefaces.fetch.images import prepare, read_grey


def grey(height, width):
    return Image.fromarray(np.arange(height * width, dtype=np.uint8).reshape(height, width))


def test_prepare__crops_by_top_bottom_left_right():
    face = prepare(grey(6, 8), (1, 4, 2, 7), 1.0, "x")
    expected = np.arange(48, dtype=np.uint8).reshape(6, 8)[1:4, 2:7] / np.float32(255)
    assert face.dtype == np.float32
    assert (face == expected).all()


@pytest.mark.parametrize(
    ("resize", "shape"), [(0.3, (33, 27)), ((37, 28), (37, 28)), (1.0, (112, 92)), ((1, 1), (1, 1))]
)
def test_prepare__resizes_by_a_factor_rounding_down_or_to_a_size(resize, shape):
    face = prepare(grey(112, 92), None, resize, "x")
    assert face.shape == shape
    assert 0 <= face.min() <= face.max() <= 1


@pytest.mark.parametrize(
    ("crop", "resize", "message"),
    [
        ((0, 7, 0, 8), 1.0, r"fetch.crop is \[0, 7, 0, 8\], but me.png is 6 x 8 pixels"),
        ((3, 3, 0, 8), 1.0, "fetch.crop is"),
        (None, 0.1, "fetch.resize is 0.1: of me.png, 6 x 8, nothing is left"),
    ],
)
def test_prepare__crop_or_size_that_leaves_nothing_is_an_error_with_the_numbers(crop, resize, message):
    with pytest.raises(UserError, match=message):
        prepare(grey(6, 8), crop, resize, "me.png")


def test_read_grey__reads_colour_transparent_palette_and_16_bit_images(tmp_path):
    colour = Image.fromarray(np.full((4, 3, 3), 200, dtype=np.uint8))
    colour.save(tmp_path / "rgb.png")
    colour.convert("RGBA").save(tmp_path / "rgba.png")
    colour.quantize(4).save(tmp_path / "palette.png")
    Image.fromarray(np.full((4, 3), 200 * 257, dtype=np.uint16)).save(tmp_path / "deep.png")
    for path in tmp_path.iterdir():
        image = read_grey(path)
        assert (image.mode, image.size) == ("L", (3, 4))
        assert (np.asarray(image) == 200).all(), path


def test_read_grey__reads_32_bit_images_of_8_or_16_bit_values_and_refuses_others(tmp_path):
    path = tmp_path / "deep.tiff"
    for peak in (200, 200 * 257):
        Image.fromarray(np.full((4, 3), peak, dtype=np.int32)).save(path)
        assert (np.asarray(read_grey(path)) == 200).all()
    for pixels in (np.full((4, 3), 70_000, dtype=np.int32), np.full((4, 3), 0.5, dtype=np.float32)):
        Image.fromarray(pixels).save(path)
        with pytest.raises(UserError, match="not whole numbers from 0 to 65,535"):
            read_grey(path)


def test_read_grey__turns_upright_as_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lay on its side
    grey(4, 6).save(tmp_path / "side.jpg", exif=exif)
    assert read_grey(tmp_path / "side.jpg").size == (4, 6)


@pytest.mark.parametrize("content", [b"", b"not an image", b"P5 4 4 255\nshort"])
def test_read_grey__damaged_file_is_an_error_that_names_it(tmp_path, content):
    path = tmp_path / "broken.pgm"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"broken.pgm cannot be read as an image"):
        read_grey(path)


def test_mosaic__places_images_row_by_row_with_gaps_and_background():
    images = np.arange(1, 4, dtype=np.float32)[:, None, None] * np.ones((3, 2, 2), dtype=np.float32)
    expected = [
        [1, 1, 9, 2, 2],
        [1, 1, 9, 2, 2],
        [9, 9, 9, 9, 9],
        [3, 3, 9, 9, 9],
        [3, 3, 9, 9, 9],
    ]
    assert mosaic(images, 2, gap=1, background=9).tolist() == expected


def test_scale_filters__own_scale_uses_each_filters_largest_weight_with_zero_at_mid_grey():
    W = np.array([[1, -2, 0], [0, 0, 0], [8, 4, -4]], dtype=np.float32)
    assert scale_filters(W, "own").tolist() == [[0.75, 0, 0.5], [0.5, 0.5, 0.5], [1, 0.75, 0.25]]
    assert scale_filters(W, "common")[0].tolist() == [0.5625, 0.375, 0.5]


def test_filter_mosaic__shows_64_filters_as_8_by_8_and_fewer_where_there_are_fewer():
    W = np.random.default_rng(0).standard_normal((70, 12)).astype(np.float32)
    assert filter_mosaic(W, (4, 3), 64, "own").shape == (8 * 6 - 2, 8 * 5 - 2)
    assert filter_mosaic(W[:3], (4, 3), 64, "own").shape == (2 * 6 - 2, 2 * 5 - 2)
