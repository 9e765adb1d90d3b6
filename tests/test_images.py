"""Pictures of every kind become the same pixels; what is none is refused with one clear line."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from seqloom_runtime.signal.images import read_image, shifted

from seqloom.errors import DataError

PIL = pytest.importorskip("PIL.Image", reason="needs pillow")

# Left half red, right half blue; the lower half is darker.
COLOURS = np.zeros((8, 8, 3), np.uint8)
COLOURS[:, :4, 0], COLOURS[:, 4:, 2] = 200, 200
COLOURS[4:] //= 2


def saved(tmp_path: Path, name: str, image: Any, **options: Any) -> Path:
    path = tmp_path / name
    image.save(path, **options)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "a.tiff", "a.gif", "a.ppm"])
def test_files_of_many_kinds_hold_the_same_pixels(name: str, tmp_path: Path) -> None:
    options = {"lossless": True} if name.endswith("webp") else {}
    path = saved(tmp_path, name, PIL.fromarray(COLOURS), **options)
    np.testing.assert_array_equal(read_image(path, 8), COLOURS)


def test_grey_pictures_have_three_equal_colours(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.png", PIL.fromarray(COLOURS[:, :, 0]))
    np.testing.assert_array_equal(read_image(path, 8), COLOURS[:, :, [0, 0, 0]])


def test_of_sixteen_bits_the_upper_eight_count(tmp_path: Path) -> None:
    deep = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).astype(np.uint16)
    path = saved(tmp_path, "a.png", PIL.fromarray(deep))
    np.testing.assert_array_equal(read_image(path, 8)[:, :, 1], deep >> 8)
    np.testing.assert_array_equal(read_image(deep, 8)[:, :, 1], deep >> 8)


def test_what_is_see_through_lies_on_white(tmp_path: Path) -> None:
    alpha = np.full((8, 8, 1), 255, np.uint8)
    alpha[:4] = 0
    path = saved(tmp_path, "a.png", PIL.fromarray(np.concatenate([COLOURS, alpha], 2)))
    found = read_image(path, 8)
    assert (found[:4] == 255).all()
    np.testing.assert_array_equal(found[4:], COLOURS[4:])


def test_a_palette_with_a_see_through_colour(tmp_path: Path) -> None:
    image = PIL.fromarray(COLOURS).quantize(4)
    image.info["transparency"] = image.getpixel((0, 0))
    found = read_image(saved(tmp_path, "a.png", image), 8)
    assert (found[0, 0] == 255).all() and (found[0, 7] == COLOURS[0, 7]).all()


def test_printers_colours(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.jpg", PIL.fromarray(COLOURS).convert("CMYK"), quality=95)
    assert np.abs(read_image(path, 8).astype(int) - COLOURS).mean() < 25


def test_a_picture_taken_sideways_is_turned(tmp_path: Path) -> None:
    image = PIL.fromarray(COLOURS)
    exif = image.getexif()
    exif[0x0112] = 6  # the camera was turned: the right is up
    found = read_image(saved(tmp_path, "a.png", image, exif=exif), 8)
    np.testing.assert_array_equal(found, np.rot90(COLOURS, -1))


def test_crop_pad_and_stretch(tmp_path: Path) -> None:
    wide = np.zeros((8, 16, 3), np.uint8)
    wide[:, 4:12] = 255
    assert (read_image(wide, 8, "crop") == 255).all()
    padded = read_image(wide, 8, "pad")
    assert (padded[0] == 128).all() and padded[4, 4, 0] > 200 > 50 > padded[4, 0, 0]
    assert read_image(wide, 8, "stretch")[:, 0].max() < 50


def test_arrays_of_shares_and_pictures_in_memory() -> None:
    np.testing.assert_array_equal(read_image(COLOURS / 255.0, 8), COLOURS)
    np.testing.assert_array_equal(read_image(PIL.fromarray(COLOURS), 8), COLOURS)
    np.testing.assert_array_equal(read_image(COLOURS[:, :, :1], 8)[:, :, 2], COLOURS[:, :, 0])


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_a_picture_that_is_cut_off_is_named(name: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    path = saved(tmp_path, name, PIL.fromarray(noise))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=f"{name}: the picture is damaged or cut off"):
        read_image(path, 8)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "the file is empty"), (b"hello", "is no picture that can be read")],
)
def test_a_file_that_is_no_picture_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"a.png: {words}"):
        read_image(path, 8)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no.png: cannot be read"):
        read_image(tmp_path / "no.png", 8)


def test_a_picture_of_a_billion_pixels_is_not_unpacked(tmp_path: Path) -> None:
    """Its head says 30,000 x 30,000; a few bytes would become gigabytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        whole = kind + content
        return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    with pytest.raises(DataError, match=r"a.png: has .*pixels"):
        read_image(tmp_path / "a.png", 8)


@pytest.mark.parametrize(
    "array", [np.zeros((3,)), np.zeros((4, 4, 2)), np.full((4, 4), 7.5), np.zeros((0, 4, 3))]
)
def test_an_array_that_is_no_picture_is_refused(array: Any) -> None:
    with pytest.raises(DataError, match="Received an array"):
        read_image(array, 8)


def test_real_numbers_are_no_colours(tmp_path: Path) -> None:
    path = saved(tmp_path, "a.tiff", PIL.fromarray(np.ones((4, 4), np.float32)))
    with pytest.raises(DataError, match=r"a.tiff: holds real numbers"):
        read_image(path, 8)


def test_an_open_file_is_read() -> None:
    content = io.BytesIO()
    PIL.fromarray(COLOURS).save(content, format="png")
    np.testing.assert_array_equal(read_image(io.BytesIO(content.getvalue()), 8), COLOURS)


def test_a_shift_moves_and_draws_out_the_edge() -> None:
    found = shifted(COLOURS, 2, -1)
    np.testing.assert_array_equal(found[2:, :-1], COLOURS[:-2, 1:])
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_array_equal(shifted(COLOURS, 0, 0), COLOURS)
