"""The scan of a DICOM head beside pydicom, over all the files that pydicom itself is tested with."""

import io
import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import dictionary_VR
from pydicom.uid import UID

from podium.datasources import _dicom_scan
from podium.datasources._dicom_scan import Elements, by_pydicom, elements
from podium.datasources._dicom_values import TEXTS, type_of, value_of
from podium.datasources._one_each import Unfit
from podium.datasources.dicom import _made, attributes

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
FILES = sorted(path for path in FOLDER.rglob("*") if path.is_file() and path.suffix not in (".txt", ".json", ".gz", ".dump", ".icc"))


def plain_tags(upto=0x0028FFFF):
    """Every attribute of the dictionary up to the picture's own group that may be a column, the personal ones too."""
    from pydicom.datadict import DicomDictionary

    return {tag: entry[0] for tag, entry in DicomDictionary.items() if 0x00080000 < tag <= upto and type_of(entry[0], many=False)}


WANTED = {0x00020010: "UI", **plain_tags()}


def read(reader, content, **more):
    """What the reader makes of it, as values; or why it is kept out."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found: Elements = reader(io.BytesIO(content), WANTED, **more)
    except Unfit as reason:
        return str(reason)
    characters = found.values.get(0x00080005, ("", b""))[1]
    return {
        tag: value
        for tag, (vr, raw) in found.values.items()
        if tag in WANTED
        and (value := value_of(raw, WANTED[tag] if vr in ("", "UN") else vr, "text", little=found.little, characters=characters))
        is not None
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_the_scan_says_what_pydicom_says(path):
    content = path.read_bytes()
    ours, theirs = read(elements, content), read(by_pydicom, content)
    if content[128:132] != b"DICM":
        assert ours == "other"
    else:
        assert ours == theirs
        assert isinstance(ours, dict) or ours in ("other", "damaged")


def test_the_scan_is_what_reads_most_files(monkeypatch):
    """Or the comparison above would be of pydicom with itself."""
    left = []
    monkeypatch.setattr(_dicom_scan, "by_pydicom", lambda file, wanted: left.append(1) or by_pydicom(file, wanted))
    found = [path for path in FILES if path.read_bytes()[128:132] == b"DICM"]
    for path in found:
        read(elements, path.read_bytes())
    assert len(found) > 100
    assert 3 <= len(left) <= 15  # big endian, deflated, without a transfer syntax


@pytest.mark.parametrize("size", [16, 64, 1000])
def test_a_small_first_read_changes_nothing(monkeypatch, size):
    content = (FOLDER / "CT_small.dcm").read_bytes()
    whole = read(elements, content)
    monkeypatch.setattr(_dicom_scan, "FIRST_READ", 132 + size)
    assert read(elements, content) == whole
    assert len(whole) > 60


def test_the_last_that_is_asked_for_is_found_too():
    content = (FOLDER / "CT_small.dcm").read_bytes()
    assert elements(io.BytesIO(content), {0x00280010: "US"}).values[0x00280010] == ("US", b"\x80\x00")


def test_any_cut_is_found_or_harmless():
    """Cut anywhere, a head is refused, or it is what stands before the cut, which then falls between two elements; nothing is made up."""
    content = (FOLDER / "MR_small_implicit.dcm").read_bytes()
    whole, kept = read(elements, content), 0
    for end in [*range(132, 2500, 7), len(content) - 1]:
        found = read(elements, content[:end])
        if isinstance(found, dict):
            assert found.items() <= whole.items()
            kept += found == whole
        else:
            assert found in ("cut_short", "damaged")
    assert kept


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_noise_never_makes_another_error_than_ours():
    import random

    chance = random.Random(3)
    content = (FOLDER / "CT_small.dcm").read_bytes()[:6000]
    for _ in range(300):
        noisy = bytearray(content)
        for _ in range(chance.randint(1, 8)):
            noisy[chance.randrange(132, len(noisy))] = chance.randrange(256)
        assert isinstance(read(elements, bytes(noisy)), dict | str)


@pytest.mark.parametrize(
    ("raw", "vr", "kind", "value"),
    [
        (b"12 ", "IS", "integer", 12),
        (b"12.0", "IS", "integer", 12),
        (b"12.5", "IS", "integer", None),
        (b"1_2", "IS", "integer", None),
        (b"1\\2", "DS", "number", None),
        (b"1\\2 ", "DS", "text", "1\\2"),
        (b"1e400", "DS", "number", None),
        (b"nan", "DS", "number", None),
        (b"20240105", "DA", "date", 19727),
        (b"2024.01.05", "DA", "date", 19727),
        (b"20241305", "DA", "date", None),
        (b"-2024010", "DA", "date", None),
        (b"2024010", "DA", "date", None),
        (b"\x02\x00", "US", "integer", 2),
        (b"\x02\x00\x03\x00", "US", "integer", None),
        (b"\x02\x00\x03\x00", "US", "text", "2\\3"),
        (b"\x02", "US", "integer", None),
        (b"a\\b", "LT", "text", "a\\b"),
        (b" \0", "CS", "text", None),
        (b"\xfc", "CS", "text", None),
        (b"\xfc", "LO", "text", "ü"),
    ],
)
def test_values(raw, vr, kind, value):
    assert value_of(raw, vr, kind, little=True, characters=b"ISO_IR 100") == value


def test_big_endian_numbers():
    assert value_of(b"\x00\x02", "US", "integer", little=False, characters=b"") == 2


def test_what_may_be_many_is_text():
    shape = {name: one.type for name, one in attributes(("PixelSpacing", "SliceThickness", "Rows"), ("StudyDate", "StudyTime")).items()}
    assert shape == {"PixelSpacing": "text", "SliceThickness": "number", "Rows": "integer", "StudyDate": "date", "StudyTime": "text"}
    assert all(dictionary_VR(tag) in TEXTS or type_of(vr, many=False) for tag, vr in WANTED.items() if tag > 0x00080000)


def test_a_deflated_file_that_is_a_bomb_is_kept_out(monkeypatch):
    """The library would unpack it whole, whatever it comes to."""
    made = _made("CT", rows=100)
    made.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1.99")
    out = io.BytesIO()
    made.save_as(out, enforce_file_format=True)
    wanted = {0x00080060: "CS"}
    out.seek(0)
    assert elements(out, wanted).values[0x00080060][1] == b"CT"
    monkeypatch.setattr("podium.datasources._dicom_scan.UNPACKED", 100)
    out.seek(0)
    with pytest.raises(Unfit, match="too_large"):
        elements(out, wanted)
