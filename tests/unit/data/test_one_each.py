"""Files as datapoints: a second pass opens none, a bad one stops no other, and parts stay where they are."""

import logging
import os
import sqlite3
import stat
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.datasources import Datasource, Images
from podium.datasources import _one_each as one_each
from podium.datasources._files import Found
from podium.datasources._headers import Head, Heads
from podium.datasources._one_each import CONTENT, split
from podium.errors import DataSourceError

WATCHED = {"below": "", "opened": []}
OLD = 1_700_000_000


def _hook(event, args):
    if event != "open" or not WATCHED["below"] or not str(args[0]).startswith(WATCHED["below"]) or Path(args[0]).is_dir():
        return
    if WATCHED["opened"][-1:] != [str(args[0])]:  # open() with an opener of ours is told twice
        WATCHED["opened"].append(str(args[0]))


sys.addaudithook(_hook)


@contextmanager
def opened(folder):
    """The files below the folder that this process opens meanwhile. (Folders are opened to be listed.)"""
    WATCHED.update(below=str(folder), opened=[])
    try:
        yield WATCHED["opened"]
    finally:
        WATCHED["below"] = ""


def picture(path, *, size=(3, 2), colour=(1, 2, 3), at=OLD, mode="RGB"):
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    os.utime(path, (at, at))
    return path


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "pictures"
    for place, name in enumerate(("cat/a.png", "cat/b.png", "dog/c.png", "d.png")):
        picture(root / name, size=(3 + place, 2))
    return root


@pytest.fixture(autouse=True)
def later(monkeypatch):
    """All this happens an hour after the files were written."""
    monkeypatch.setattr(one_each, "time", SimpleNamespace(time_ns=lambda: time.time_ns() + 3_600 * 10**9))


@pytest.fixture
def at_once(monkeypatch):
    """But this does not."""
    monkeypatch.setattr(one_each, "time", time)


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o700)
    return tmp_path / "cache"


def source(folder, cache=None, **fields):
    return Images(name="x", path=folder, **fields).caching(cache)


def rows(found, columns=None, **more):
    columns = [name for name, _ in found.columns()] if columns is None else columns
    return [row for batch in found.read(columns, **more) for row in batch.to_pylist()]


class TestASecondPass:
    def test_opens_no_file(self, folder, cache):
        with opened(folder) as first:
            before = rows(source(folder, cache))
        with opened(folder) as second:
            assert rows(source(folder, cache)) == before
        assert len(first) == 4
        assert second == []

    def test_opens_the_changed_and_the_new_alone(self, folder, cache):
        rows(source(folder, cache))
        picture(folder / "cat" / "b.png", size=(9, 9), at=OLD + 1)
        picture(folder / "e.png", size=(8, 8))
        with opened(folder) as found:
            after = {row["path"]: row["width"] for row in rows(source(folder, cache))}
        assert sorted(Path(path).name for path in found) == ["b.png", "e.png"]
        assert after == {"d.png": 6, "e.png": 8, "cat/a.png": 3, "cat/b.png": 9, "dog/c.png": 5}

    def test_does_not_trust_a_file_that_was_young(self, folder, cache):
        picture(folder / "young.png", at=time.time() + 3_600)
        rows(source(folder, cache))
        with opened(folder) as found:
            rows(source(folder, cache))
        assert [Path(path).name for path in found] == ["young.png"]

    @pytest.mark.usefixtures("at_once")
    def test_does_not_trust_a_time_that_was_set_back(self, folder, cache):
        """The pictures say that they are years old, and were written just now."""
        rows(source(folder, cache))
        with opened(folder) as found:
            rows(source(folder, cache))
        assert len(found) == 4

    def test_reads_again_when_something_else_is_asked(self, folder, cache):
        rows(source(folder, cache))
        with opened(folder) as found:
            assert "taken" in rows(source(folder, cache, taken=True))[0]
        assert len(found) == 4

    def test_remembers_who_was_kept_out(self, folder, cache):
        (folder / "bad.png").write_text("no picture")
        os.utime(folder / "bad.png", (OLD, OLD))
        rows(source(folder, cache))
        with opened(folder) as found:
            assert len(rows(source(folder, cache))) == 4
            assert source(folder, cache).faults() == {"bad.png": "no_image"}
        assert found == []

    def test_is_cached_also_by_a_part(self, folder, cache):
        made = source(folder, cache)
        (part,) = made.partitions()
        list(made.read_part(part, ["width"]))
        with opened(folder) as found:
            list(made.read_part(part, ["width"]))
        assert found == []

    def test_goes_on_in_another_thread(self, folder, cache, monkeypatch):
        """Engines pull each batch from whatever thread they like."""
        monkeypatch.setattr(one_each, "AT_ONCE", 1)
        rows(source(folder, cache))
        batches, found = source(folder, cache).read(["width"]), []
        next(batches)
        with opened(folder) as files:
            thread = threading.Thread(target=lambda: found.extend(batches))
            thread.start()
            thread.join()
        assert files == []
        assert len(found) == 3


def contents(folder, cache=None):
    return {row["path"]: row[CONTENT].hex() for row in rows(source(folder, cache), ["path", CONTENT])}


class TestContent:
    """A file's version is its bytes."""

    def test_is_what_the_fingerprint_is_taken_over(self, folder):
        from xxhash import xxh3_128

        made = source(folder)
        assert made.fingerprinted() == (CONTENT,)
        assert CONTENT not in dict(made.columns())
        assert contents(folder) == {one.name: xxh3_128((folder / one.name).read_bytes()).hexdigest() for one in made.files()}
        (part,) = made.partitions()
        (batch,) = made.read_part(part, ["path", CONTENT])
        assert {row["path"]: row[CONTENT].hex() for row in batch.to_pylist()} == contents(folder)
        with pytest.raises(DataSourceError) as caught:
            rows(made, ["(other)"])
        assert CONTENT not in str(caught.value)

    def test_is_read_only_where_it_is_asked_for_and_once(self, folder, cache):
        with opened(folder) as found:
            rows(source(folder, cache))
        assert len(found) == 4
        with opened(folder) as found:
            before = contents(folder, cache)
        assert len(found) == 4
        with opened(folder) as found:
            assert contents(folder, cache) == before
        assert found == []

    def test_stays_where_a_file_is_touched_or_given_other_rights(self, folder, cache):
        before, token = contents(folder, cache), source(folder).token()
        os.utime(folder / "d.png", (OLD + 5, OLD + 5))
        (folder / "cat" / "a.png").chmod(0o600)
        assert source(folder).token() != token
        with opened(folder) as found:
            assert contents(folder, cache) == before
        assert {Path(path).name for path in found} == {"d.png", "a.png"}
        with opened(folder) as found:
            contents(folder, cache)
        assert found == []

    def test_changes_where_the_size_and_the_time_do_not(self, folder, cache):
        before, path = contents(folder, cache), folder / "cat" / "a.png"
        about, data = path.stat(), path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
        after = contents(folder, cache)
        assert {name for name in after if after[name] != before[name]} == {"cat/a.png"}

    def test_goes_with_a_file_to_its_new_name(self, folder, cache):
        before = contents(folder, cache)
        (folder / "d.png").rename(folder / "e.png")
        after = contents(folder, cache)
        assert after.pop("e.png") == before.pop("d.png")
        assert after == before
        with sqlite3.connect(cache / "heads.db") as engine:
            assert {name for (name,) in engine.execute("SELECT name FROM content")} == {*after, "e.png"}

    @pytest.mark.usefixtures("at_once")
    def test_of_a_young_file_is_looked_at_again(self, folder, cache):
        contents(folder, cache)
        with opened(folder) as found:
            contents(folder, cache)
        assert len(found) == 8  # for their heads, and whole

    def test_of_a_file_that_changes_meanwhile_is_none(self, folder):
        made = source(folder)
        listed = made.files()
        with (folder / "d.png").open("ab") as file:
            file.write(b"more")
        with pytest.raises(DataSourceError) as caught:
            made._digested(listed[0])
        assert caught.value.code == "changed_meanwhile"


def test_the_token_of_young_files_does_not_last(folder, monkeypatch):
    """What they held when they were read may have been written over since, within the grain of the clock."""
    made = source(folder)
    (old,) = made.partitions()
    monkeypatch.setattr(one_each, "time", time)
    (young,) = made.partitions()
    assert old.token != young.token == made.token()
    assert [batch.num_rows for part in (old, young) for batch in made.read_part(part, [CONTENT])] == [4, 4]


class TestTheCache:
    def test_is_private(self, folder, cache):
        before = os.umask(0)
        try:
            rows(source(folder, cache))
        finally:
            os.umask(before)
        assert {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir()} == {0o600}

    def test_forgets_what_was_deleted(self, folder, cache):
        rows(source(folder, cache))
        (folder / "cat" / "a.png").unlink()
        rows(source(folder, cache))
        with sqlite3.connect(cache / "heads.db") as engine:
            kept = {name for (name,) in engine.execute("SELECT name FROM head")}
        assert kept == {"cat/b.png", "dog/c.png", "d.png"}

    @pytest.mark.parametrize("damage", [b"no database at all, but long enough to be taken for one" * 40, b""], ids=["nonsense", "empty"])
    def test_that_is_damaged_is_made_again(self, folder, cache, damage):
        before = rows(source(folder, cache))
        (cache / "heads.db").write_bytes(damage)
        assert rows(source(folder, cache)) == before
        with opened(folder) as found:
            assert rows(source(folder, cache)) == before
        assert found == []

    def test_that_breaks_midway_is_not_used(self, folder, cache):
        before = rows(source(folder, cache))
        with sqlite3.connect(cache / "heads.db") as engine:
            engine.execute("DROP TABLE head")
            engine.execute("CREATE TABLE head (other TEXT)")
        assert rows(source(folder, cache)) == before

    def test_of_another_form_is_not_believed(self, cache):
        found = Found("a", 1, 2, 3, 4)
        one = Heads(cache, form="one")
        one.keep([(found, Head((1,)))], read_at=time.time_ns())
        assert one.known([found]) == {"a": Head((1,))}
        assert one.known([Found("a", 1, 2, 4, 4)]) == one.known([Found("a", 1, 2, 3, 5)]) == {}
        assert Heads(cache, form="two").known([found]) == {}

    def test_is_not_needed(self, folder):
        assert len(rows(source(folder))) == 4


class TestABadFile:
    def test_stops_no_other_and_is_named_in_the_log_alone(self, folder, caplog):
        (folder / "text.png").write_text("a text file")
        (folder / "empty.jpg").write_bytes(b"")
        (folder / "cut.png").write_bytes((folder / "d.png").read_bytes()[:20])
        found = source(folder)
        with caplog.at_level(logging.WARNING):
            assert [row["path"] for row in rows(found)] == ["d.png", "cat/a.png", "cat/b.png", "dog/c.png"]
        said = [record.getMessage() for record in caplog.records]
        assert all(any(name in one for one in said) for name in ("text.png", "empty.jpg", "cut.png"))
        assert any("3 files are kept out" in one for one in said)
        assert found.faults() == {"text.png": "no_image", "empty.jpg": "no_image", "cut.png": "no_image"}

    @pytest.mark.parametrize("at_once", [1, 2, 1000])
    def test_among_picked_rows_moves_no_other(self, folder, monkeypatch, at_once):
        monkeypatch.setattr(one_each, "AT_ONCE", at_once)
        (folder / "a-first.png").write_text("a text file")
        assert [row["path"] for row in rows(source(folder), ["path"], datapoints=[0, 3])] == ["d.png", "dog/c.png"]

    def test_if_all_are_the_source_is_broken(self, tmp_path):
        (tmp_path / "a.png").write_text("no")
        with pytest.raises(DataSourceError, match="none can be read") as caught:
            rows(source(tmp_path))
        assert caught.value.code == "no_files"
        assert "a.png" not in str(caught.value)

    def test_that_may_not_be_opened_stops_the_source(self, folder, monkeypatch):
        real = os.open

        def refusing(path, *args, **kwargs):
            if str(path).endswith("b.png"):
                raise PermissionError(13, "Permission denied")
            return real(path, *args, **kwargs)

        monkeypatch.setattr(os, "open", refusing)
        with pytest.raises(DataSourceError, match=r"b\.png: permission denied"):
            rows(source(folder))

    def test_a_pipe_put_in_its_place_is_not_waited_for(self, folder):
        found = source(folder)
        listed = found.files()
        (folder / "d.png").unlink()
        os.mkfifo(folder / "d.png")
        heads = found._heads()
        (group,) = found._with_heads(heads, listed)
        assert group[0][1].fault == "not_a_file"

    def test_a_link_put_in_its_place_is_not_followed(self, folder, tmp_path):
        found, secret = source(folder), picture(tmp_path / "elsewhere" / "secret.png")
        listed = found.files()
        (folder / "d.png").unlink()
        (folder / "d.png").symlink_to(secret)
        (group,) = found._with_heads(found._heads(), listed)
        assert group[0][1].fault == "link"


class TestParts:
    FILES = [Found(f"scan {number:06}.png", number, 1, number, 1) for number in range(20_000)]

    def test_are_the_files_in_their_order(self):
        parts = list(split(self.FILES))
        assert [found for part in parts for found in part] == self.FILES
        assert 8 <= len(parts) <= 40

    def test_a_new_file_moves_no_other_part(self):
        before = {part[0].name: part for part in split(self.FILES)}
        place = 10_000
        after = {part[0].name: part for part in split([*self.FILES[:place], Found("scan 009999b.png", 1, 1, 1, 1), *self.FILES[place:]])}
        assert len([name for name in before if after.get(name) != before[name]]) == 1

    def test_their_ids_stay_and_only_the_touched_token_changes(self, folder, monkeypatch):
        monkeypatch.setattr(one_each, "PART_FILES", 2)
        for number in range(30):
            picture(folder / "many" / f"{number:02}.png")
        before = {part.id: part.token for part in source(folder).partitions()}
        picture(folder / "many" / "17.png", at=OLD + 9)
        after = {part.id: part.token for part in source(folder).partitions()}
        assert len(before) > 8
        assert before.keys() == after.keys()
        assert sum(before[name] != after[name] for name in before) == 1

    def test_read_by_another_process_they_are_the_same_rows(self, folder, monkeypatch):
        monkeypatch.setattr(one_each, "PART_FILES", 2)
        every, parts = rows(source(folder)), source(folder).partitions()
        one_each._PARTS.clear()
        fresh = Datasource.load(source(folder).dump())
        names = [name for name, _ in fresh.columns()]
        assert [row for part in parts for batch in fresh.read_part(part, names) for row in batch.to_pylist()] == every

    @pytest.mark.parametrize("change", ["content", "gone"])
    def test_that_are_not_what_they_were_are_refused(self, folder, change):
        made = source(folder)
        (part,) = made.partitions()
        if change == "gone":
            (folder / "d.png").unlink()
        else:
            picture(folder / "d.png", size=(50, 50))
        with pytest.raises(DataSourceError) as caught:
            list(made.read_part(part, ["width"]))
        assert caught.value.code == "changed_meanwhile"


def test_its_own_columns_have_their_meanings(folder):
    made = source(folder, pixels=True, ignore_columns=("path",), key=(), force_types={"image": "text"})
    measures = dict.fromkeys(("bytes", "width", "height"), "continuous")
    assert made.force_types == {**measures, "image": "text"}
    assert source(folder, pixels=True).force_types == {**measures, "path": "identifier", "image": "image"}
    assert Datasource.load(made.dump()) == made


def test_a_file_of_a_pod_is_read_as_strictly_as_ever(folder):
    made = Datasource.load({"kind": "images", "name": "x", "path": str(folder), "extensions": [".png"], "ignore_columns": ["mode"]})
    assert "mode" not in dict(made.columns())
    assert len(rows(made)) == 4


def test_rows_come_in_bounded_batches(folder, monkeypatch):
    monkeypatch.setattr(one_each, "AT_ONCE", 3)
    assert [batch.num_rows for batch in source(folder).read(["path"])] == [3, 1]
    assert [batch.num_rows for batch in source(folder).read([])] == [3, 1]


def test_pixels_come_in_batches_of_bounded_bytes(folder, monkeypatch):
    monkeypatch.setattr(one_each, "BATCH_BYTES", 60)
    sizes = [[len(one) for one in batch.column(0).to_pylist()] for batch in source(folder, pixels=True).read(["image"])]
    assert sizes == [[36, 18], [24, 30]]


def test_pixels_are_read_only_where_asked_for(folder, cache):
    made = source(folder, cache, pixels=True)
    rows(made)
    with opened(folder) as found:
        rows(made, ["path", "width"])
        assert found == []
        rows(made, ["image"], datapoints=[1])
    assert [Path(path).name for path in found] == ["a.png"]
