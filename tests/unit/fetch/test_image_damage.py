"""Images of people's own, in whatever state: read, or refused by name."""

import io
import random
import struct

import numpy as np
import pytest
from PIL import Image

from sparsefaces.base.errors import UserError
from sparsefaces.fetch.images import read_grey

FUZZ = 700
FORMATS = {"jpg": "JPEG", "png": "PNG", "gif": "GIF", "bmp": "BMP", "tif": "TIFF", "webp": "WEBP", "pgm": "PPM"}
# Read by their content, whatever the name says.
FORMATS |= {"ico": "ICO", "tga": "TGA", "jp2": "JPEG2000", "dds": "DDS", "pcx": "PCX", "im": "IM", "sgi": "SGI"}


def pixels(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def encoded(kind, image, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def corpus():
    grey, colour = Image.fromarray(pixels(24, 16)), Image.fromarray(pixels(24, 16, 3))
    whole = {
        ending: encoded(kind, grey if kind in ("PPM", "PCX", "IM") else colour) for ending, kind in FORMATS.items()
    }
    exif = Image.Exif()
    exif[0x0112] = 6
    return whole | {
        "rgba.png": encoded("PNG", Image.fromarray(pixels(24, 16, 4))),
        "deep.png": encoded("PNG", Image.fromarray(pixels(24, 16).astype(np.uint16) * 257)),
        "turned.jpg": encoded("JPEG", colour, exif=exif),
        "lzw.tif": encoded("TIFF", colour, compression="tiff_lzw"),
    }


def mutated(data, rng):
    """Overwrite, cut, repeat or insert a few bytes, near the head as a rule."""
    for _ in range(rng.randint(1, 4)):
        place = int(len(data) * rng.random() ** 3)
        number = struct.pack(rng.choice("<>") + "I", rng.choice((0, 1, 2**16, 2**31, 2**32 - 1)))
        new, end = rng.choice(
            [
                (rng.randbytes(1), place + 1),
                (number, place + 4),
                (b"", place + rng.randint(1, 30)),
                (data[place : place + 20], place),
                (rng.randbytes(rng.randint(1, 8)), place),
            ]
        )
        data = data[:place] + new + data[end:]
    return data


@pytest.mark.filterwarnings("ignore")  # Pillow's own about what is damaged
def test_read_grey__mutated_images_are_read_or_refused_by_name(corpus, tmp_path):
    rng, read, refused = random.Random(0), 0, 0
    names = sorted(corpus)
    for number in range(FUZZ):
        name = names[number % len(names)]
        path = tmp_path / f"face.{name}"
        path.write_bytes(mutated(corpus[name], rng))
        try:
            image = read_grey(path)
        except UserError as error:
            assert str(error).startswith(f"{path} cannot be read as an image (")
            assert "\n" not in str(error)
            refused += 1
        else:
            assert image.mode == "L"
            read += 1
    assert read > FUZZ // 10
    assert refused > FUZZ // 10


@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_grey__turns_each_orientation_as_pillow_does(tmp_path, orientation):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "face.png"
    Image.fromarray(pixels(24, 16)).save(path, exif=exif)
    assert (np.asarray(read_grey(path)) == np.asarray(ImageOps.exif_transpose(Image.open(path)))).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_read_grey__what_is_transparent_is_the_ground(tmp_path, mode):
    image = Image.fromarray(pixels(8, 8, 4))
    image.putalpha(Image.fromarray(np.repeat(np.array([[0], [255]], np.uint8), 4, axis=0).repeat(8, axis=1)))
    if mode == "LA":
        image = image.convert("LA")
    elif mode in ("P", "PA"):
        image = image.quantize(64, method=Image.Quantize.FASTOCTREE)
    image.save(tmp_path / "face.png")
    grey = np.asarray(read_grey(tmp_path / "face.png"))
    assert (grey[:4] == 255).all()
    assert grey[4:].std() > 10


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_read_grey__files_of_16_bits_hold_what_cameras_give(tmp_path, bits):
    values = np.linspace(0, 2**bits - 1, 64).astype(np.uint16).reshape(8, 8)
    Image.fromarray(values).save(tmp_path / "deep.png")
    grey = np.asarray(read_grey(tmp_path / "deep.png"))
    assert (grey.min(), grey.max()) == (0, 255)
    assert grey == pytest.approx(np.linspace(0, 255, 64).reshape(8, 8), abs=1.5)
