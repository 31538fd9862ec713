"""Other processes for the warehouse's tests: they say when they are ready and wait to be told."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests" / "helpers"))),
    "PYTHONWARNINGS": "",
}

HOLD = """
import sys
from pathlib import Path
from support.warehouse import warehouse_in
with warehouse_in(Path(sys.argv[1])).write(sys.argv[2]):
    print("ready", flush=True)
    sys.stdin.readline()
"""
"""Holds the turn to write in folder 1 for purpose 2 until a line comes in."""

OPEN_FILE = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""
"""Has DuckDB file 1 open, as somebody's shell would."""

LAND = """
import sys
from pathlib import Path
from support.warehouse import JAN, account, land, pull, warehouse_in
folder, workspace, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    batch = pull([JAN], account("a1", "Sales", str(number)))
    with warehouse_in(folder).write(f"land {workspace}") as session:
        land(session, batch, workspace=workspace)
"""
"""Lands `count` pulls for a workspace, each in a session of its own."""

DIE_EVERYWHERE = """
import json, os, shutil, signal, sys
from pathlib import Path
from support import warehouse_steps
from zebbra_pipeline.warehouse.database import Database

base, work, step = Path(sys.argv[1]), Path(sys.argv[2]), getattr(warehouse_steps, sys.argv[3])
execute, opened, closed = Database.execute, Database.open.__func__, Database.close
copy, link, replace = shutil.copyfileobj, os.link, Path.replace

def run(number, folder):
    left = [number]
    def count():
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    def dying(self, sql, parameters=()):
        count()
        execute(self, sql, parameters)
    def dying_while_copying(source, target, length):
        target.write(source.read(5000))
        target.flush()
        count()
        copy(source, target, length)
        target.flush()
        count()
    def dying_before_a_link(source, target):
        count()
        link(source, target)
    def dying_before_a_move(self, target):
        count()
        return replace(self, target)
    first = []
    def opened_first(cls, target, **options):
        database = opened(cls, target, **options)
        first.append(database)
        return database
    def die(self):
        if self is first[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        closed(self)
    Database.execute = dying
    shutil.copyfileobj = dying_while_copying
    os.link = dying_before_a_link
    Path.replace = dying_before_a_move
    if number == 0:
        Database.open = classmethod(opened_first)
        Database.close = die
    step(folder)

report = []
number = 0
while True:
    folder = work / str(number)
    shutil.copytree(base, folder)
    child = os.fork()
    if child == 0:
        run(number, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    report.append([number, os.WIFSIGNALED(status) and os.WTERMSIG(status) or 0])
    if number and not os.WIFSIGNALED(status):
        break
    number += 1
print(json.dumps(report))
"""
"""
Runs step 3 on copies of folder 1, killed by SIGKILL before its 1st, 2nd, ... statement, link
or move of a file, and with a file copied by half and whole.

Copy 0 is killed when its database is to be closed; the last copy runs to its end.
"""


@contextmanager
def process(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Start *code* and wait until it is ready; it is killed at the end of the block."""
    child = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def go_on(child: subprocess.Popen[str]) -> None:
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def die_everywhere(base: Path, work: Path, step: str) -> list[tuple[int, int]]:
    """Return the number of each copy in *work* and the signal that ended it."""
    done = subprocess.run(
        [sys.executable, "-c", DIE_EVERYWHERE, str(base), str(work), step],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: list[Any] = json.loads(done.stdout)
    return [(number, signal) for number, signal in report]
