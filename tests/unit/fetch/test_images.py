import io

import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import prepare, read_image


def grey(height, width):
    return Image.fromarray(np.arange(height * width, dtype=np.uint8).reshape(height, width))


def test_prepare__crops_by_top_bottom_left_right():
    face = prepare(grey(6, 8), (1, 4, 2, 7), 1.0, "x")
    expected = np.arange(48, dtype=np.uint8).reshape(6, 8)[1:4, 2:7] / np.float32(255)
    assert face.dtype == np.float32
    assert (face == expected).all()
    assert prepare(grey(6, 8), (0, 6, 0, 8), 1.0, "x").shape == (6, 8)


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
        ((0, 6, 0, 9), 1.0, "fetch.crop is"),
        ((3, 3, 0, 8), 1.0, "fetch.crop is"),
        ((0, 6, 5, 5), 1.0, "fetch.crop is"),
        (None, 0.1, "fetch.resize is 0.1: of me.png, 6 x 8, nothing is left"),
    ],
)
def test_prepare__crop_or_size_that_leaves_nothing_is_an_error_with_the_numbers(crop, resize, message):
    with pytest.raises(UserError, match=message):
        prepare(grey(6, 8), crop, resize, "me.png")


def test_read_image__is_in_colour_if_a_pixel_is_whatever_the_file_calls_them(tmp_path):
    pixels = np.full((4, 3, 3), 200, dtype=np.uint8)
    for name, mode in (("grey", "L"), ("coloured", "RGB")):
        image = Image.fromarray(pixels)
        image.save(tmp_path / "rgb.png")
        image.quantize(4).save(tmp_path / "palette.png")
        image.convert("RGBA").save(tmp_path / "rgba.png")
        for path in tmp_path.iterdir():
            read = read_image(path)
            assert (read.mode, read.size) == (mode, (3, 4)), (name, path)
            assert (np.asarray(read.convert("RGB")) == pixels).all(), (name, path)
        pixels[0, 0] = 255, 0, 0
    face = prepare(read_image(tmp_path / "rgb.png"), None, 1.0, "x")
    assert face[0].tolist() == [np.float32(76 / 255), np.float32(200 / 255), np.float32(200 / 255)]  # 0.299 of red


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_read_image__is_white_where_the_image_is_transparent(tmp_path, mode):
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    image = image.quantize(4, method=Image.Quantize.FASTOCTREE) if mode == "P" else image.convert(mode)
    image.save(tmp_path / "x.png")
    assert np.asarray(read_image(tmp_path / "x.png")).tolist() == [[255, 0, 0, 0], [0, 0, 0, 0]]


def test_read_image__turns_an_image_upright_as_its_exif_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera's top is the image's right
    grey(2, 3).save(tmp_path / "x.png", exif=exif)
    assert np.asarray(read_image(tmp_path / "x.png")).tolist() == [[3, 0], [4, 1], [5, 2]]


@pytest.mark.parametrize(
    ("kind", "name"), [(np.uint16, "x.png"), (np.uint16, "x.tif"), (">u2", "x.tif"), (np.int32, "x.tif")]
)
def test_read_image__more_than_8_bits_are_a_share_of_65535_whatever_the_largest_value(tmp_path, kind, name):
    values = np.array([[0, 128, 129, 1000], [4095, 32767, 65400, 65535]])
    for rows in (values, values[:1]):
        Image.fromarray(rows.astype(kind)).save(tmp_path / name)
        assert np.asarray(read_image(tmp_path / name)).tolist() == np.rint(rows / 65535 * 255).tolist()


@pytest.mark.parametrize("largest", [1, 15, 200, 255, 256, 1023, 65535])
def test_read_image__pgm_is_a_share_of_the_largest_value_that_it_names(tmp_path, largest):
    values = np.array([0, largest // 3, largest // 2], ">u2" if largest > 255 else "u1")  # it holds none as large
    (tmp_path / "x.pgm").write_bytes(b"P5 3 1 %d\n" % largest + values.tobytes())
    assert np.abs(np.asarray(read_image(tmp_path / "x.pgm")) - values / largest * 255).max() <= 0.5


@pytest.mark.parametrize(("kind", "values"), [("i4", [-1, 0]), ("i4", [0, 65536]), ("f4", [0, 1])])
def test_read_image__pixels_that_are_not_16_bit_numbers_are_refused_by_name(tmp_path, kind, values):
    Image.fromarray(np.array([values], kind)).save(tmp_path / "x.tif")
    with pytest.raises(UserError, match=r"x.tif .*whole numbers from 0 to 65,535.*: repair, convert"):
        read_image(tmp_path / "x.tif")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_read_image__damaged_file_is_refused_by_name(tmp_path, kind):
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 16, 3), dtype=np.uint8)).save(file, kind)
    for damaged in (b"", b"no image", file.getvalue()[: file.tell() // 2]):
        (tmp_path / "face").write_bytes(damaged)
        with pytest.raises(UserError, match=r"face cannot be read as an image \(.*\): repair, convert or remove it"):
            read_image(tmp_path / "face")
