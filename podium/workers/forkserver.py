"""The process that warm workers are forks of: `python -P -m podium.workers.forkserver`, its control socket as standard input.

It has loaded what a worker needs and holds no row, no key and no secret; it never reads one. A fork is one worker, used once. It ends with
its socket, and its workers with it. A fork must not find a lock held for ever, so the libraries are loaded and not used: the only thread
beside ours is one of polars' that sleeps until there are spilled files to delete.

Asked with a line `{"place": …}` and two files (the worker's socket and its log), it answers `{"pid": …}`; when a worker has ended,
`{"pid": …, "status": …}`.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import selectors
import signal
import socket
import sys
from typing import Any

QUIET = {
    "POLARS_MAX_THREADS": "2",
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "_RJEM_MALLOC_CONF": "background_thread:false",
}


def main() -> None:
    """Load, then fork on demand until the socket is closed."""
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.umask(0o077)
    _load()
    gc.collect()
    gc.freeze()  # so that a worker's collector does not touch, and so copy, what it shares
    children, woken = socket.socketpair()
    children.setblocking(False)
    woken.setblocking(False)
    signal.set_wakeup_fd(woken.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    with selectors.DefaultSelector() as waiting:
        waiting.register(control, selectors.EVENT_READ)
        waiting.register(children, selectors.EVENT_READ)
        _tell(control, {"ready": True})
        while True:
            for key, _ in waiting.select():
                if key.fileobj is control and not _fork(control, close=(children, woken)):
                    return
                if key.fileobj is children:
                    children.recv(4096)
                    _reap(control)


def _load() -> None:
    os.environ.update(QUIET)
    import duckdb  # noqa: F401
    import numpy as np  # noqa: F401
    import pyarrow.compute
    import pyarrow.csv
    import pyarrow.parquet  # noqa: F401

    import podium.workers.__main__
    import podium.workers.inside
    import podium.workers.reading  # noqa: F401
    from podium.algorithms import Algorithm
    from podium.datasources import Datasource
    from podium.project import load

    for family in (Algorithm, Datasource):
        for kind in family.kinds():
            family.of(kind)
    load("schemas.datasource").preload()


def _fork(control: socket.socket, *, close: tuple[socket.socket, ...]) -> bool:
    """One worker as asked for; False when nobody will ask again."""
    data, files, _, _ = socket.recv_fds(control, 4096, 2)
    if not data:
        return False
    pid = os.fork()
    if pid == 0:
        try:
            for other in (control, *close):
                other.close()
            _become(str(json.loads(data)["place"]), *files)
        except BaseException:
            logging.getLogger("podium").exception("a worker could not be forked")
        os._exit(1)
    os.setpgid(pid, pid)  # here too, so that the group is there before anybody wants to end it
    for file in files:
        os.close(file)
    _tell(control, {"pid": pid})
    return True


def _become(place: str, talk: int, log: int) -> None:
    """A worker like one that was started by itself."""
    from podium.workers.__main__ import main as work

    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setpgid(0, 0)
    os.chdir(place)
    for file, number in ((talk, 0), (talk, 1), (log, 2)):
        os.dup2(file, number)
    os.close(talk)
    os.close(log)
    sys.stderr.flush()
    work()


def _reap(control: socket.socket) -> None:
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            _tell(control, {"pid": ended[0], "status": os.waitstatus_to_exitcode(ended[1])})
    except ChildProcessError:
        pass  # there is none left


def _tell(control: socket.socket, fields: dict[str, Any]) -> None:
    control.sendall(json.dumps(fields).encode() + b"\n")


if __name__ == "__main__":
    main()
