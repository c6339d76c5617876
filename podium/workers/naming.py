"""What the name of a column says of its values, and what their form does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

LONG_TEXT = 64
OF_ONE_SHAPE = 0.9
Word = Literal["subject", "id", "contact", "person", "number", "remark", "code", ""]

_WHO = "subject|patient|participant|person|respondent|case|client|member|individual|proband|donor|student|employee|customer|subj|pat|ppt"
_JOINED = rf"({_WHO})(id|no|nr)|[pu]id( ?num)?|u?subjid"
_CODE = "id|ids|identifier|no|nr|num|number|key|code"
_GERMAN_CASE = r"(patienten?|probanden|versicherten|fall|aufnahme) ?(id|nr|nummer|kennung)"
# By the name in small letters, its words parted by one space. The first that fits.
_NAMES: tuple[tuple[Word, str], ...] = (
    (
        "subject",
        (
            rf"(id|ids|identifier|uuid|guid|mrn|ssn|seqn|row ?(names?|id|no|nr|number)|nhs ?(number|no)|({_WHO})( ({_CODE}))?|{_JOINED}"
            rf"|{_GERMAN_CASE})"
        ),
    ),
    (
        "person",
        (
            r"(.* )?((fore|first|last|sur|given|family|middle|maiden|full|nick) ?names?|(patient|person|subject|doctor) name"
            r"|(vor|nach|familien|geburts)namen?)( .*)?"
        ),
    ),
    (
        "contact",
        (
            r"(.* )?(e ?mail|phone|telephone|mobile|fax|zip|zip ?code|post ?code|postal code|plz|iban|passport|address|ssn|mrn"
            r"|(telefon|handy|mobil)(nummer)?|adresse|anschrift)( .*)?"
        ),
    ),
    ("id", r"(.* )?(id|ids|uuid|guid|identifier|accession|npi)( .*)?"),
    ("number", r"(.* )?(key|index|number|nr|no|\w*nummer)( .*)?"),
    (
        "remark",
        r"(.* )?(comments?|remarks?|notes?|free ?text|narrative|description|(be|an)merkung(en)?|kommentare?|freitext|notiz(en)?)( .*)?",
    ),
    (
        "code",
        (
            r"(.* )?(code|site|cent(er|re)|clinic|hospital|ward|region|district|county|province|school|country"
            r"|klinik|krankenhaus|station|abteilung)"
        ),
    ),
)
_MONTH = "(?i:jan|feb|m[aä]r|apr|ma[iy]|june?|july?|aug|sept?|o[ck]t|nov|de[cz])[a-z]*"
_YEAR = "([12][0-9]{3}|[0-9]{2})"
_DAY = (
    rf"[12][0-9]{{3}}[./-][01]?[0-9][./-][0-3]?[0-9]|[0-3]?[0-9][./-][0-3]?[0-9][./-]{_YEAR}"
    rf"|[0-3]?[0-9][. -]{{0,2}}{_MONTH}[. -]{{0,2}}{_YEAR}|{_MONTH}[. ]+[0-3]?[0-9],? {_YEAR}"
)
_TIME = r"([ T:][0-2]?[0-9]:[0-5][0-9](:[0-9.]+)?( ?[AaPp][Mm]|Z|[+-][0-9]{2}:?[0-9]{2})?)?"
_DIGITS = r"^([^0-9]*[0-9]){7,15}[^0-9]*$"
# Nearly all texts must be like all the expressions of a shape.
_SHAPES = {
    "image files": (r"(?i)\.(png|jpe?g|tiff?|bmp|gif|webp|dcm|dicom|nii|nii\.gz|mha|mhd|nrrd|svs|ndpi)$",),
    "e-mail addresses": (r"^[^@\s]+@[^@\s]+\.[A-Za-z]{2,}$",),
    "dates": (rf"^({_DAY}){_TIME}$",),
    "postcodes": (r"^([A-Za-z]{1,2}[0-9][0-9A-Za-z]? [0-9][A-Za-z]{2}|[0-9]{5}(-[0-9]{4})?|[0-9]{4} ?[A-Z]{2})$",),
    "social security numbers": (r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$",),
    "telephone numbers": (r"^(\+|00)?[0-9]{0,4}[ ./-]?\(?[0-9]{2,5}\)?([ ./-]?[0-9]{2,}){1,4}$", _DIGITS),
    "UUIDs": (r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$",),
    "network addresses": (r"^([0-9]{1,3}\.){3}[0-9]{1,3}$",),
}


def called(name: str) -> Word:
    """What the column is called.

    An identifier of persons or rows, some other id, a way to reach somebody, a person's name, a number, what somebody remarked, the code of
    a place.
    """
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", name).strip().lower()
    return next((word for word, pattern in _NAMES if re.fullmatch(pattern, parted)), "")


def shape_of(texts: pa.Array) -> str:
    """What nearly all of these texts look like, if it is a form that tells whose they are, or an image's name."""
    import pyarrow.compute as pc

    for shape, patterns in _SHAPES.items():
        fit = [pc.sum(pc.match_substring_regex(texts, pattern)).as_py() or 0 for pattern in patterns]
        if len(texts) and min(fit) >= OF_ONE_SHAPE * len(texts):
            return shape
    return ""
