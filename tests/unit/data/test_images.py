"""Pictures: what their headers say, pixels that carry nothing else, and files that are not what they claim to be."""

import datetime as dt
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from podium.datasources import Images, images
from podium.datasources._files import walk
from podium.errors import DataSourceError

AT = 1_700_000_000


def saved(path, image, **more):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **more)
    os.utime(path, (AT, AT))
    return path


def rows(path, **fields):
    found = Images(name="x", path=path, **fields)
    return [row for batch in found.read([name for name, _ in found.columns()]) for row in batch.to_pylist()]


def only(path, **fields):
    (row,) = rows(path, **fields)
    return row


def png(width, height):
    """A PNG that claims to be that large."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 500))
    )


@pytest.mark.parametrize("ending", [end for end in Images.suffixes if end not in (".jpg", ".tif")])
def test_every_format(tmp_path, ending):
    path = saved(tmp_path / f"a{ending}", Image.new("RGB", (5, 4), (250, 0, 0)))
    row = only(tmp_path, pixels=True)
    assert row["format"] == {".jpeg": "JPEG", ".tiff": "TIFF"}.get(ending, ending[1:].upper())
    assert (row["width"], row["height"], row["bytes"]) == (5, 4, path.stat().st_size)
    assert row["modified"] == dt.datetime.fromtimestamp(AT, dt.UTC).replace(tzinfo=None)
    assert row["path"] == f"a{ending}"
    pixels = np.frombuffer(row["image"], np.uint8).reshape(4, 5, row["channels"])
    assert abs(pixels.astype(int) - [250, 0, 0]).max() <= 5  # JPEG and WebP lose a little


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pixels_have_as_many_bytes_as_the_row_says(tmp_path, mode):
    saved(tmp_path / "a.tiff", Image.new(mode, (3, 2)))
    row = only(tmp_path, pixels=True)
    assert len(row["image"]) == 3 * 2 * row["channels"]
    assert row["mode"] == mode


def test_of_sixteen_bits_the_upper_eight(tmp_path):
    saved(tmp_path / "a.png", Image.fromarray(np.array([[0, 256, 65535, 32768]], dtype=np.uint16)))
    assert only(tmp_path, pixels=True)["image"] == b"\x00\x01\xff\x80"


def test_labels_are_the_first_folders(tmp_path):
    for name in ("cat/a.png", "cat/deep/b.png", "dog/c.png", "d.png"):
        saved(tmp_path / name, Image.new("L", (1, 1)))
    assert {row["path"]: row["label"] for row in rows(tmp_path, labels="folders")} == {
        "cat/a.png": "cat",
        "cat/deep/b.png": "cat",
        "dog/c.png": "dog",
        "d.png": None,
    }
    assert "label" not in dict(Images(name="x", path=tmp_path).columns())


class TestWhatElseAFileSays:
    @pytest.fixture
    def photo(self, tmp_path):
        image, exif = Image.new("RGB", (4, 4)), Image.Exif()
        exif[0x013B] = "Jane Doe, photographer"
        exif.get_ifd(0x8769)[0x9003] = "2024:01:05 10:20:30"
        exif.get_ifd(0x8825)[1] = "N"
        exif.get_ifd(0x8825)[2] = (51.0, 30.0, 26.0)
        path = saved(tmp_path / "a.jpg", image, exif=exif, comment=b"Jane Doe")
        assert path.read_bytes().count(b"Jane Doe") == 2
        return tmp_path

    def test_does_not_show(self, photo):
        row = only(photo, pixels=True)
        assert "taken" not in row
        assert b"Jane" not in row.pop("image")
        assert "Jane" not in str(row)

    def test_but_the_date_where_it_is_asked_for(self, photo):
        assert only(photo, taken=True)["taken"] == dt.datetime(2024, 1, 5, 10, 20, 30)  # noqa: DTZ001 a camera's clock has no zone

    @pytest.mark.parametrize("said", ["0000:00:00 00:00:00", "yesterday", ""])
    def test_a_date_that_is_none(self, tmp_path, said):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = said
        saved(tmp_path / "a.jpg", Image.new("L", (1, 1)), exif=exif)
        assert only(tmp_path, taken=True)["taken"] is None


class TestKeptOut:
    @pytest.fixture(autouse=True)
    def _good(self, tmp_path):
        saved(tmp_path / "good.png", Image.new("L", (40, 40), 7))

    def faults(self, tmp_path, **fields):
        found = Images(name="x", path=tmp_path, **fields)
        assert [row["path"] for row in rows(tmp_path, **fields)] == ["good.png"]
        return found.faults()

    def test_a_bomb_before_anything_is_unpacked(self, tmp_path, monkeypatch):
        (tmp_path / "bomb.png").write_bytes(png(60_000, 60_000))
        monkeypatch.setattr(images, "_unpacked", _only_small)
        assert self.faults(tmp_path, pixels=True) == {"bomb.png": "too_many_pixels"}
        assert self.faults(tmp_path) == {"bomb.png": "too_many_pixels"}

    def test_a_picture_of_just_that_size_is_served(self, tmp_path):
        (tmp_path / "large.png").write_bytes(png(10_000, 10_000))
        assert {row["path"]: row["width"] for row in rows(tmp_path)} == {"good.png": 40, "large.png": 10_000}

    def test_a_picture_cut_short_where_its_pixels_are_served(self, tmp_path):
        saved(tmp_path / "cut.png", Image.effect_noise((40, 40), 99))
        content = (tmp_path / "cut.png").read_bytes()
        (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
        assert len(rows(tmp_path)) == 2  # its header is whole
        assert self.faults(tmp_path, pixels=True) == {"cut.png": "damaged"}

    def test_another_format_under_a_known_name(self, tmp_path):
        Image.new("L", (4, 4)).save(tmp_path / "a.png", format="PPM")
        assert self.faults(tmp_path) == {"a.png": "no_image"}

    def test_noise(self, tmp_path):
        import random

        chance, content = random.Random(5), (tmp_path / "good.png").read_bytes()
        for number in range(60):
            noisy = bytearray(content)
            for _ in range(4):
                noisy[chance.randrange(len(noisy))] = chance.randrange(256)
            (tmp_path / f"noise{number}.png").write_bytes(noisy)
        found = Images(name="x", path=tmp_path, pixels=True)
        assert len(rows(tmp_path, pixels=True)) + len(found.faults()) == len(walk(tmp_path, endings=(".png",), links="no")) == 61

    def test_a_picture_that_breaks_between_two_looks_is_an_error(self, tmp_path):
        found = Images(name="x", path=tmp_path, pixels=True)
        batches = [(one, head) for group in found._with_heads(found._heads(), found.files()) for one, head in group]
        (tmp_path / "good.png").write_bytes(b"gone bad")
        with pytest.raises(DataSourceError, match="changed while it was read"):
            list(found._batches(batches, ["image"], found._heads()))


def _only_small(image):
    assert image.width * image.height <= images.MAX_PIXELS, "unpacked before its size was looked at"
    return image


def test_memory_used_up_is_no_fault_of_the_file(tmp_path, monkeypatch):
    saved(tmp_path / "a.png", Image.new("L", (1, 1)))

    def exhausted(*_, **__):
        raise MemoryError

    monkeypatch.setattr(Image, "open", exhausted)
    with pytest.raises(MemoryError):
        rows(tmp_path)


def test_without_pillow_the_remedy_is_named(tmp_path, monkeypatch):
    import sys

    saved(tmp_path / "a.png", Image.new("L", (1, 1)))
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(DataSourceError, match=r"podium\[images\]"):
        rows(tmp_path)


def test_a_profile_names_the_pixels_an_image(tmp_path):
    from podium.workers.profile import profile

    for number in range(3):
        saved(tmp_path / "a" / f"{number}.png", Image.new("L", (1, 1), number))
    schema = profile(Images(name="x", path=tmp_path, labels="folders", pixels=True), "full")
    assert {column.name: column.semantic for column in schema.columns}.items() >= {"path": "identifier", "image": "image"}.items()
    assert schema.rows == 3


def test_measures_are_amounts_however_few_they_are(tmp_path):
    from podium.workers.profile import profile

    for number in range(24):
        saved(tmp_path / f"{number}.png", Image.new("L", (5 + number % 2, 4)))
    schema = profile(Images(name="x", path=tmp_path), "full", lambda _: None)
    assert {schema.column(name).semantic for name in ("bytes", "width", "height")} == {"continuous"}


def test_the_header_of_a_picture_is_all_that_is_read_for_its_row(tmp_path, monkeypatch):
    """Without pixels a file is never unpacked."""
    saved(tmp_path / "a.png", Image.new("L", (9, 9)))
    monkeypatch.setattr(images, "_unpacked", lambda _: pytest.fail("unpacked"))
    assert only(tmp_path)["width"] == 9
