"""Pictures as arrays: any file Pillow opens, upright, in three colours, of one size.

    file ─open→ upright ─→ red, green, blue ─cut to a square, scaled→ uint8 (size, size, 3)

What is see-through lies on white; 16 bits become 8; of several pictures in a file the first counts.
Knows no captions and no network.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from seqloom_runtime.errors import DataError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
Fit = Literal["crop", "pad", "stretch"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
GREY = (128, 128, 128)  # of the borders, where a picture is filled up to a square
SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
LARGEST_PIXELS = 200_000_000  # of one picture; more is a mistake, or is meant to fill the memory


def check_pillow() -> None:
    """See that pictures can be read.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise MissingExtraError("pillow", "images", "Reading pictures") from None


def is_image_name(name: str | os.PathLike[str]) -> bool:
    """Whether a file has the name of a picture.

    >>> is_image_name("a/dog.JPG"), is_image_name("captions.txt")
    (True, False)
    """
    return Path(name).suffix.lower() in SUFFIXES


def read_image(image: Any, size: int, fit: Fit = "crop") -> Pixels:
    """A picture of any kind as red, green and blue: (size, size, 3).

    Args:
        image: path, open file, picture of Pillow, or array (height, width), (height, width, 3) or
            with a fourth channel: uint8, uint16, or shares of 1.
        size: pixels of a side.
        fit: cut the middle out, fill up with grey, or stretch.

    Raises:
        DataError: it is no picture, or a damaged one; the file is named.
    """
    opened, name = _opened(image)
    with warnings.catch_warnings():
        # Pillow warns of what is odd in a file that can be read all the same.
        warnings.simplefilter("ignore")
        try:
            return _squared(_in_colours(_upright(opened, size), name), size, fit)
        except (OSError, SyntaxError, ValueError, EOFError, OverflowError) as error:
            why = " ".join(str(error).split()) or type(error).__name__
            raise DataError(
                f"{name}: the picture is damaged or cut off ({why}). Put a whole one there.",
                code="picture_unreadable",
            ) from None
        finally:
            if not hasattr(image, "convert"):
                opened.close()


def _opened(image: Any) -> tuple[Image, str]:
    """A picture of Pillow, whose pixels are not read yet, and what it is called in a message."""
    from PIL import Image as Pillow

    if hasattr(image, "convert"):
        return image, getattr(image, "filename", "") or "the picture"
    if isinstance(image, np.ndarray):
        return Pillow.fromarray(_eight_bits(image)), "the array"
    return _opened_file(image)


def _opened_file(file: str | os.PathLike[str] | BinaryIO) -> tuple[Image, str]:
    from PIL import Image as Pillow
    from PIL import UnidentifiedImageError

    named = isinstance(file, str | os.PathLike)
    name = str(file) if named else "the picture"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Pillow.DecompressionBombWarning)
            opened = Pillow.open(file)
    except UnidentifiedImageError:
        empty = named and os.path.getsize(name) == 0
        what = "the file is empty" if empty else "is no picture that can be read"
        raise DataError(
            f"{name}: {what}. Expected {' '.join(SUFFIXES)}.", code="picture_unreadable"
        ) from None
    except Pillow.DecompressionBombError:
        raise DataError(
            f"{name}: has too many pixels to be a picture. Scale it down.",
            code="picture_large",
            values=[LARGEST_PIXELS],
        ) from None
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({error.strerror or error}).") from None
    if opened.width * opened.height > LARGEST_PIXELS:
        width, height = opened.size
        opened.close()
        raise DataError(
            f"{name}: has {width:,} x {height:,} pixels; at most {LARGEST_PIXELS:,} are read. "
            "Scale it down.",
            code="picture_large",
            values=[LARGEST_PIXELS],
        )
    return opened, name


def _eight_bits(array: npt.NDArray[Any]) -> Pixels:
    """An array of pixels as uint8.

    Raises:
        DataError: it has not the shape or the numbers of a picture.
    """
    channels = array.shape[2] if array.ndim == 3 else 0
    if array.ndim not in (2, 3) or channels not in (0, 1, 3, 4) or not array.size:
        raise DataError(
            f"Received an array of shape {array.shape}; expected a picture: (height, width), "
            "(height, width, 3) or (height, width, 4)."
        )
    array = array[:, :, 0] if channels == 1 else array
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype == np.uint16:
        return (array >> 8).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if np.issubdtype(array.dtype, np.floating) and np.isfinite(array).all():
        low, high = float(array.min()), float(array.max())
        if low >= 0 and high <= 1:
            shares: Pixels = np.rint(array * 255).astype(np.uint8)
            return shares
    raise DataError(
        f"Received an array of {array.dtype}; expected pixels as uint8, uint16 or shares from 0 "
        "to 1."
    )


def _upright(image: Image, size: int) -> Image:
    """Turned as the camera was held; of a JPEG no more pixels are read than are needed."""
    from PIL import ImageOps

    if image.format == "JPEG" and image.mode in ("RGB", "L"):
        image.draft(image.mode, (2 * size, 2 * size))
    return ImageOps.exif_transpose(image)


def _in_colours(image: Image, name: str) -> Image:
    """In red, green and blue, 8 bits each; see-through parts on white."""
    from PIL import Image as Pillow

    if image.mode in SIXTEEN_BITS:
        return Pillow.fromarray(_sixteen(np.asarray(image), name)).convert("RGB")
    if image.mode == "F":
        raise DataError(
            f"{name}: holds real numbers rather than colours. Save it with 8 or 16 bits a pixel."
        )
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        above = image.convert("RGBA")
        below = Pillow.new("RGBA", above.size, (255, 255, 255, 255))
        return Pillow.alpha_composite(below, above).convert("RGB")
    return image.convert("RGB")


def _sixteen(values: npt.NDArray[Any], name: str) -> Pixels:
    """Of 16 bits the upper eight."""
    if values.size and (values.min() < 0 or values.max() > 0xFFFF):
        raise DataError(f"{name}: holds numbers beyond 16 bits. Save it with 8 or 16 bits a pixel.")
    return (values.astype(np.uint32) >> 8).astype(np.uint8)


def _squared(image: Image, size: int, fit: Fit) -> Pixels:
    from PIL import ImageOps
    from PIL.Image import Resampling

    way = Resampling.BICUBIC
    if fit == "crop":
        image = ImageOps.fit(image, (size, size), way)
    elif fit == "pad":
        image = ImageOps.pad(image, (size, size), way, color=GREY)
    else:
        image = image.resize((size, size), way)
    return np.asarray(image, np.uint8).reshape(size, size, 3)


def shifted(pixels: Pixels, down: int, right: int) -> Pixels:
    """A picture moved by some pixels; its edge is drawn out over what is left free.

    >>> shifted(np.arange(4, dtype=np.uint8).reshape(1, 4, 1), 0, 2).ravel().tolist()
    [0, 0, 0, 1]
    """
    height, width = pixels.shape[:2]
    rows = (np.arange(height) - down).clip(0, height - 1)
    columns = (np.arange(width) - right).clip(0, width - 1)
    moved: Pixels = pixels[rows][:, columns]
    return moved
