"""What a custodian says of columns is kept through every refresh, and undone where she takes it back."""

from __future__ import annotations

import pytest

from podium.contracts import Category, Column, DatasourceSchema
from podium.datasources import About, Csv
from podium.datasources._dressing import beyond, dressed, dressed_anew
from podium.errors import ConfigError, DataSourceError
from podium.workers.profile import profile

AGE = Column(name="age", type="integer", semantic="continuous", description="of the file", min=0, max=99, mean=40.0, quantiles=(0, 40, 99))
SEX = Column(name="sex", type="integer", semantic="categorical", categories=(Category(value=1, rows=20), Category(value=2, rows=30)))
SCHEMA = DatasourceSchema(datasource="a", stage="full", rows=50, columns=(AGE, SEX))


def source(tmp_path, *lines: str, **fields) -> Csv:
    if lines:
        (tmp_path / "words.csv").write_text("\n".join(["column,description,unit,type,values", *lines]))
        fields["dictionary"] = tmp_path / "words.csv"
    return Csv(name="a", path=tmp_path / "a.csv", **fields)


def test_about_has_the_last_word_and_silence_changes_nothing(tmp_path):
    said = source(tmp_path, "age,at admission,years,,", "sex,sex,,,1=m;2=f", about={"sex": About(description="Sex at birth")})
    age, sex = dressed(SCHEMA, said).columns
    assert (age.description, age.unit, age.min, age.quantiles) == ("at admission", "years", 0, (0, 40, 99))
    assert (sex.description, sex.labels, sex.categories) == ("Sex at birth", {"1": "m", "2": "f"}, SEX.categories)
    assert dressed(SCHEMA, source(tmp_path)) == SCHEMA


@pytest.mark.parametrize(
    ("lines", "about", "field"),
    [(["aeg,x,,,"], {}, "dictionary"), ([], {"aeg": About(description="x")}, "about"), (["age,x,,,"], {"aeg": About()}, "about")],
)
def test_a_word_about_no_column_is_an_error_with_the_nearest(tmp_path, lines, about, field):
    with pytest.raises(DataSourceError, match=r"no column 'aeg'.*Did you mean 'age'") as caught:
        dressed(SCHEMA, source(tmp_path, *lines, about=about))
    assert caught.value.field == f"datasources.a.{field}"


def test_a_dictionary_may_be_wider_than_the_data_and_says_so(tmp_path):
    said = source(tmp_path, "age,at admission,,,", "sxe,x,,,", "ward,x,,,", "weight,x,,,", ignore_columns=("ward",))
    assert [column.description for column in dressed(SCHEMA, said).columns] == ["at admission", ""]
    assert beyond(SCHEMA, said) == "the data dictionary describes 2 columns that are not there: sxe, weight"
    assert beyond(SCHEMA, source(tmp_path, "age,x,,,", "agee,x,,,", "sexx,x,,,")).endswith("not there: agee, sexx (is it sex?)")
    wide = beyond(SCHEMA, source(tmp_path, "age,x,,,", *(f"q{n},x,,," for n in range(60))))
    assert "60 columns" in wide
    assert wide.endswith("q39 and 20 more")
    assert beyond(SCHEMA, source(tmp_path, "age,x,,,", "ward,x,,,", ignore_columns=("ward",))) == ""
    assert beyond(SCHEMA, source(tmp_path)) == ""


def test_a_word_about_an_ignored_column_is_none(tmp_path):
    said = source(tmp_path, "ward,x,,,", about={"ward": About(unit="x")}, ignore_columns=("ward",))
    assert dressed(SCHEMA, said) == SCHEMA


def test_a_type_of_the_dictionary_takes_out_what_must_not_be_listed(tmp_path):
    age, sex = dressed(SCHEMA, source(tmp_path, "age,,,identifier,", "sex,,,text,")).columns
    assert (age.semantic, age.min, age.max, age.mean, age.quantiles) == ("identifier", None, None, None, ())
    assert (sex.semantic, sex.categories) == ("text", ())
    forced = dressed(SCHEMA, source(tmp_path, "age,,,identifier,", force_types={"age": "continuous"}))
    assert forced.column("age") == AGE


def test_words_that_change_or_go_do_so_without_the_data(tmp_path):
    bare = SCHEMA.model_copy(update={"columns": (AGE.model_copy(update={"description": ""}), SEX)})
    first = dressed(bare, source(tmp_path, "age,one,years,,", "sex,,,categorical,1=m"))
    other = source(tmp_path, "age,two,,,", "sex,,,categorical,1=male")
    assert dressed_anew(first, other) == dressed(bare, other)
    unlabelled = first.model_copy(update={"columns": (first.columns[0], SEX)})
    assert dressed_anew(unlabelled, source(tmp_path)) == bare


def test_labels_that_come_or_go_are_for_the_scan_to_judge(tmp_path):
    said = source(tmp_path, "sex,,,,1=m;2=f")
    assert dressed_anew(SCHEMA, said) is None
    assert dressed_anew(dressed(SCHEMA, said), source(tmp_path)) is None


def test_other_types_or_columns_are_for_the_data_to_say(tmp_path):
    said = source(tmp_path, "age,,,text,")
    typed = dressed(SCHEMA, said)
    assert dressed_anew(typed, said) is not None
    assert dressed_anew(typed, source(tmp_path)) is None  # it was inferred to be something once
    assert dressed_anew(typed, source(tmp_path, "age,,,date,")) is None
    assert dressed_anew(SCHEMA, source(tmp_path, force_types={"sex": "text"})) is None
    assert dressed_anew(SCHEMA, source(tmp_path, ignore_columns=("sex",))) is None


def test_a_forced_type_of_a_real_profile_is_seen_to_go(tmp_path):
    (tmp_path / "a.csv").write_text("age,sex\n" + "41,1\n52,2\n" * 20)
    forced = profile(source(tmp_path, force_types={"age": "text"}), "full")
    assert dressed_anew(forced, source(tmp_path, force_types={"age": "text"})) is not None
    assert dressed_anew(forced, source(tmp_path)) is None


def test_a_wrong_word_in_a_pod_file_names_the_nearest():
    with pytest.raises(ConfigError, match=r"about\.age\.descripton: unknown key\. Did you mean 'description'\?"):
        Csv.load({"kind": "csv", "name": "a", "path": "a.csv", "about": {"age": {"descripton": "x"}}})
