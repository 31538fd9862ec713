"""Backups under attack: damaged, killed, of a running system, restored over something."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import date
from pathlib import Path
from shutil import copytree

import duckdb
import pytest
from support.backups import environment
from support.postgres import PostgresMissingError, running_postgres
from support.stack import running_stack
from support.warehouse import everything
from support.warehouse_processes import ENVIRONMENT, OPEN_FILE, process

from integrations.runtime.settings import load_settings
from zebbra_pipeline.backup.making import back_up
from zebbra_pipeline.backup.manifest import BackupError, Manifest, Part, verified
from zebbra_pipeline.backup.restoring import restore
from zebbra_pipeline.warehouse import WarehouseError

TODAY = date(2025, 2, 28)
BLOCK_BYTES = 256 * 1024
"""A block of DuckDB's files, each with a checksum."""
PLAN = '{"name": "Größe"}'


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Two workspaces landed, with a model document, and everything running."""
    home = tmp_path_factory.mktemp("home")
    with running_stack(home, today=TODAY) as running:
        running.connect("acme", xero="Acme Trading Inc")
        running.connect("globex", xero="Globex")
        assert running.refresh(acme="xero", globex="xero").failures == {}
        (home / "models" / "acme").mkdir(parents=True)
        (home / "models" / "acme" / "plan é.json").write_text(PLAN)
        yield running


@pytest.fixture(scope="module")
def made(stack, tmp_path_factory):
    """A backup by the command, with its keys in another folder."""
    folder = tmp_path_factory.mktemp("backups")
    done = stack.zebbra("backup", str(folder / "one"), "--keys", str(folder / "keys"))
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def one(made, tmp_path) -> Path:
    """A copy of it, to be damaged."""
    return copytree(made / "one", tmp_path / "one")


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a command that was refused."""
    assert done.returncode == 1, done.stdout
    (sentence,) = done.stderr.strip().splitlines()
    return sentence


def files_of(home: Path) -> set[str]:
    return {path.name for path in home.iterdir()} if home.exists() else set()


def test_all_of_it_comes_back_in_another_home(stack, made, tmp_path):
    home = tmp_path / "home"
    done = stack.zebbra("restore", f"{made}/one", "--keys", f"{made}/keys", ZEBBRA_HOME=str(home))

    assert done.returncode == 0, done.stderr
    assert "2 connections are checked" in done.stdout
    source = stack.settings.home
    assert everything(home / "warehouse.duckdb") == everything(source / "warehouse.duckdb")
    assert everything(home / "published.duckdb") == everything(source / "published.duckdb")
    assert (home / "models" / "acme" / "plan é.json").read_text() == PLAN
    assert (home / "encryption.keys").read_text() == (source / "encryption.keys").read_text()
    listed = subprocess.run(
        [sys.executable, "-m", "oauth_service", "list-keys", "--json"],
        env={**os.environ, "ZEBBRA_HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(listed.stdout)["unreadable_connections"] == 0
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (home, *home.rglob("*"))}
    assert modes == {0o600, 0o700}


def test_what_is_in_a_backup_is_named_and_for_its_user_alone(stack, made):
    manifest = verified(made / "one")
    figures = everything(stack.settings.home / "warehouse.duckdb")

    for workspace in ("acme", "globex"):
        for table in ("batches", "data_points", "landed_months"):
            rows = [row for row in figures[table] if workspace in row]
            assert manifest.warehouse.rows[workspace][table] == len(rows) > 0
        assert manifest.token_store.rows[workspace]["connections"] == 1
    assert (manifest.models, manifest.token_store.kind) == (1, "sqlite")
    assert sorted(manifest.files) == ["models/acme/plan é.json", "oauth.sqlite", "warehouse.duckdb"]
    for folder in ("one", "keys"):
        top = made / folder
        modes = {stat.S_IMODE(path.stat().st_mode) for path in (top, *top.rglob("*"))}
        assert modes == {0o600, 0o700}
    assert files_of(made / "one") == {"manifest.json", "models", "oauth.sqlite", "warehouse.duckdb"}


def test_backup_overwrites_nothing_and_says_where_the_keys_are(stack, made, tmp_path):
    assert "expected a new or an empty folder" in said(stack.zebbra("backup", f"{made}/one"))
    (tmp_path / "empty").mkdir()
    done = stack.zebbra("backup", f"{tmp_path}/empty", "--json")

    assert json.loads(done.stdout)["models"] == 1
    assert "the keys are not in this backup" in done.stderr
    inside = stack.zebbra("backup", f"{tmp_path}/new", "--keys", f"{tmp_path}/new/keys")
    assert "expected a folder apart from the backup" in said(inside)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "encryption.keys").write_text("another\n")
    (tmp_path / "keys" / "encryption.keys").chmod(0o600)
    other = stack.zebbra("backup", f"{tmp_path}/new", "--keys", f"{tmp_path}/keys")
    assert "other keys are there" in said(other)
    assert files_of(tmp_path) == {"empty", "keys"}


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "flipped warehouse": (lambda one: flipped(one / "warehouse.duckdb"), "not as it was backed up"),
    "cut token store": (lambda one: cut(one / "oauth.sqlite"), "not as it was backed up"),
    "changed model": (
        lambda one: (one / "models/acme/plan é.json").write_text("{}"),
        "not as it was backed up",
    ),
    "missing file": (lambda one: (one / "oauth.sqlite").unlink(), "'oauth.sqlite' missing"),
    "added file": (lambda one: (one / "more").touch(), "does not name: 'more'"),
    "link": (lambda one: (one / "link").symlink_to("/etc/passwd"), "files and folders alone"),
    "no manifest": (lambda one: (one / "manifest.json").unlink(), "found no manifest.json"),
    "cut manifest": (lambda one: cut(one / "manifest.json"), "cannot be read"),
    "newer format": (lambda one: edited(one, format=2), "a newer release made this backup"),
    "escaping name": (
        lambda one: edited(one, files={"models/../../evil": {"sha256": "0", "bytes": 0}}),
        "a file called 'models/../../evil'",
    ),
    "absolute name": (
        lambda one: edited(one, files={"/etc/passwd": {"sha256": "0", "bytes": 0}}),
        "a file called '/etc/passwd'",
    ),
    "not a folder": (lambda one: one.rename(f"{one}-moved"), "found no manifest.json"),
    "unfinished": (lambda one: copytree(one, f"{one}.zebbra-unfinished"), None),
}


def edited(one: Path, **changes) -> None:
    path = one / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_backup_is_refused_and_nothing_is_changed(stack, made, one, tmp_path, how):
    damage, expected = DAMAGE[how]
    damage(one)
    folder = one if expected else one.with_name("one.zebbra-unfinished")
    home = tmp_path / "home"
    with environment({"ZEBBRA_HOME": home}), pytest.raises(BackupError) as caught:
        restore(load_settings(), folder, keys=made / "keys")

    assert (expected or "was not finished") in str(caught.value)
    assert not home.exists()


def test_right_hashes_of_wrong_contents_are_refused_too(stack, made, one, tmp_path):
    manifest = json.loads((one / "manifest.json").read_text())
    rows = manifest["warehouse"]["rows"]
    rows["acme"]["data_points"] -= 1
    edited(one, warehouse=manifest["warehouse"])
    with environment({"ZEBBRA_HOME": tmp_path / "home"}):
        with pytest.raises(BackupError, match="the warehouse of this backup has other rows"):
            restore(load_settings(), one, keys=made / "keys")
        edited(one, warehouse=None, files={**manifest["files"]})
        with pytest.raises(BackupError, match=r"warehouse\.duckdb"):
            restore(load_settings(), one, keys=made / "keys")

    assert not (tmp_path / "home").exists()


def test_keys_that_are_missing_or_wrong_are_named_before_anything_is_changed(stack, made, tmp_path):
    home = {"ZEBBRA_HOME": str(tmp_path / "home")}
    without = said(stack.zebbra("restore", f"{made}/one", **home))
    (tmp_path / "none").mkdir()
    none = said(stack.zebbra("restore", f"{made}/one", "--keys", f"{tmp_path}/none", **home))
    (tmp_path / "wrong").mkdir()
    wrong = tmp_path / "wrong" / "encryption.keys"
    wrong.write_text("dmVyc2lvbi0xLW9mLXRoZS10b2tlbi1zdG9yZS0xMjM=\n")
    wrong.chmod(0o600)
    other = said(stack.zebbra("restore", f"{made}/one", "--keys", f"{tmp_path}/wrong", **home))
    wrong.chmod(0o644)
    readable = said(stack.zebbra("restore", f"{made}/one", "--keys", f"{tmp_path}/wrong", **home))

    assert "the keys in use do not read the tokens of 2 of 2 connections" in without
    assert "--keys" in without
    assert "--without-keys" in without
    assert "found no encryption.keys in it" in none
    assert f"the keys in {tmp_path}/wrong do not read the tokens of 2 of 2 connections" in other
    assert "this key file has mode 0644" in readable
    assert not (tmp_path / "home").exists()
    forced = stack.zebbra("restore", f"{made}/one", "--without-keys", **home)
    assert forced.returncode == 0, forced.stderr


def test_restoring_over_something_is_refused_and_with_force_keeps_it(stack, made, tmp_path):
    home = tmp_path / "home"
    command = ("restore", f"{made}/one", "--keys", f"{made}/keys")
    first = stack.zebbra(*command, ZEBBRA_HOME=str(home))
    assert first.returncode == 0, first.stderr
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("DELETE FROM data_points WHERE workspace_id = 'globex'")
    later = everything(home / "warehouse.duckdb")
    (home / "models" / "acme" / "plan é.json").write_text("later")
    (home / "warehouse.duckdb.wal").write_bytes(b"a log of the warehouse that is replaced")

    refusal = said(stack.zebbra(*command, ZEBBRA_HOME=str(home)))
    done = stack.zebbra(*command, "--force", ZEBBRA_HOME=str(home))

    assert "--force moves it aside" in refusal
    assert done.returncode == 0, done.stderr
    source = everything(stack.settings.home / "warehouse.duckdb")
    assert everything(home / "warehouse.duckdb") == source
    assert everything(home / "published.duckdb") == source
    assert (home / "models" / "acme" / "plan é.json").read_text() == PLAN
    kept = {path.name.partition(".replaced-")[0]: path for path in home.glob("*.replaced-*")}
    assert sorted(kept) == [
        "models",
        "oauth.sqlite",
        "published.duckdb",
        "warehouse.duckdb",
        "warehouse.duckdb.wal",
    ]
    assert everything(kept["warehouse.duckdb"]) == later
    assert (kept["models"] / "acme" / "plan é.json").read_text() == "later"
    for path in kept.values():
        assert f"kept what was there: {path}" in done.stdout


@pytest.mark.parametrize("lost", [False, True], ids=["replaced", "lost"])
def test_an_older_backup_is_published_although_newer_copies_are_kept(stack, made, tmp_path, lost):
    home = tmp_path / "home"
    command = ("restore", f"{made}/one", "--keys", f"{made}/keys", "--force")
    assert stack.zebbra(*command, ZEBBRA_HOME=str(home)).returncode == 0
    for later in ("b1", "b2"):
        with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
            connection.execute(
                "INSERT INTO batches SELECT * REPLACE (? AS batch_id) FROM batches LIMIT 1", [later]
            )
        assert stack.zebbra("publish", ZEBBRA_HOME=str(home)).returncode == 0
    assert (home / "published.duckdb.1").exists()
    if lost:
        (home / "warehouse.duckdb").unlink()

    done = stack.zebbra(*command, ZEBBRA_HOME=str(home))

    assert done.returncode == 0, done.stderr
    source = everything(stack.settings.home / "warehouse.duckdb")
    assert everything(home / "warehouse.duckdb") == source
    assert everything(home / "published.duckdb") == source


def test_restore_is_refused_while_a_service_or_another_program_has_something_open(
    stack, made, tmp_path
):
    before = everything(stack.settings.home / "warehouse.duckdb")
    refusal = said(stack.zebbra("restore", f"{made}/one", "--force"))
    with environment({"ZEBBRA_HOME": tmp_path / "home"}):
        settings = load_settings()
        restore(settings, made / "one", keys=made / "keys")
        with (
            process(OPEN_FILE, settings.warehouse),
            pytest.raises(WarehouseError, match="another program has it open"),
        ):
            restore(settings, made / "one", keys=made / "keys", force=True)

    assert "an OAuth service has this token store open; stop it first" in refusal
    assert everything(stack.settings.home / "warehouse.duckdb") == before
    assert not list((tmp_path / "home").glob("*.replaced-*"))


def test_missing_warehouse_or_store_is_no_empty_backup(stack, made, tmp_path):
    home = {"ZEBBRA_HOME": str(tmp_path / "home")}
    stack.zebbra("restore", f"{made}/one", "--keys", f"{made}/keys", **home)
    (tmp_path / "home" / "warehouse.duckdb").unlink()
    warehouse = said(stack.zebbra("backup", f"{tmp_path}/new", **home))
    (tmp_path / "home" / "oauth.sqlite").unlink()
    store = said(stack.zebbra("backup", f"{tmp_path}/new", "--without", "warehouse", **home))
    done = stack.zebbra(
        *("backup", f"{tmp_path}/new", "--without", "warehouse", "--without", "token-store"), **home
    )

    assert "it is missing, but a published copy of it is there" in warehouse
    assert "there is no token store at" in store
    assert done.returncode == 0
    assert sorted(verified(tmp_path / "new").files) == ["models/acme/plan é.json"]


def test_damaged_warehouse_or_store_is_not_backed_up(stack, made, tmp_path):
    home = tmp_path / "home"
    stack.zebbra("restore", f"{made}/one", "--keys", f"{made}/keys", ZEBBRA_HOME=str(home))
    with duckdb.connect(str(home / "warehouse.duckdb")) as connection:
        connection.execute("CHECKPOINT")
    whole, figures = (home / "warehouse.duckdb").read_bytes(), everything(home / "warehouse.duckdb")
    refused = []
    for place in range(100, len(whole), BLOCK_BYTES):
        content = bytearray(whole)
        content[place : place + 64] = bytes(each ^ 0xFF for each in content[place : place + 64])
        (home / "warehouse.duckdb").write_bytes(content)
        with environment({"ZEBBRA_HOME": home}):
            try:
                back_up(load_settings(), tmp_path / f"at{place}", without=[Part.TOKEN_STORE])
            except WarehouseError as exc:
                refused.append(str(exc))
            else:  # a block that nothing uses
                assert everything(tmp_path / f"at{place}" / "warehouse.duckdb") == figures
    (home / "warehouse.duckdb").write_bytes(whole)
    cut(home / "oauth.sqlite")
    store = said(stack.zebbra("backup", f"{tmp_path}/store", ZEBBRA_HOME=str(home)))

    assert len(refused) >= 4
    assert all(str(home / "warehouse.duckdb") in each for each in refused)
    assert any("it is damaged, a copy of it cannot be read" in each for each in refused)
    assert "token store" in store
    assert not (tmp_path / "store").exists()


def test_store_in_postgresql_is_backed_up_and_restored_by_the_same_commands(stack, made, tmp_path):
    try:
        with running_postgres() as server:
            there = {
                "ZEBBRA_HOME": str(tmp_path / "home"),
                "ZEBBRA_OAUTH_DATABASE": server.new_database(),
            }
            command = ("restore", f"{made}/one", "--keys", f"{made}/keys")
            moved = stack.zebbra(*command, **there)
            again = said(stack.zebbra(*command, **there))
            saved = stack.zebbra("backup", f"{tmp_path}/two", **there)
            over = stack.zebbra(*command, "--force", "--json", **there)
    except PostgresMissingError as exc:
        pytest.skip(str(exc))

    assert moved.returncode == 0, moved.stderr
    assert not (tmp_path / "home" / "oauth.sqlite").exists()
    assert "--force" in again
    assert saved.returncode == 0, saved.stderr
    one, two = verified(made / "one"), verified(tmp_path / "two")
    assert two.token_store.kind == "postgresql"
    assert two.warehouse == one.warehouse
    for workspace, rows in one.token_store.rows.items():
        assert two.token_store.rows[workspace]["connections"] == rows["connections"]
    kept = json.loads(over.stdout)["kept"]
    assert any("oauth.sqlite.replaced-" in name for name in kept)


def test_full_disk_is_one_sentence_and_leaves_nothing(stack, tmp_path):
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)); "
    code += "from zebbra_pipeline.cli.app import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "backup", str(tmp_path / "new")],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
    )

    assert "cannot be written" in said(done)
    assert "File too large" in said(done)
    assert files_of(tmp_path) == set()


KILLED = """
import os, signal, sys
from pathlib import Path
from integrations.runtime.settings import load_settings
from zebbra_pipeline.backup import making, token_store
import zebbra_pipeline.warehouse.backups, duckdb

target, every, = Path(sys.argv[1]), int(sys.argv[2])
number = every
while True:
    folder = target / str(number)
    child = os.fork()
    if child == 0:
        left = [number]
        def count(event, arguments):
            if str(folder) in str(arguments) or "zebbra-unfinished" in str(arguments):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        making.back_up(load_settings(), folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert status == 0, status
        print(number, flush=True)
        break
    assert os.WTERMSIG(status) == signal.SIGKILL
    number += every
"""
"""Makes backups, killed at every so many-th thing that they do in their folder; the last ends well."""


def test_backup_killed_anywhere_leaves_no_folder_that_is_accepted(stack, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path / "backups"), "5"],
        env={**ENVIRONMENT, **os.environ, "PYTHONPATH": ENVIRONMENT["PYTHONPATH"]},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    last = int(done.stdout)

    assert last >= 25
    for folder in (tmp_path / "backups").iterdir():
        if folder.name == str(last):
            assert isinstance(verified(folder), Manifest)
            continue
        with pytest.raises(BackupError):
            verified(folder)
    # The last one has removed what those before it had left.
    left = [path.name for path in (tmp_path / "backups").iterdir()]
    assert left == [str(last)]


def test_kill_while_restoring_is_put_right_by_restoring_again(stack, made, tmp_path):
    """Between two parts, or amid one: what is there is moved aside, and all of it comes back."""
    home = tmp_path / "home"
    (home / "models" / "acme").mkdir(parents=True)
    (home / "models" / "acme" / "half.json").touch()
    (home / "oauth.sqlite").write_bytes((made / "one" / "oauth.sqlite").read_bytes()[:5000])
    done = stack.zebbra(
        *("restore", f"{made}/one", "--keys", f"{made}/keys", "--force"), ZEBBRA_HOME=str(home)
    )

    assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(home / "oauth.sqlite")) as store:
        assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert store.execute("SELECT count(*) FROM connections").fetchone() == (2,)
