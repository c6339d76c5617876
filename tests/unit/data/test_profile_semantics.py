"""What columns of real tables mean, against what a statistician would say of them; written by hand."""

import datetime as dt

import pandas as pd
import pytest
from sklearn import datasets

from podium.datasources import About, Frame
from podium.workers.naming import called
from podium.workers.profile import profile


def _schema(tmp_path, frame, **fields):
    return profile(Frame.of(frame, name="t", **fields).placed(tmp_path), "full")


TRUTH = {
    "iris": {"target": "categorical"},
    "wine": {"target": "categorical"},
    "breast_cancer": {"target": "boolean"},
    "diabetes": {},
    "linnerud": {},
}


@pytest.mark.parametrize("name", TRUTH)
def test_tables_of_scikit_learn(name, tmp_path):
    schema = _schema(tmp_path, getattr(datasets, f"load_{name}")(as_frame=True).frame)
    for column in schema.columns:
        assert column.semantic == TRUTH[name].get(column.name, "continuous"), (column.name, column.reason)


def test_pictures_of_digits(tmp_path):
    schema = _schema(tmp_path, datasets.load_digits(as_frame=True).frame)
    assert schema.column("target").semantic == "categorical"  # ten codes, used evenly
    assert schema.column("pixel_3_3").semantic == "continuous"
    assert schema.column("pixel_0_1").semantic == "continuous"  # nine counts with a thin tail


N = 600
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
VISITS = pd.DataFrame(
    {  # the forms that registries, trials and laboratories use; nobody's data
        "rownames": range(1, N + 1),
        "id": [n // 5 for n in range(N)],
        "subject_id": [(n // 2 * 7919) % 100_003 for n in range(N)],
        "patient": [f"K{n // 4:04d}" for n in range(N)],
        "PatientID": [n // 30 for n in range(N)],
        "site_id": [n % 8 for n in range(N)],
        "encounter_id": [n // 3 for n in range(N)],
        "hospital": [f"hospital {n % 8}" for n in range(N)],
        "first_name": [f"name{n % 90}" for n in range(N)],
        "surname": [f"name{n % 70}" for n in range(N)],
        "email": [f"someone{n}@example.org" for n in range(N)],
        "reach": [f"someone{n // 2}@example.org" for n in range(N)],
        "tel": [f"+44 20 {n * 7919 % 10_000_000:07d}" for n in range(N)],
        "area": [f"AB{n % 20} {n % 9}CD" for n in range(N)],
        "zip": [10_000 + n % 300 for n in range(N)],
        "ssn_text": [f"{n % 899 + 100}-{n % 89 + 10}-{n % 8999 + 1000}" for n in range(N)],
        "uuid_like": [f"0000{n:04d}-0000-4000-8000-00000000{n:04d}" for n in range(N)],
        "free_text": [f"seen by nurse {n}, stable, review in a week; nothing else to note at this visit" for n in range(N)],
        "scan": [f"images/{n}/slice.dcm" for n in range(N)],
        "sex": [("f", "m")[n % 2] for n in range(N)],
        "sex_code": [n % 2 + 1 for n in range(N)],
        "died": [int(n % 9 == 0) for n in range(N)],
        "flag_text": [("Yes", "No")[n % 2] for n in range(N)],
        "likert": [n % 5 + 1 for n in range(N)],
        "ecog": [float(n % 4) if n % 6 else None for n in range(N)],
        "group_10": [n % 10 + 1 for n in range(N)],
        "children": [0] * 200 + [1] * 150 + [2] * 120 + [3] * 70 + [4] * 35 + [5] * 15 + [6] * 6 + [7] * 3 + [9],
        "number_of_drugs": [n % 17 for n in range(N)],
        "year": [1960 + n % 60 for n in range(N)],
        "cohort_year": [2018 + n % 4 for n in range(N)],
        "day": [n * 13 % 5_000 for n in range(N)],
        "age": [18 + n % 77 for n in range(N)],
        "dose": [0.5 * (n % 40) for n in range(N)],
        "cost": [n * 7919 % 1_000_003 for n in range(N)],
        "born": [dt.date(1950, 1, 1) + dt.timedelta(days=n) for n in range(N)],
        "constant": [1] * N,
        "icd": [f"{chr(65 + n % 250 % 26)}{n % 250:02d}" for n in range(N)],
        "pid": [n * 7919 % 99_991 for n in range(N)],
        "case.id": [None if n % 50 == 0 else float(n // 2 * 31) for n in range(N)],
        "age_group": [f"{5 * (n % 18)}-{5 * (n % 18) + 4}" for n in range(N)],
        "seen": [f"{n % 12 + 1:02d}/{n % 28 + 1:02d}/{1990 + n % 30}" for n in range(N)],
        "seen_at": [f"2024-{n % 12 + 1:02d}-{n % 28 + 1:02d}T10:00:00.000Z" for n in range(N)],
        "comments": ["no blood sample taken today" if n % 2 else "not measured, was asleep" if n % 3 else None for n in range(N)],
        "note": ["ABC"[n % 3] for n in range(N)],
        "ward_code": [100 + 7 * (n % 30) for n in range(N)],
        "plot_id": [n % 24 for n in range(N)],
        "SEQN": [5 * n + 233 for n in range(N)],
        "Fallnummer": [7_000_000 + 37 * (n // 2) for n in range(N)],
        "Vorname": [f"name{n % 90}" for n in range(N)],
        "verstorben": [("ja", "nein")[n % 2] for n in range(N)],
        "fumeur": [("O", "N")[n % 2] for n in range(N)],
        "Bemerkung": [f"kam nach {n} Tagen wieder zur Kontrolle" if n % 5 == 0 else None for n in range(N)],
        "onset": [f"{n % 28 + 1:02d}{_MONTHS[n % 12].upper()}{1990 + n % 34}" for n in range(N)],
        "visit": [f"{n % 28 + 1}-{_MONTHS[n % 12]}-2024" for n in range(N)],
        "billed": [f"{_MONTHS[n % 12]} {n % 28 + 1}, {2004 + n % 3}" for n in range(N)],
        "admitted": [f"{n % 12 + 1}/{n % 28 + 1}/2024 {n % 12 + 1}:{n % 60:02d} {'AM' if n % 2 else 'PM'}" for n in range(N)],
        "npi": [1_000_000_000 + n % 45 * 7 for n in range(N)],
        "rare": ["common"] * (N - 3) + ["rare", "rare", "rarer"],
    }
)
TRUE_OF_VISITS = {
    "identifier": "rownames id pid case.id subject_id patient PatientID encounter_id email reach tel area zip ssn_text uuid_like"
    " SEQN Fallnummer npi",
    "categorical": "site_id hospital sex sex_code likert ecog group_10 cohort_year constant rare age_group note ward_code plot_id",
    "boolean": "died flag_text verstorben fumeur",
    "continuous": "children number_of_drugs year day age dose cost",
    "text": "first_name surname free_text icd comments Vorname Bemerkung",
    "image": "scan",
    "date": "born seen seen_at onset visit billed admitted",
}


@pytest.fixture(scope="module")
def visits(tmp_path_factory):
    return _schema(tmp_path_factory.mktemp("visits"), VISITS)


@pytest.mark.parametrize(
    ("name", "semantic"), [(name, semantic) for semantic, names in TRUE_OF_VISITS.items() for name in names.split()], ids=str
)
def test_columns_of_registries(visits, name, semantic):
    column = visits.column(name)
    assert column.semantic == semantic, column.reason
    assert column.reason


def test_every_column_has_its_truth(visits):
    assert sorted(visits.names) == sorted(" ".join(TRUE_OF_VISITS.values()).split())


def test_an_identifier_shows_nothing(visits):
    for column in visits.columns:
        if column.semantic == "identifier":
            assert (column.min, column.max, column.mean, column.sd, column.quantiles, column.categories) == (None, None, None, None, (), ())


def test_quantiles_of_amounts_and_dates_only(visits):
    assert {column.name for column in visits.columns if column.quantiles} == {
        column.name for column in visits.columns if column.semantic in ("continuous", "date") and column.type != "text"
    }
    age = visits.column("age")
    assert len(age.quantiles) == 33
    assert list(age.quantiles) == sorted(age.quantiles)
    assert (age.quantiles[0], age.quantiles[-1]) == (18, 94)
    born = visits.column("born").quantiles
    assert born[0] == dt.datetime(1950, 1, 1, tzinfo=dt.UTC).timestamp()


def test_all_levels_are_listed(visits, tmp_path):
    frame = pd.DataFrame({"ward": [f"w{n % 150}" for n in range(3000)]})
    assert len(_schema(tmp_path, frame).column("ward").categories) == 150
    assert [(level.value, level.rows) for level in visits.column("rare").categories] == [("common", 597), ("rare", 2), ("rarer", 1)]


def test_labels_make_a_category(tmp_path):
    about = {"number_of_drugs": About(labels={str(n): f"{n} drugs" for n in range(10)}), "age": About(labels={"94": "94 or more"})}
    schema = _schema(tmp_path, VISITS, about=about)
    drugs = schema.column("number_of_drugs")
    assert (drugs.semantic, drugs.reason) == ("categorical", "labels are given")
    assert len(drugs.categories) == 17
    assert schema.column("age").semantic == "continuous"  # one code among numbers makes no category
    schema = _schema(tmp_path, VISITS, force_types={"age": "categorical"})
    assert (schema.column("age").semantic, len(schema.column("age").categories)) == ("categorical", 77)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("id", "subject"), ("ID", "subject"), ("SubjectID", "subject"), ("patient_no", "subject"), ("row.names", "subject"),
        ("test_id", "id"), ("SiteId", "id"), ("valid", ""), ("paid", ""), ("age", ""), ("fake_first_name", "person"),
        ("pidnum", "subject"), ("USUBJID", "subject"), ("caseid", "subject"), ("steroid", ""), ("fluid", ""), ("rapid", ""),
        ("Comments", "remark"), ("denoted", ""), ("zip_code", "contact"), ("hospital", "code"), ("decode", ""),
        ("lastName", "person"), ("clinic_name", ""), ("Post Code", "contact"), ("idle", ""), ("number", "number"), ("chapter", ""),
        ("Patienten-ID", "subject"), ("Pat.Nr.", "subject"), ("Geburtsname", "person"), ("Telefonnummer", "contact"), ("Fallzahl", ""),
        ("Dosisnummer", "number"), ("Diagnose", ""), ("Klinik", "code"), ("Anmerkungen", "remark"), ("Aufnahmenummer", "subject"),
    ],
)  # fmt: skip
def test_names(name, word):
    assert called(name) == word
