"""200,000 files in 40 folders listed in their order, with size, time and inode, beside `find -printf`, which puts them in no order."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks._measure import Bar, arguments, emit, figures, fresh, median, part, prove, ran, timed

BARS = (
    Bar(figure="ratio", most=1.5, what="CPU seconds over those of find"),
    Bar(figure="wall_ratio", most=1.5, what="wall seconds over those of find"),
)
FOLDERS = 40


def main(files: int, rounds: int) -> None:
    with fresh() as folder:
        for place in range(FOLDERS):
            inside = folder / f"patient{place:03}"
            inside.mkdir()
            for number in range(files // FOLDERS):
                (inside / f"scan_{number * 7919 % (files // FOLDERS):06}.png").touch()
        listed = folder.parent / f"{folder.name}.find"
        find = ["sh", "-c", f"find {folder} -type f -printf '%P\\t%s\\t%T@\\t%i\\n' > {listed}"]
        try:
            pairs = [(part("files_listed", folder), ran(find)) for _ in range(rounds)]
            by_find = len(listed.read_bytes().splitlines())
        finally:
            listed.unlink(missing_ok=True)
    ours, theirs = median([one["cpu"] for one, _ in pairs]), median([one.cpu for _, one in pairs])
    checks = {"found": pairs[0][0]["found"], "by_find": by_find, "sorted": all(one["sorted"] for one, _ in pairs)}
    checks["wall_ratio"] = median([one["wall"] / rival.wall for one, rival in pairs])
    checks["token_seconds"] = median([one["token"] for one, _ in pairs])
    checks["peak_mb"] = max(one["peak_mb"] for one, _ in pairs)
    prove(checks, found=files, by_find=files, sorted=True)
    ratio = median([one["cpu"] / rival.cpu for one, rival in pairs])
    emit("files_listed", value=ours, unit="CPU s", floor=theirs, ratio=ratio, checks=checks)


def once(folder: Path) -> None:
    """One listing in a process that has loaded what it needs."""
    from podium.datasources import Images
    from podium.datasources._files import Found

    source, found = Images(name="x", path=folder), list[Found]()
    cost = timed(lambda: found.extend(source.files()))
    names = [one.name for one in found]
    figures(cost, found=len(found), sorted=names == sorted(names), token=timed(source.token).cpu)


if __name__ == "__main__":
    given = arguments(files=200_000, rounds=7)
    if given.part:
        once(Path(given.part[0]))
        sys.exit()
    main(given.files, given.rounds)
