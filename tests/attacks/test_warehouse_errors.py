"""What is said when the warehouse's files are damaged, locked, or have no room: one sentence each."""

import asyncio
import json
import subprocess
import sys
from datetime import date

import pytest
from support.damage import TEN, as_before, cut_off, empty, flip_figures, land_ten, workspaces_in
from support.landings import an_origin
from support.stack import running_stack
from support.warehouse import JAN, MAR, account, everything, land, pull, values_of, warehouse_in
from support.warehouse_processes import ENVIRONMENT, HOLD, OPEN_FILE, go_on, process

from integrations.runtime.registry import load_registry
from zebbra_pipeline.cli.storage_findings import disk_findings
from zebbra_pipeline.ingest.run import fetch_and_land
from zebbra_pipeline.outcomes import Landed
from zebbra_pipeline.warehouse import (
    WarehouseBusyError,
    WarehouseDamagedError,
    WarehouseFullError,
    WarehouseLockedError,
)

WAREHOUSE, PUBLISHED, KEYS = "warehouse.duckdb", "published.duckdb", "encryption.keys"
LIMITED = """
import resource, sys
from pathlib import Path
from support.warehouse import JAN, MAR, account, land, pull, warehouse_in
from zebbra_pipeline.warehouse import WarehouseError
folder, doing, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    if doing == "publish":
        warehouse_in(folder).publish()
    else:
        months = [JAN, MAR]
        lines = [account(f"a{n}", f"Account {n * 7919}", str(n), "1") for n in range(20_000)]
        with warehouse_in(folder).write("much") as session:
            land(session, pull(months, *lines), workspace="much")
    print("done")
except WarehouseError as exc:
    print(type(exc).__name__, exc)
"""
"""Publishes folder 1, or lands much in it, where no file may grow beyond limit 3: a full disk."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """Everything, with its keys in a file, one workspace fetched, and nine more landed."""
    home = tmp_path_factory.mktemp("home")
    with running_stack(home, today=date(2025, 2, 28), history_months=3) as stack:
        stack.connect("ws0", xero="Globex")
        land_ten(home)
        assert stack.refresh(ws0="xero").failures == {}
        yield stack


@pytest.fixture
def stack(running):
    with as_before(running.home, WAREHOUSE, PUBLISHED, KEYS):
        yield running


@pytest.fixture
def ten(tmp_path):
    land_ten(tmp_path)
    return tmp_path


def findings(stack):
    shown = stack.zebbra("doctor", "--json")
    assert "Traceback" not in shown.stderr
    return shown.returncode, {item["what"]: item for item in json.loads(shown.stdout)}


@pytest.mark.parametrize("damage", [empty, cut_off, flip_figures])
def test_a_damaged_copy_is_one_sentence_that_names_the_cure_for_every_reader(stack, damage):
    damage(stack.home / PUBLISHED)

    for command in (
        ("refresh", "ws0", "--as-of", "2025-02-28"),
        ("plan", "ws0"),
        *([("endpoints", "ws0")] if damage is not flip_figures else []),  # which it does not read
    ):
        run = stack.zebbra(*command)
        assert run.returncode == 1, command
        (line,) = run.stderr.strip().splitlines()
        assert line.startswith(
            f"zebbra: published copy {stack.home / PUBLISHED}: damaged, it cannot be read in full ("
        )
        assert line.endswith("); make it again from the warehouse with: zebbra publish")
        assert "permissions" not in line
    status, found = findings(stack)
    assert status == 1
    assert found[f"warehouse {PUBLISHED}"]["state"] == "broken"
    assert found[f"warehouse {PUBLISHED}"]["do"].endswith("with: zebbra publish")

    assert stack.zebbra("publish").returncode == 0
    assert findings(stack)[1][f"warehouse {PUBLISHED}"]["state"] == "ok"


def test_a_damaged_warehouse_fails_a_run_with_the_sentence(stack):
    flip_figures(stack.home / WAREHOUSE)

    run = stack.zebbra("refresh", "ws0", "--as-of", "2025-02-28")

    assert run.returncode == 1
    assert "failed: ws0: " in run.stderr
    assert "damaged, it cannot be read in full" in run.stderr
    assert "zebbra restore <folder>" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert workspaces_in(stack.home / PUBLISHED) == list(TEN)


def test_checksums_are_named_as_damage_on_reading_and_on_writing(ten):
    flip_figures(ten / PUBLISHED)
    flip_figures(ten / WAREHOUSE)

    with (
        pytest.raises(WarehouseDamagedError, match="zebbra publish"),
        warehouse_in(ten).read() as s,
    ):
        [s.figures(name) for name in TEN]
    with pytest.raises(WarehouseDamagedError, match="zebbra restore"):
        warehouse_in(ten).examine()


# A full disk.


def limited(folder, doing, limit):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder), doing, str(limit)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_full_disk_is_named_with_the_file_and_how_much_is_needed_to_publish(ten):
    with warehouse_in(ten).write("more") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    before, size = everything(ten / PUBLISHED), (ten / WAREHOUSE).stat().st_size

    said = limited(ten, "publish", size // 2)

    assert said.startswith(
        f"WarehouseFullError published copy {ten / PUBLISHED}: could not rebuild"
    )
    assert f"no room for {ten / PUBLISHED}, " in said
    assert f"{size / 1e6:.1f} MB are needed" in said
    assert everything(ten / PUBLISHED) == before
    assert list(ten.glob(".*")) == []
    warehouse_in(ten).publish()
    assert everything(ten / PUBLISHED) == everything(ten / WAREHOUSE)


def test_a_full_disk_is_named_with_the_file_and_how_much_is_needed_to_land(ten):
    before, size = everything(ten / WAREHOUSE), (ten / WAREHOUSE).stat().st_size

    said = limited(ten, "land", size + 50_000)

    assert said.startswith(f"WarehouseFullError warehouse {ten / WAREHOUSE}: could not land Xero")
    assert "nothing was changed" in said
    assert f"no room for {ten / WAREHOUSE}" in said  # its log of changes is named with .wal
    assert "MB are needed" in said
    assert everything(ten / WAREHOUSE) == before
    with warehouse_in(ten).write("again") as session:
        land(session, pull([JAN], account("a", "Sales", "1")), workspace="later")
    assert values_of(ten / WAREHOUSE, "Sales", "later") == {JAN: 1}


def test_no_copy_is_begun_that_the_disk_has_no_room_for(ten, monkeypatch):
    import shutil

    usage = shutil.disk_usage(ten)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    monkeypatch.setattr(shutil, "copyfileobj", lambda *_: pytest.fail("it was begun"))

    with pytest.raises(WarehouseFullError, match=r"1\.0 kB are free, \d\.\d MB are needed"):
        warehouse_in(ten).publish()
    assert workspaces_in(ten / PUBLISHED) == list(TEN)


@pytest.mark.parametrize(
    ("free", "state", "said"),
    [
        (10**12, "ok", "free"),
        (50_000_000, "look", "nearly full: "),
        (3_000_000, "broken", "full: "),
    ],
)
def test_the_doctor_compares_the_room_on_the_disk_with_what_is_needed(
    stack, monkeypatch, free, state, said
):
    import shutil

    usage = shutil.disk_usage(stack.home)._replace(free=free)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)

    (found,) = disk_findings(stack.settings)

    assert (found.state, found.what) == (state, f"disk of {stack.home}")
    assert said in found.found
    assert "the next published copy needs " in found.found


# Other programs.


def test_a_program_that_has_the_warehouse_open_is_named_at_once(stack):
    with process(OPEN_FILE, stack.home / WAREHOUSE) as other:
        waiting = subprocess.Popen(
            [sys.executable, "-m", "zebbra_pipeline", "publish"],
            cwd=stack.home,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        line = waiting.stderr.readline()  # while it waits
        still_waiting = waiting.poll() is None
        status, found = findings(stack)
        go_on(other)
        out, rest = waiting.communicate(timeout=60)

    assert still_waiting
    assert f"another program that has warehouse {stack.home / WAREHOUSE} open" in line
    assert f"pid {other.pid} (" in line
    assert "python" in line
    assert "gives up in 1" in line
    assert (waiting.returncode, rest) == (0, "")
    assert out.startswith("published ")
    assert status == 1
    locked = found[f"warehouse file {WAREHOUSE}"]
    assert (locked["state"], locked["found"]) == ("broken", "locked by another program")
    assert f"pid {other.pid} (" in locked["do"]


def test_the_doctor_tells_a_locked_warehouse_from_one_that_a_run_is_writing(ten):
    with (
        process(OPEN_FILE, ten / WAREHOUSE) as other,
        pytest.raises(WarehouseLockedError) as caught,
    ):
        warehouse_in(ten).examine()
    assert f"pid {other.pid} (" in str(caught.value)

    with (
        process(HOLD, ten, "land Xero for acme") as ours,
        pytest.raises(WarehouseBusyError) as busy,
    ):
        warehouse_in(ten).examine()
    assert not isinstance(busy.value, WarehouseLockedError)
    assert busy.value.holder is not None
    assert busy.value.holder.pid == ours.pid


# The doctor.


def test_the_doctor_reads_the_whole_warehouse(stack):
    status, found = findings(stack)
    assert status == 0
    warehouse = found[f"warehouse file {WAREHOUSE}"]
    assert warehouse["state"] == "ok"
    assert warehouse["found"].startswith("10 workspaces, ")
    assert found[f"encryption keys {KEYS}"]["found"] == "decrypt all stored tokens"

    flip_figures(stack.home / WAREHOUSE)
    status, found = findings(stack)
    assert status == 1
    assert found[f"warehouse file {WAREHOUSE}"]["state"] == "broken"
    assert "damaged" in found[f"warehouse file {WAREHOUSE}"]["do"]

    (stack.home / WAREHOUSE).unlink()
    status, found = findings(stack)
    assert status == 1
    assert "there is no such file" in found[f"warehouse file {WAREHOUSE}"]["do"]
    assert not (stack.home / WAREHOUSE).exists()


def test_the_doctor_sees_lost_and_changed_keys(stack):
    keys = stack.home / KEYS
    whole = keys.read_text()
    keys.unlink()
    status, lost = findings(stack)
    made_again = keys.exists()
    keys.write_text("Zmd0ZXh0LWZvci1hLWtleS0zMi1ieXRlcy1sb25nISE=\n")
    keys.chmod(0o600)
    changed_status, changed = findings(stack)
    keys.write_text(whole)

    assert (status, changed_status) == (1, 1)
    assert lost[f"encryption keys {KEYS}"]["found"] == "lost: there is no such file"
    assert "put back the keys" in lost[f"encryption keys {KEYS}"]["do"]
    assert lost[f"OAuth service {stack.oauth_url} keys"]["state"] == "broken"
    assert not made_again
    assert changed[f"encryption keys {KEYS}"]["state"] == "broken"
    found = changed[f"encryption keys {KEYS}"]["found"]
    assert found == "no key decrypts the tokens of 1 connection"


# A slow workspace.


class ABatch:
    """Figures of one workspace, fetched."""

    def __init__(self, workspace_id):
        self.origin = an_origin(workspace_id)

    def land(self, session, run_id):
        land(session, pull([JAN], account("a", "Sales", "7")), workspace=self.origin.workspace_id)
        return Landed(self.origin, {}, "fine")


@pytest.mark.parametrize("slow", ["ends well", "is cancelled"])
async def test_one_slow_workspace_does_not_hold_back_the_publishing_of_the_others(ten, slow):
    published = asyncio.Event()
    warehouse = warehouse_in(ten)
    publish, loop = warehouse.publish, asyncio.get_running_loop()

    def watched(**options):
        publish(**options)
        if values_of(ten / PUBLISHED, "Sales", "quick"):
            loop.call_soon_threadsafe(published.set)

    warehouse.publish = watched
    seen = []

    async def fetch(workspace_id):
        if workspace_id == "slow":
            await asyncio.wait_for(published.wait(), 60)
            seen.append(values_of(ten / PUBLISHED, "Sales", "quick"))
            if slow == "is cancelled":
                raise asyncio.CancelledError
        return ABatch(workspace_id)

    running = fetch_and_land(
        load_registry().get("xero"),
        ["slow", "quick"] if slow == "ends well" else ["quick", "slow"],
        fetch=fetch,
        kept={},
        warehouse=warehouse,
        run_id="run",
        publish_after_s=0.01,
    )
    before = everything(ten / PUBLISHED)
    if slow == "ends well":
        outcomes = await running
        assert [type(outcome) for outcome in outcomes] == [Landed, Landed]
        assert values_of(ten / PUBLISHED, "Sales", "slow") == {JAN: 7}
    else:
        task = asyncio.create_task(running)
        await asyncio.wait_for(published.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert values_of(ten / PUBLISHED, "Sales", "slow") == {}

    assert values_of(ten / PUBLISHED, "Sales", "quick") == {JAN: 7}
    assert seen in ([{JAN: 7}], [])
    # All copies of a run are one generation: the copy before it is the newest that is kept.
    assert everything(ten / f"{PUBLISHED}.1") == before
    assert not (ten / f"{PUBLISHED}.2").exists()
