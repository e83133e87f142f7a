import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.errors import UserError
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
