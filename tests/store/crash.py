"""Stops a writer at chosen and at random points; run by test_store.py in a process of its own.

Forked children write, the parent reads. `generation` N writes three files that all say N, so that a
mixture of two generations is seen.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from cxml.errors import CxmlError, LockedError
from cxml.store import writer

EVENTS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.symlink", "shutil.rmtree"}
STOPPED = 9
UNEXPECTED = 99


def generation(out: Path, n: int, rows: int = 1000) -> None:
    with writer.run(out) as run:
        run.info["generation"] = n
        run.write_text("a.txt", f"{n}\n")
        run.write_table("scores.parquet", pa.table({"n": [n] * rows}))
        run.write_json("truth/b.json", n)


def seen(out: Path) -> int:
    """The generation that a reader finds; fails when it is not whole or mixed."""
    folder = writer.current(out)
    manifest = writer.verify(folder)
    found = {manifest["info"]["generation"], int((folder / "a.txt").read_text())}
    found.add(json.loads((folder / "truth" / "b.json").read_text()))
    assert len(found) == 1, found
    return found.pop()


def in_child(work: Callable[[], None]) -> int:
    """Start *work* in a child; it ends with 0, or with a CxmlError's exit code."""
    child = os.fork()
    if child:
        return child
    code = UNEXPECTED
    try:
        work()
        code = 0
    except CxmlError as error:
        if error.where and error.fix:
            code = error.exit_code
    finally:
        os._exit(code)


def wait(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def stop_at(n: int) -> None:
    """From now on, die at the n-th event that touches the file system, before it happens."""
    count = 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count == n:
            os._exit(STOPPED)

    fsync = os.fsync
    os.fsync = lambda fd: (stop(), fsync(fd))[1]
    sys.addaudithook(lambda event, _: stop() if event in EVENTS else None)


def every_event(base: Path) -> dict[str, int]:
    """Die at every single event of the third generation."""
    tally = {"old": 0, "new": 0}
    for n in range(1, 1000):
        out = base / str(n)
        generation(out, 1)
        generation(out, 2)

        def doomed(out: Path = out, n: int = n) -> None:
            stop_at(n)
            generation(out, 3)

        code = wait(in_child(doomed))
        found = seen(out)
        assert found in (2, 3), found
        if code == 0:
            assert found == 3
            return tally
        assert code == STOPPED, code
        tally["old" if found == 2 else "new"] += 1
        generation(out, 4)
        assert seen(out) == 4
        assert not [path for path in out.iterdir() if path.name.endswith(".tmp")]
        assert len(list(out.glob("run-*"))) <= 2
        shutil.rmtree(out)
    raise AssertionError("never came to an end")


def random_kills(base: Path) -> dict[str, int]:
    """Kill a writer that writes one generation after the other."""
    rng = random.Random(20)
    out = base / "out"
    generation(out, 0)
    kills, last = 0, 0
    for _ in range(30):
        start = last + 1

        def forever(start: int = start) -> None:
            for n in range(start, start + 10_000):
                generation(out, n, rows=50_000)

        child = in_child(forever)
        time.sleep(rng.uniform(0.0, 0.15))
        os.kill(child, signal.SIGKILL)
        assert wait(child) == -signal.SIGKILL
        found = seen(out)
        assert found >= last, (found, last)
        last, kills = found, kills + 1
    return {"kills": kills, "generations": last}


def full_disk(base: Path) -> dict[str, int]:
    """A file may not grow past a limit: at any size the earlier output stands."""
    out = base / "out"
    generation(out, 1, rows=1000)
    refused = 0
    for limit in (0, 1, 100, 500, 900, 1_000, 3_000, 10_000, 40_000, 80_000, 10**9):

        def limited(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            with writer.run(out) as run:
                run.info["generation"] = 2
                noise = random.Random(1).choices(range(10**9), k=20_000)
                run.write_table("scores.parquet", pa.table({"n": noise}))
                run.write_text("a.txt", "2\n")
                run.write_json("truth/b.json", 2)

        code = wait(in_child(limited))
        assert code in (0, 1), code
        assert seen(out) == (2 if code == 0 else 1)
        refused += code
        assert not [path for path in out.iterdir() if path.name.endswith(".tmp")]
    return {"refused": refused}


def two_writers(base: Path) -> dict[str, int]:
    """Pairs that start together: one writes, the other is sent away at once."""
    pairs = 0
    for pair in range(12):
        out = base / str(pair)
        tried, tell = os.pipe()

        def write(n: int, out: Path = out, tried: int = tried, tell: int = tell) -> None:
            with contextlib.ExitStack() as stack:
                try:
                    run = stack.enter_context(writer.run(out))
                except LockedError:
                    os.write(tell, b".")
                    raise
                os.read(tried, 1)
                run.info["generation"] = n
                run.write_text("a.txt", f"{n}\n")
                run.write_json("truth/b.json", n)

        children = [in_child(lambda n=n: write(n)) for n in (1, 2)]
        codes = [wait(child) for child in children]
        assert sorted(codes) == [0, 75], codes
        assert seen(out) == 1 + codes.index(0)
        pairs += 1
    return {"pairs": pairs}


def no_permission(base: Path) -> dict[str, int]:
    """A folder that may not be written: the earlier output stands."""
    out = base / "out"
    generation(out, 1)
    out.chmod(0o555)

    def as_nobody() -> None:
        if os.geteuid() == 0:
            os.setuid(65534)
        generation(out, 2)

    code = wait(in_child(as_nobody))
    out.chmod(0o755)
    assert seen(out) == 1
    return {"code": code}


if __name__ == "__main__":
    name, folder = sys.argv[1:]
    generation(Path(folder, "warm"), 0)  # loads libraries before the forks: their own events do not count
    sys.stdout.write(json.dumps(globals()[name](Path(folder))))
