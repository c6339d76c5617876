"""A folder of pictures: one file, one datapoint. What its header says are columns; pixels only where the custodian serves them.

Nothing else of a file is read: no EXIF but the date where it is asked for, no GPS, no comment, no author. An image of more than a hundred
million pixels is kept out before a pixel of it is unpacked.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, Self

from podium.contracts import ColumnType, SemanticType
from podium.datasources._files import Found
from podium.datasources._one_each import OneEach, Unfit
from podium.errors import DataSourceError

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("JPEG", "PNG", "BMP", "TIFF", "GIF", "WEBP")
MAX_PIXELS = 100_000_000
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
GREY = (*DEEP, "1", "L", "LA", "I", "F")
EXIF, TAKEN = 0x8769, 0x9003


class Images(OneEach):
    """`kind: images`. `labels: folders`: a column `label`, the first folder below `path`. `taken`: a column with the date in the EXIF data.

    `pixels`: a column `image`, rows from the top, `channels` bytes a pixel: red, green and blue, or grey alone. Of 16 bits the upper 8.
    """

    kind: ClassVar[str] = "images"
    suffixes: ClassVar[tuple[str, ...]] = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".gif", ".webp")

    labels: Literal["no", "folders"] = "no"
    taken: bool = False

    def _known_meanings(self) -> dict[str, SemanticType]:
        return {**super()._known_meanings(), "width": "continuous", "height": "continuous"}

    def _by_name(self) -> dict[str, ColumnType]:
        return {"path": "text", "label": "text"} if self.labels == "folders" else {"path": "text"}

    def _placed_by_name(self, name: str) -> dict[str, Any]:
        folder, below, _ = name.partition("/")
        return {"path": name, "label": folder if below else None}

    def _said(self) -> dict[str, ColumnType]:
        said: dict[str, ColumnType] = {"format": "text", "width": "integer", "height": "integer", "mode": "text", "channels": "integer"}
        return said | ({"taken": "timestamp"} if self.taken else {})

    def _head(self, file: BinaryIO, name: str) -> tuple[Any, ...]:
        with _image_of(file) as image:
            said = (image.format, image.width, image.height, image.mode, 1 if image.mode in GREY else 3)
            taken = (_taken(image),) if self.taken else ()
            if self.pixels:  # so that a file that is cut short is found once, and not in the middle of a run
                _unpacked(image)
            return said + taken

    def _image(self, file: BinaryIO) -> bytes:
        with _image_of(file) as image:
            return _unpacked(image).tobytes()

    def _image_bytes(self, found: Found, said: Mapping[str, Any]) -> int:
        return int(said["width"] * said["height"] * said["channels"])

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        image = _pillow()
        for place, (name, colour) in enumerate({"cat/1.png": 0, "cat/2.png": (1, 2, 3), "dog/1.png": (200, 10, 0)}.items()):
            path = folder / "pictures" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            image.new("L" if colour == 0 else "RGB", (4 + place, 3), colour).save(path)
            os.utime(path, (1_700_000_000 + place, 1_700_000_000 + place))
        return cls(name="sample", path=folder / "pictures", labels="folders", pixels=True)


@contextmanager
def _image_of(file: BinaryIO) -> Iterator[Image.Image]:
    """The file as an image, its pixels still packed. Raises Unfit, whatever its parser trips over."""
    pillow = _pillow()
    try:
        image = pillow.open(file, formats=FORMATS)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 parsers of a dozen formats raise what they like
        raise Unfit("no_image") from None
    with image:
        if image.width * image.height > MAX_PIXELS:
            raise Unfit("too_many_pixels")
        yield image


def _unpacked(image: Image.Image) -> Image.Image:
    try:
        if image.mode in DEEP:
            import numpy as np

            return _pillow().fromarray((np.asarray(image) >> 8).astype(np.uint8))  # type: ignore[no-any-return]
        return image.convert("L" if image.mode in GREY else "RGB")
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 as above
        raise Unfit("damaged") from None


def _taken(image: Image.Image) -> int | None:
    """EXIF's date, as microseconds since 1970 of a clock without a zone."""
    try:
        said = str(image.getexif().get_ifd(EXIF).get(TAKEN, ""))
        return int(datetime.strptime(said[:19], "%Y:%m:%d %H:%M:%S").replace(tzinfo=UTC).timestamp()) * 1_000_000
    except Exception:  # noqa: BLE001 a date that cannot be read is no date
        return None


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError:
        remedy = "Install it: pip install 'podium[images]'."
        message = "images are read by Pillow, which is not installed."
        raise DataSourceError(message, field="kind", remedy=remedy, code="not_installed") from None
    Image.MAX_IMAGE_PIXELS = None  # our own limit is held before anything is unpacked, and has no warning that passes
    return Image
