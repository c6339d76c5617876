"""Which files count: against a plain listing by pathlib, and where file systems are as they are."""

import fnmatch
import logging
import os
import signal
import socket
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from podium.datasources import _files
from podium.datasources._files import Files, Found, Tally, matcher, token_of, walk
from podium.errors import DataSourceError


@pytest.fixture(autouse=True)
def _unregistered():
    before = dict(Files._kinds)
    yield
    Files._kinds.clear()
    Files._kinds.update(before)


class Plain(Files):
    suffixes: ClassVar[tuple[str, ...]] = ()

    def columns(self):
        return []

    def read(self, columns, datapoints=None):
        yield from ()


def names(path, **fields):
    return [found.name for found in Plain(name="x", path=path, **fields).files()]


def put(root, *paths, content=b"x"):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)


NAMES = st.text(alphabet="ab.-A[1]é", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
PARTS = st.one_of(st.just("**"), st.text(alphabet="ab.*?A1", min_size=1, max_size=4).filter(lambda p: "**" not in p), st.just("[ab]*"))
PATTERNS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


def by_hand(root, pattern, endings, least, most):
    """The oracle: every file that pathlib finds, and one part of the pattern for one part of its path."""

    def fits(parts, wanted):
        if not wanted:
            return not parts
        if wanted[0] == "**":
            if len(wanted) == 1:
                return bool(parts)
            return fits(parts, wanted[1:]) or (bool(parts) and fits(parts[1:], wanted))
        return bool(parts) and fnmatch.fnmatchcase(parts[0], wanted[0]) and fits(parts[1:], wanted[1:])

    found = set()
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            size = path.stat().st_size
            if least <= size <= most and (not endings or path.name.lower().endswith(endings)) and (not pattern or fits(parts, pattern)):
                found.add("/".join(parts))
    return found


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_as_a_plain_listing_says(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("tree")
    for path, size in data.draw(st.dictionaries(PATHS, st.integers(0, 4), min_size=1, max_size=10)).items():
        try:
            put(root, path, content=b"x" * size)
        except OSError:
            continue  # a file where another name wants a folder
    pattern = data.draw(st.one_of(st.none(), PATTERNS.filter(_files.MAGIC.search)))
    endings = data.draw(st.sampled_from([(), ("a",), (".A", "b")]))
    least, most = data.draw(st.integers(0, 2)), data.draw(st.integers(1, 4))
    path = root if pattern is None else root / pattern
    source = Plain(name="x", path=path, extensions=endings, min_bytes=least, max_bytes=most)
    wanted = by_hand(root, pattern and pattern.split("/"), tuple(f".{end.strip('.').lower()}" for end in endings), least, most)
    if pattern and path.exists():
        return  # a file or folder that is really called so
    try:
        found = [source.root.relative_to(root).joinpath(one.name).as_posix() for one in source.files()]
    except DataSourceError as error:
        found, code = [], error.code
    assert found or code in ("no_files", "missing_file")
    assert set(found) == wanted
    assert len(found) == len(set(found))


def test_in_the_order_of_folders_and_names(tmp_path):
    put(tmp_path, "b", "a/z", "a/b/c", "a/a", "a.x", "c/a", "B")
    assert names(tmp_path) == ["B", "a.x", "b", "a/a", "a/z", "a/b/c", "c/a"]


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a[!b]c", "a/c", False),
        ("a[!b]c", "axc", True),
        ("a[]]c", "a]c", True),
        ("a[!]]c", "a]c", False),
        ("a[^b]c", "a^c", True),
        ("a[^b]c", "axc", False),
        ("a[b", "a[b", True),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("a/**", "a/b/c", True),
        ("a/**", "a", False),
        ("*", "a/b", False),
        ("*", "a\nb", True),
        ("a/**", "a/b\nc", True),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern, name, fits):
    assert bool(matcher(pattern).fullmatch(name)) is fits


@pytest.mark.parametrize(
    ("pattern", "name"),
    [("*a" * 30 + "b", "a" * 250), ("**/a/" * 20 + "b", "a/" * 500 + "c"), ("**a" * 20 + "b", "a" * 2000)],
    ids=["stars", "folders", "double"],
)
def test_no_pattern_keeps_anybody_waiting(pattern, name):
    """Years, where every star is tried at every place."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.alarm(60)
    try:
        assert matcher(pattern).fullmatch(name) is None
        assert matcher(pattern).fullmatch(name[:-1] + pattern[-1])
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_range_that_runs_backwards_is_refused():
    with pytest.raises(DataSourceError, match="no pattern"):
        matcher("[z-a]")


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path):
    put(tmp_path, "scans [2024]/a", "scans 2/b", "other")
    source = Plain(name="x", path=tmp_path / "scans [2024]")
    assert [found.name for found in source.files()] == ["a"]
    assert source.root == tmp_path / "scans [2024]"


def test_endings_in_capitals(tmp_path):
    put(tmp_path, "a.PNG", "b.png", "c.txt", "d.Png/e.pnG", "png")
    assert names(tmp_path, extensions=("png",)) == ["a.PNG", "b.png", "d.Png/e.pnG"]


def test_hidden_names(tmp_path):
    put(tmp_path, ".a", ".b/c", "d/.e", "f")
    assert names(tmp_path) == ["f"]


def test_modified_after(tmp_path):
    put(tmp_path, "old", "new")
    os.utime(tmp_path / "old", (1_000_000_000, 1_000_000_000))
    os.utime(tmp_path / "new", (1_700_000_000, 1_700_000_000))
    assert names(tmp_path, modified_after=date(2010, 1, 1)) == ["new"]
    at = datetime.fromtimestamp(1_700_000_000, UTC)
    assert names(tmp_path, modified_after=at) == ["new"]
    with pytest.raises(DataSourceError, match="no file here counts"):
        names(tmp_path, modified_after=datetime.fromtimestamp(1_700_000_001, UTC))


class TestLinks:
    @pytest.fixture
    def tree(self, tmp_path):
        put(tmp_path, "out/far", "in/near")
        tree = tmp_path / "in"
        (tree / "file").symlink_to(tmp_path / "out" / "far")
        (tree / "folder").symlink_to(tmp_path / "out")
        (tree / "loop").symlink_to(tree)
        (tree / "self").symlink_to("self")
        (tree / "broken").symlink_to("nowhere")
        return tree

    @pytest.mark.parametrize(
        ("links", "found"), [("no", ["near"]), ("files", ["file", "near"]), ("all", ["file", "near", "folder/far"])], ids=str
    )
    def test_are_followed_as_said(self, tree, links, found):
        assert names(tree, follow_links=links) == found

    def test_the_path_itself_may_be_one(self, tree):
        assert names(tree / "folder") == ["far"]
        assert names(tree / "file") == ["file"]

    def test_a_folder_is_entered_once(self, tmp_path):
        put(tmp_path, "a/b/x")
        (tmp_path / "a" / "b" / "up").symlink_to("..")
        (tmp_path / "c").symlink_to("a")
        assert names(tmp_path, follow_links="all") == ["a/b/x"]


class TestWhatIsNoFile:
    def test_is_passed_over(self, tmp_path):
        put(tmp_path, "file")
        os.mkfifo(tmp_path / "pipe")
        with socket.socket(socket.AF_UNIX) as door:
            here = Path.cwd()
            os.chdir(tmp_path)  # a socket's path must be short
            try:
                door.bind("socket")
            finally:
                os.chdir(here)
            assert names(tmp_path) == ["file"]

    def test_is_refused_as_the_path(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(DataSourceError, match="this is no file") as caught:
            names(tmp_path / "pipe")
        assert caught.value.code == "not_a_file"


def test_names_that_are_no_utf8_are_told_by_their_number(tmp_path, caplog):
    put(tmp_path, "good\nname", "é")
    for name in (b"bad\xff", b"worse\xfe"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/folder\xff"))).mkdir()
    with caplog.at_level(logging.WARNING):
        assert names(tmp_path) == ["good\nname", "é"]
        names(tmp_path)
    (said,) = [record.getMessage() for record in caplog.records]
    assert "3 names" in said
    assert "bad" not in said.replace(str(tmp_path), "")


def test_a_folder_that_may_not_be_read_stops_all(tmp_path, monkeypatch):
    """Root may read everything, so the refusal is the system's own, given for that one folder."""
    put(tmp_path, "a/x", "closed/y")
    real = os.open

    def refusing(path, *args, **kwargs):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    if os.geteuid():
        (tmp_path / "closed").chmod(0)
    else:
        monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(DataSourceError, match="closed: this folder may not be read") as caught:
        names(tmp_path)
    assert caught.value.code == "permission"


def test_what_goes_away_meanwhile_is_passed_over(tmp_path, monkeypatch):
    put(tmp_path, "a", "b", "c/d", "e/f")
    real_list, real_stat = os.listdir, os.stat

    def racing(handle):
        listed = real_list(handle)
        (tmp_path / "b").unlink(missing_ok=True)
        return listed

    def racing_too(path, *args, **kwargs):
        about = real_stat(path, *args, **kwargs)
        if path == "c":
            (tmp_path / "c" / "d").unlink()
            (tmp_path / "c").rmdir()
        return about

    monkeypatch.setattr(os, "listdir", racing)
    monkeypatch.setattr(os, "stat", racing_too)
    assert names(tmp_path) == ["a", "e/f"]
    assert not (tmp_path / "c").exists()


def test_a_root_that_is_gone_is_an_error(tmp_path):
    with pytest.raises(DataSourceError, match="there is no such file"):
        names(tmp_path / "gone")
    with pytest.raises(DataSourceError, match="there is no such file"):
        names(tmp_path / "gone" / "*.png")


def test_the_token_tells_every_change(tmp_path):
    put(tmp_path, "a", "b/c")
    source = Plain(name="x", path=tmp_path)
    seen = [source.token()]
    assert source.token() == seen[0]
    steps = [
        lambda: put(tmp_path, "b/c", content=b"xy"),
        lambda: os.utime(tmp_path / "a", (1, 1)),
        lambda: (tmp_path / "a").rename(tmp_path / "d"),
        lambda: put(tmp_path, "b/e"),
        lambda: (tmp_path / "b" / "e").unlink(),
    ]
    for step in steps:
        step()
        seen.append(source.token())
    assert len(set(seen)) == len(seen) - 1
    assert seen[-1] == seen[-3]


def test_the_token_tells_what_was_written_over_with_the_time_set_back(tmp_path):
    put(tmp_path, "a", "b")
    source, about = Plain(name="x", path=tmp_path), (tmp_path / "a").stat()
    before = source.token()
    while (tmp_path / "a").stat().st_ctime_ns == about.st_ctime_ns:  # a clock's grain later
        put(tmp_path, "a", content=b"y")
        os.utime(tmp_path / "a", ns=(about.st_atime_ns, about.st_mtime_ns))
    assert source.token() != before


def test_the_token_of_one_file_is_its_own():
    assert token_of([Found("a", 1, 2, 3, 4)]) == "1:2:3:4"


def test_the_token_does_not_tell_how_many_were_added_at_once():
    files = [Found(f"{n}", n, 2 - n, (1 << 63) + n, n * 7) for n in range(9)]
    tally = Tally()
    for cut in (files[:1], files[1:1], files[1:6], files[6:]):
        tally.add(_files._columns(cut))
    assert tally.token == token_of(files)
    assert (tally.count, tally.latest) == (9, 56)


def test_the_token_of_many_tells_every_part_of_each():
    """Also where a number is larger than most file systems have them."""
    one, other = Found("a", 1, 2, 3, 4), Found("b", 5, 6, 7, 8)
    others = [one._replace(**{field: "c" if field == "name" else 9}) for field in Found._fields]
    others += [one._replace(inode=2**64 - 1), one._replace(inode=2**64 - 2), one._replace(changed=-1)]
    tokens = [token_of([each, other]) for each in (one, *others)]
    tokens += [token_of([other, one]), token_of([one, other, other]), token_of([one._replace(name="a\nb"), other])]
    assert len(set(tokens)) == len(tokens)


def test_the_collector_is_as_it_was(tmp_path):
    import gc

    put(tmp_path, "a")
    for on in (False, True):
        (gc.enable if on else gc.disable)()
        walk(tmp_path, endings=(), links="no")
        assert gc.isenabled() is on
