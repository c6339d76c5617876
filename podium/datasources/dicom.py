"""A folder of DICOM files: one file, one datapoint. Attributes of the header are columns; what may say who a person is is not read.

What that is says the standard: see `_dicom_profile.py`. Pixels are those of the attribute Pixel Data alone, as stored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, NamedTuple, Self

from pydantic import Field, field_validator
from pydantic.config import JsonDict

from podium.contracts import ColumnType, SemanticType
from podium.datasources import DISTINCT
from podium.datasources._dicom_profile import listed, personal
from podium.datasources._dicom_scan import CHARACTERS, elements
from podium.datasources._dicom_values import type_of, value_of
from podium.datasources._files import Found
from podium.datasources._one_each import OneEach, Unfit
from podium.errors import DataSourceError
from podium.plugin import nearest

LARGEST = 1 << 30  # bytes of a file whose pixels are served
NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*|\([0-9A-F]{4},[0-9A-F]{4}\)")
NAMES: JsonDict = {**DISTINCT, "items": {"type": "string", "pattern": f"^({NAME.pattern})$"}}
_FIELDS = """
    Modality Manufacturer ManufacturerModelName BodyPartExamined PatientPosition ViewPosition ImageLaterality ImageType SOPClassUID
    SliceThickness SpacingBetweenSlices KVP ExposureTime XRayTubeCurrent Exposure MagneticFieldStrength RepetitionTime EchoTime FlipAngle
    ConvolutionKernel SeriesNumber InstanceNumber Rows Columns NumberOfFrames PixelSpacing SamplesPerPixel PhotometricInterpretation
    BitsAllocated BitsStored PixelRepresentation RescaleSlope RescaleIntercept BurnedInAnnotation TransferSyntaxUID
"""
FIELDS = tuple(_FIELDS.split())


class Attribute(NamedTuple):
    """An attribute that is a column."""

    tag: int
    vr: str
    type: ColumnType


class Dicom(OneEach):
    """`kind: dicom`. Without `extensions` every file that is DICOM counts, whatever its name.

    `fields`: attributes by keyword. `keep`: further ones that the standard's confidentiality profile would remove, each named by the
    custodian; they count as identifiers unless `force_types` says otherwise. A private attribute is named there by its tag, `(0019,100A)`.

    `pixels`: a column `image`, the value of Pixel Data as stored; none where the file says that it has annotations burned in.
    """

    kind: ClassVar[str] = "dicom"
    suffixes: ClassVar[tuple[str, ...]] = (".dcm", ".dicom")

    fields: tuple[str, ...] = Field(default=FIELDS, json_schema_extra=NAMES)
    keep: tuple[str, ...] = Field(default=(), json_schema_extra=NAMES)

    @field_validator("fields", "keep")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(names)) < len(names):
            raise ValueError("names the same attribute twice")
        if not all(NAME.fullmatch(name) for name in names):
            raise ValueError("takes keywords as in Modality, or tags as in (0019,100A)")
        return names

    @field_validator("fields")
    @classmethod
    def _unlisted(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if listed(name.strip("()").replace(",", "")):
                raise ValueError(f"{name} is withheld by the confidentiality profile of DICOM; to serve it all the same, name it in keep")
        return names

    def _known_meanings(self) -> dict[str, SemanticType]:
        return {**super()._known_meanings(), **dict.fromkeys(self.keep, "identifier")}

    @property
    def _endings(self) -> tuple[str, ...]:
        return super()._endings if self.extensions else ()

    def _said(self) -> dict[str, ColumnType]:
        return {name: attribute.type for name, attribute in attributes(self.fields, self.keep).items()}

    def _head(self, file: BinaryIO, name: str) -> tuple[Any, ...]:
        asked = attributes(self.fields, self.keep)
        values, little = elements(file, {one.tag: one.vr for one in asked.values()}, name=name)
        _, characters = values.get(CHARACTERS, ("", b""))
        if self.pixels:  # so that a file that is cut short is found once, and not in the middle of a run
            file.seek(0)
            self._image(file)
        said = []
        for one in asked.values():
            vr, raw = values.get(one.tag, ("", b""))
            vr = one.vr if vr in ("", "UN") else vr
            said.append(value_of(raw, vr, one.type, little=little, characters=characters) if raw else None)
        return tuple(said)

    def _image(self, file: BinaryIO) -> bytes | None:
        import pydicom

        if os.fstat(file.fileno()).st_size > LARGEST:
            raise Unfit("too_large")
        needed = "PixelData BurnedInAnnotation Rows Columns SamplesPerPixel NumberOfFrames BitsAllocated PhotometricInterpretation"
        try:
            found = pydicom.dcmread(file, specific_tags=needed.split())
            pixels = found.get("PixelData")
            if pixels is None or str(found.get("BurnedInAnnotation", "")).upper() == "YES":
                return None
            if not found.file_meta.TransferSyntaxUID.is_compressed and len(pixels) < pydicom.pixels.utils.get_expected_length(found):
                raise Unfit("cut_short")
        except (Unfit, MemoryError):
            raise
        except Exception:  # noqa: BLE001 what a broken file makes a parser raise
            raise Unfit("damaged") from None
        return bytes(pixels)

    def _image_bytes(self, found: Found, said: Mapping[str, Any]) -> int:
        return found.size

    @classmethod
    def sample(cls, *args: Path) -> Self:
        (folder,) = args
        for place, modality in enumerate(("CT", "MR", "CT")):
            path = folder / "studies" / f"{place % 2}" / f"IM{place}"
            path.parent.mkdir(parents=True, exist_ok=True)
            _made(modality, rows=2 + place).save_as(path, enforce_file_format=True)
            os.utime(path, (1_700_000_000 + place, 1_700_000_000 + place))
        return cls(name="sample", path=folder / "studies", keep=("StudyDate",), pixels=True)


def _made(modality: str, *, rows: int) -> Any:
    """A tiny picture of nobody."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID

    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = UID("1.2.840.10008.1.2.1")
    made.SOPClassUID, made.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", f"2.25.{rows}"
    made.PatientName, made.StudyDate, made.Modality = "Nobody", "20240105", modality
    made.Rows, made.Columns, made.SamplesPerPixel, made.PhotometricInterpretation = rows, 2, 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.add_new("PixelData", "OB", bytes(range(2 * rows)))
    return made


@cache
def attributes(fields: tuple[str, ...], keep: tuple[str, ...]) -> dict[str, Attribute]:
    """The columns, by name. Raises DataSourceError for an attribute that there is not, or that must be named in `keep`."""
    return {name: _attribute(name, kept=name in keep) for name in dict.fromkeys((*fields, *keep))}


def _attribute(name: str, *, kept: bool) -> Attribute:
    directory = _directory()
    by_tag = name.startswith("(")
    tag = int(name.strip("()").replace(",", ""), 16) if by_tag else directory.tag_for_keyword(name)
    if tag is None or ((tag >> 16) % 2 == 0 and not directory.dictionary_has_tag(tag)):
        remedy = nearest(name, [key for key in directory.keyword_dict if key[:1] == name[:1]]).partition(" Known:")[0]
        raise DataSourceError(f"DICOM has no attribute {name}.", field="fields", remedy=remedy, code="unknown_attribute")
    private = (tag >> 16) % 2 == 1
    vr, many = ("LO", True) if private else (directory.dictionary_VR(tag), directory.dictionary_VM(tag) != "1")
    if personal(tag, name, vr) and not kept:
        message = f"{name} may say who a person is."
        raise DataSourceError(message, field="fields", remedy="To serve it all the same, name it in keep.", code="withheld")
    if kept and not personal(tag, name, vr):
        raise DataSourceError(f"{name} is not withheld.", field="keep", remedy="Name it in fields.", code="not_withheld")
    kind = type_of(vr, many=many)
    if kind is None:
        remedy = "Name attributes of numbers, texts or dates."
        raise DataSourceError(f"{name} is no plain value ({vr}).", field="fields", remedy=remedy, code="attribute_type")
    return Attribute(tag, vr, kind)


def _directory() -> Any:
    try:
        from pydicom import datadict
    except ImportError:
        message, remedy = "DICOM is read by pydicom, which is not installed.", "Install it: pip install 'podium[dicom]'."
        raise DataSourceError(message, field="kind", remedy=remedy, code="not_installed") from None
    return datadict
