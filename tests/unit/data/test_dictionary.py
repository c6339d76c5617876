"""A data dictionary as CSV: what is written is read back word by word, and what people and REDCap write is understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.datasources._dictionary import Words, read_dictionary, written_dictionary
from podium.datasources._labels import read_labels, written_labels
from podium.errors import DataSourceError

TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(";=\\'\"\n\r\t +-@,|")), max_size=12)
LABELS = st.dictionaries(TEXT, TEXT.filter(bool), max_size=4)
WORDS = st.builds(Words, description=TEXT, unit=TEXT, labels=LABELS, type=st.sampled_from([None, "categorical", "text"]))


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "dictionary.csv"
    path.write_bytes(text.encode(encoding))
    return path


@settings(deadline=None, max_examples=150)
@given(words=st.dictionaries(TEXT.filter(bool), WORDS, max_size=4))
def test_a_round_trip_changes_nothing(tmp_path_factory, words):
    path = written(tmp_path_factory.getbasetemp(), written_dictionary(words), "utf-8-sig")
    assert read_dictionary(path) == words
    assert list(read_dictionary(path)) == list(words)


@settings(deadline=None, max_examples=150)
@given(labels=LABELS)
def test_labels_make_the_round_trip(labels):
    assert read_labels(written_labels(labels)) == labels


def test_no_cell_is_a_formula():
    words = {sign + "cmd": Words(description=sign + "1", unit=sign, labels={sign + "1": "a"}) for sign in "=+-@\t\r"}
    cells = [cell.lstrip('"') for line in written_dictionary(words).replace("\r", " ").split("\n") for cell in line.split(",")]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t")]


@pytest.mark.parametrize(
    ("cell", "labels"),
    [
        ("1=male;2=female", {"1": "male", "2": "female"}),
        (" 1 = male ;\n 2 = not = male ; ", {"1": "male", "2": "not = male"}),
        (r"a\;b=c\=d; e=f\\;g\=h=C:\new", {"a;b": "c=d", "e": "f\\", "g=h": r"C:\new"}),
        ("1=;2=female", {"2": "female"}),
        ("=missing", {"": "missing"}),
        ("", {}),
    ],
)
def test_labels_as_people_write_them(cell, labels):
    assert read_labels(cell) == labels


def test_what_a_spreadsheet_of_another_country_saves(tmp_path):
    path = written(tmp_path, 'Column;Description;Values;Owner\r\nsex;"Sex; at birth";"1=männlich;2=weiblich";Eva\r\n;;;\r\n', "utf-8-sig")
    assert read_dictionary(path) == {"sex": Words(description="Sex; at birth", labels={"1": "männlich", "2": "weiblich"})}


def test_a_dictionary_of_redcap(tmp_path):
    head = '"Variable / Field Name","Form Name","Field Type","Field Label","Choices, Calculations, OR Slider Labels","Identifier?"\n'
    lines = (
        'sex,base,radio,Sex,"1, Male | 2, Female, or other",\nhello,base,descriptive,Welcome,,\n'
        'races,base,checkbox,Race,"1, White | B, Black",\n'
        'bmi,base,calc,BMI,"[weight] / ([height]^2), 1 | 2, 3",\nok,base,yesno,Consent,,\npain,base,slider,Pain,"none, 0 | worst",\n'
    )
    boxes = {"0": "Unchecked", "1": "Checked"}
    assert read_dictionary(written(tmp_path, head + lines)) == {
        "sex": Words(description="Sex", labels={"1": "Male", "2": "Female, or other"}),
        "races___1": Words(description="Race: White", labels=boxes, type="boolean"),
        "races___b": Words(description="Race: Black", labels=boxes, type="boolean"),
        "bmi": Words(description="BMI"),
        "ok": Words(description="Consent", labels={"1": "Yes", "0": "No"}, type="boolean"),
        "pain": Words(description="Pain"),
    }


def test_what_redcap_projects_mark_and_mark_up(tmp_path):
    head = '"Variable / Field Name","Field Type","Field Label","Choices, Calculations, OR Slider Labels","Identifier?"\n'
    lines = (
        'phone,text,"<div class=""rich""><p>Phone <b>at home</b></p></div>",,y\nmemo,notes,Memo,,\n'
        'low,text,Age < 18 and > 5,,\nwhy,checkbox,Why,"-1, <i>No</i> idea | Ab, Other",\n'
    )
    boxes = {"0": "Unchecked", "1": "Checked"}
    assert read_dictionary(written(tmp_path, head + lines)) == {
        "phone": Words(description="Phone at home", type="identifier"),
        "memo": Words(description="Memo", type="text"),
        "low": Words(description="Age < 18 and > 5"),
        "why____1": Words(description="Why: No idea", labels=boxes, type="boolean"),
        "why___ab": Words(description="Why: Other", labels=boxes, type="boolean"),
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("column,description\nage,canary\nage,canary\n", r"line 3: column 'age' was described before"),
        ("column,description\n\nage,a\n,canary\n", r"line 4: no column is named"),
        ("column,type\nage,continous\n", r"line 2: the `type` of 'age'.*"),
        ("column,values\nage,1:canary\n", r"line 2: column 'age': `values` is written as"),
        ("column,values\nage,1=canary;1=b\n", r"line 2: column 'age': .* twice"),
        ("column,descripton\nage,canary\n", r"line 1: the first line has 'descripton'"),
        ("name,description\nage,canary\n", r"line 1: .*does not name `column`"),
        ("column,unit,unit\n", r"line 1: two cells"),
        ("column,description\nage,canary, too\n", r"line 2: there are more cells"),
        ('column,description\nage,"canary\n', r"line 2: this is no CSV"),
        ("", r"line 1: .*does not name `column`"),
    ],
)
def test_mistakes_are_told_by_line_and_never_by_cell(tmp_path, text, told):
    with pytest.raises(DataSourceError, match=told) as caught:
        read_dictionary(written(tmp_path, text))
    assert "canary" not in str(caught.value)
    assert caught.value.remedy


def test_a_file_that_is_not_there_or_of_another_alphabet(tmp_path):
    with pytest.raises(DataSourceError, match="No such file"):
        read_dictionary(tmp_path / "none.csv")
    with pytest.raises(DataSourceError, match="not UTF-8"):
        read_dictionary(written(tmp_path, "column,description\nage,männlich\n", "latin-1"))


def test_levels_to_be_labelled_are_asked_for_and_say_nothing_yet(tmp_path):
    text = written_dictionary({"sex": Words(labels={"2": "female"})}, levels={"sex": ["1", "2"]})
    assert "1=;2=female" in text
    assert read_dictionary(written(tmp_path, text)) == {"sex": Words(labels={"2": "female"})}
