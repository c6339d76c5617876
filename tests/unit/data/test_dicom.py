"""DICOM: typed columns, what is about a person withheld unless it is named, pixels alone, and files that are none."""

import csv
import datetime as dt
import shutil
import time
import warnings
from pathlib import Path
from types import SimpleNamespace

import pydicom
import pytest
from pydicom.datadict import DicomDictionary, keyword_for_tag

from podium.datasources import Datasource, Dicom, _dicom_profile, _one_each
from podium.datasources.dicom import FIELDS, attributes
from podium.errors import ConfigError, DataSourceError

FOLDER = Path(pydicom.__file__).parent / "data" / "test_files"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture
def place(tmp_path):
    """Puts some of pydicom's files into a folder, under other names where they are given."""

    def put(*names, **renamed):
        for name in names:
            shutil.copy(FOLDER / name, tmp_path / name)
        for new, name in renamed.items():
            shutil.copy(FOLDER / name, tmp_path / new)
        return tmp_path

    return put


def rows(path, **fields):
    found = Dicom(name="x", path=path, **fields)
    return [row for batch in found.read([name for name, _ in found.columns()]) for row in batch.to_pylist()]


def changed(path, **values):
    made = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(made, keyword, value)
    made.save_as(path)


def test_a_row_of_a_scan(place):
    (row,) = rows(place(scan="CT_small.dcm"))
    expected = {
        "path": "scan",
        "Modality": "CT",
        "Manufacturer": "GE MEDICAL SYSTEMS",
        "Rows": 128,
        "Columns": 128,
        "SliceThickness": 5.0,
        "KVP": 120.0,
        "PixelSpacing": "0.661468\\0.661468",
        "TransferSyntaxUID": "1.2.840.10008.1.2.1",
        "MagneticFieldStrength": None,
        "bytes": 39206,
    }
    assert {name: row[name] for name in expected} == expected


def test_every_readable_file_of_the_library_is_a_row_or_has_a_reason():
    found = Dicom(name="x", path=FOLDER, pixels=True)
    read = [row["path"] for batch in found.read(["path", "image"]) for row in batch.to_pylist()]
    reasons = found.faults()
    assert len(read) > 60
    assert not any("DICOMDIR" in name for name in read if not name.endswith(".dcm"))
    assert not any(name.endswith((".txt", ".json", ".gz")) for name in [*read, *reasons])
    assert reasons["MR_truncated.dcm"] == "cut_short"
    assert reasons["no_meta.dcm"] == "no_dicom"
    assert set(reasons.values()) <= {"no_dicom", "cut_short", "damaged"}


class TestTheProfile:
    def test_is_the_whole_table(self):
        with Path(_dicom_profile.__file__).with_suffix(".csv").open() as file:
            table = list(csv.DictReader(file))
        assert len(table) == len({row["tag"] for row in table}) == 655
        assert {row["action"] for row in table} == {"X", "Z", "D", "U", "X/Z", "X/D", "Z/D", "X/Z/D", "X/Z/U*"}
        known = [row for row in table if "x" not in row["tag"] and keyword_for_tag(int(row["tag"], 16))]
        assert len(known) > 600
        assert all(keyword_for_tag(int(row["tag"], 16)) == row["keyword"] for row in known)

    @pytest.mark.parametrize(
        ("keyword", "action"),
        [
            ("PatientName", "Z"),
            ("PatientBirthDate", "Z"),
            ("StudyInstanceUID", "U"),
            ("StudyDate", "Z"),
            ("AccessionNumber", "Z"),
            ("InstitutionName", "X/Z/D"),
            ("PatientComments", "X"),
        ],
    )
    def test_has_the_standards_action(self, keyword, action):
        assert _dicom_profile.table()[keyword] == action

    def test_no_default_is_in_it(self):
        for name, one in attributes(FIELDS, ()).items():
            assert not _dicom_profile.personal(one.tag, name, one.vr)

    def test_of_every_attribute_that_is_served_without_being_kept_none_is_personal(self):
        """All the dictionary: what `fields` accepts is not in the table, not of the patient's group, and no name."""
        accepted = []
        for tag, (vr, _, _, _, keyword) in DicomDictionary.items():
            if not keyword:
                continue
            try:
                attributes(Dicom(name="x", path="/x", fields=(keyword,)).fields, ())
            except (ValueError, DataSourceError):
                continue
            accepted.append((tag, keyword, vr))
        assert len(accepted) > 1000
        assert not [keyword for tag, keyword, vr in accepted if tag >> 16 == 0x0010 or vr == "PN" or keyword in _dicom_profile.table()]

    @pytest.mark.parametrize("field", ["PatientName", "StudyDate", "(0010,0010)", "(0008,0020)", "SOPInstanceUID"])
    def test_refuses_a_listed_field(self, field):
        with pytest.raises(ConfigError, match="name it in keep") as caught:
            Datasource.load({"kind": "dicom", "name": "x", "path": "/x", "fields": ["Modality", field]})
        assert caught.value.field == "dicom.fields"

    @pytest.mark.parametrize("field", ["(0019,100A)", "PatientBreedDescription", "(0010,2201)"])
    def test_refuses_what_else_may_be_about_a_person(self, place, field):
        with pytest.raises(DataSourceError, match=r"may say who a person is|name it in keep"):
            rows(place("CT_small.dcm"), fields=(field,))

    def test_lets_through_what_the_custodian_names_as_an_identifier(self, place):
        folder = place("CT_small.dcm")
        made = Dicom(name="x", path=folder, keep=("PatientName", "StudyDate", "(0043,1013)"), force_types={"StudyDate": "date"})
        assert made.force_types.items() >= {"PatientName": "identifier", "StudyDate": "date", "(0043,1013)": "identifier"}.items()
        (row,) = [row for batch in made.read(["PatientName", "StudyDate", "(0043,1013)"]) for row in batch.to_pylist()]
        assert row["PatientName"] == "CompressedSamples^CT1"
        assert row["StudyDate"] == dt.date(2004, 1, 19)

    def test_nothing_of_a_person_is_read_or_kept(self, place, tmp_path_factory, monkeypatch):
        folder, cache = place("CT_small.dcm"), tmp_path_factory.mktemp("cache")
        secret = "Zebra^Unmistakable"
        changed(folder / "CT_small.dcm", PatientName=secret, PatientID=secret, InstitutionName=secret, StudyDescription=secret)
        later = SimpleNamespace(time_ns=lambda: time.time_ns() + 10**11)  # heads of young files are not kept
        monkeypatch.setattr(_one_each, "time", later)
        made = Dicom(name="x", path=folder, pixels=True).caching(cache)
        found = [row for batch in made.read([name for name, _ in made.columns()]) for row in batch.to_pylist()]
        assert "Zebra" not in str(found)
        kept = b"".join(path.read_bytes() for path in cache.iterdir())
        assert b"GE MEDICAL" in kept
        assert b"Zebra" not in kept

    def test_a_field_that_is_not_withheld_has_no_place_in_keep(self, place):
        with pytest.raises(DataSourceError, match="Name it in fields"):
            rows(place("CT_small.dcm"), keep=("Modality",))


@pytest.mark.parametrize(
    ("fields", "said"),
    [(("Modalty",), "Did you mean 'Modality'"), (("PixelData",), "no plain value"), (("(0008,9999)",), "no attribute")],
    ids=["unknown", "pixels", "tag"],
)
def test_a_field_that_cannot_be_a_column(place, fields, said):
    with pytest.raises(DataSourceError, match=said):
        rows(place("CT_small.dcm"), fields=fields)


@pytest.mark.parametrize("bad", ["modality!", "0008,0060", "(0008,00g0)", ""])
def test_a_field_that_is_no_name(bad):
    with pytest.raises(ConfigError, match="keywords as in Modality"):
        Datasource.load({"kind": "dicom", "name": "x", "path": "/x", "fields": [bad]})


class TestFiles:
    def test_of_any_name_count_if_they_are_dicom(self, place):
        folder = place("CT_small.dcm", IM0001="MR_small.dcm", DICOMDIR="dicomdirtests/DICOMDIR")
        (folder / "README.txt").write_text("nothing")
        (folder / "empty").write_bytes(b"")
        found = Dicom(name="x", path=folder)
        assert [row["path"] for row in rows(folder)] == ["CT_small.dcm", "IM0001"]
        assert found.faults() == {}

    def test_of_some_endings_where_they_are_named(self, place):
        folder = place("CT_small.dcm", IM0001="MR_small.dcm")
        assert [row["path"] for row in rows(folder, extensions=("dcm",))] == ["CT_small.dcm"]

    def test_that_claim_to_be_dicom_and_are_not_are_told(self, place):
        folder = place("CT_small.dcm")
        (folder / "text.dcm").write_text("nothing")
        (folder / "cut.dcm").write_bytes((FOLDER / "CT_small.dcm").read_bytes()[:700])
        assert [row["path"] for row in rows(folder)] == ["CT_small.dcm"]
        assert Dicom(name="x", path=folder).faults() == {"cut.dcm": "cut_short", "text.dcm": "no_dicom"}

    def test_of_which_none_is_dicom(self, tmp_path):
        (tmp_path / "a").write_text("a")
        with pytest.raises(DataSourceError, match="none of 1 files is of this kind"):
            rows(tmp_path)


class TestPixels:
    def test_are_those_of_the_file(self, place):
        (row,) = rows(place("MR_small.dcm"), pixels=True)
        assert row["image"] == pydicom.dcmread(FOLDER / "MR_small.dcm").PixelData

    def test_are_none_where_names_are_burned_in(self, place):
        folder = place("MR_small.dcm")
        changed(folder / "MR_small.dcm", BurnedInAnnotation="YES")
        (row,) = rows(folder, pixels=True)
        assert (row["image"], row["BurnedInAnnotation"]) == (None, "YES")

    def test_are_none_where_there_are_none(self, place):
        (row,) = rows(place("rtplan.dcm"), pixels=True)
        assert row["image"] is None

    def test_are_not_there_unless_asked_for(self, place):
        assert "image" not in rows(place("MR_small.dcm"))[0]

    def test_cut_short_keep_a_file_out(self, place):
        folder = place("CT_small.dcm", "MR_truncated.dcm")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert [row["path"] for row in rows(folder, pixels=True)] == ["CT_small.dcm"]


def test_without_pydicom_the_remedy_is_named(place, monkeypatch):
    import sys

    from podium.datasources import dicom

    folder = place("CT_small.dcm")
    dicom.attributes.cache_clear()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(DataSourceError, match=r"podium\[dicom\]"):
        rows(folder)


def test_a_profile_of_scans(place):
    from podium.workers.profile import profile

    schema = profile(Dicom(name="x", path=place("CT_small.dcm", "MR_small.dcm"), keep=("PatientID",), pixels=True), "full")
    found = {column.name: column for column in schema.columns}
    assert (found["image"].semantic, found["path"].semantic, found["PatientID"].semantic) == ("image", "identifier", "identifier")
    assert found["PatientID"].min is None
    assert found["PatientID"].categories == ()
    assert schema.rows == 2
