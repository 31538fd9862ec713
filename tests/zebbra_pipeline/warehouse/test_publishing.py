import shutil
import subprocess
import sys

import duckdb
import pytest
from support.warehouse import (
    FEB,
    JAN,
    account,
    everything,
    land,
    pull,
    stored,
    values_of,
    warehouse_in,
)
from support.warehouse_processes import HOLD, process

from zebbra_pipeline.warehouse import WarehouseWriteError, migrations
from zebbra_pipeline.warehouse.migrations import Migration, known_migrations


def land_sales(warehouse, amount, workspace="acme"):
    with warehouse.write("test") as session:
        land(session, pull([JAN], account("a1", "Sales", amount)), workspace=workspace)


def sales(session, workspace="acme"):
    return [series.figures[JAN].value for series in session.figures(workspace).series]


def test_the_copy_holds_everything_and_opens_like_any_duckdb_file(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    land_sales(warehouse, "2")
    warehouse.publish()

    path = tmp_path / "published.duckdb"
    assert everything(path) == everything(tmp_path / "warehouse.duckdb")
    assert len(stored(path, "SELECT * FROM restatements")) == 1
    assert stored(path, "SELECT endpoint, first_month, last_month FROM data_endpoints") == [
        ("Sales", JAN, JAN)
    ]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [
        "published.duckdb",
        "warehouse.duckdb",
        "warehouse.duckdb.queue",
    ]


def test_the_copy_can_be_moved_and_renamed(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()
    moved = tmp_path / "for bi.db"
    moved.write_bytes((tmp_path / "published.duckdb").read_bytes())

    assert stored(moved, "SELECT endpoint FROM data_endpoints") == [("Sales",)]


def test_readers_see_what_was_published_last_and_not_what_was_written_since(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()
    land_sales(warehouse, "2")

    with warehouse.read() as session:
        assert sales(session) == [1]
    warehouse.publish()
    with warehouse.read() as session:
        assert sales(session) == [2]


def test_a_reader_keeps_its_copy_while_newer_ones_are_published_and_read(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()
    outsider = duckdb.connect(str(tmp_path / "published.duckdb"), read_only=True)

    with warehouse.read() as early:
        land_sales(warehouse, "2")
        warehouse.publish()
        with warehouse.read() as late:
            assert (sales(early), sales(late)) == ([1], [2])
    seen = outsider.execute("SELECT value FROM data_points").fetchall()
    outsider.close()

    assert seen == [(1,)]


def test_readers_do_not_wait_for_a_writer(tmp_path):
    warehouse = warehouse_in(tmp_path, lock_timeout_s=0)
    land_sales(warehouse_in(tmp_path), "1")
    warehouse_in(tmp_path).publish()

    with process(HOLD, tmp_path, "a long write"), warehouse.read() as session:
        assert sales(session) == [1]


def test_reading_before_anything_was_written_finds_an_empty_copy(tmp_path):
    warehouse = warehouse_in(tmp_path / "new")
    with warehouse.read() as session:
        assert session.workspaces() == []
        assert session.figures("acme").series == ()
        assert session.last_batch("acme", "Xero") is None

    assert [path.name for path in (tmp_path / "new").iterdir()] == ["published.duckdb"]


def test_reading_before_the_first_publish_publishes_what_is_there(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")

    with warehouse.read() as session:
        assert sales(session) == [1]
    assert values_of(tmp_path / "published.duckdb", "Sales") == {JAN: 1}


def test_a_copy_of_an_older_release_is_rebuilt_before_it_is_read(tmp_path, monkeypatch):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()
    later = (*known_migrations(), Migration(9001, "more", "CREATE TABLE more (i INTEGER)"))
    monkeypatch.setattr(migrations, "known_migrations", lambda: later)

    with warehouse.read() as session:
        assert sales(session) == [1]
    assert stored(tmp_path / "published.duckdb", "SELECT count(*) FROM more") == [(0,)]


def test_nothing_can_be_written_through_a_reader(tmp_path):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()

    with (
        warehouse.read() as session,
        pytest.raises(duckdb.InvalidInputException, match="read-only"),
    ):
        session._db.execute("DELETE FROM data_points")
    assert values_of(tmp_path / "published.duckdb", "Sales") == {JAN: 1}


def test_a_copy_that_cannot_be_built_leaves_the_old_one(tmp_path, monkeypatch):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    warehouse.publish()
    land_sales(warehouse, "2")

    def full(_source, copy, _length):
        copy.write(b"half of it")
        raise OSError("the disk is full")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(WarehouseWriteError, match=r"published\.duckdb: could not be rebuilt"):
        warehouse.publish()
    monkeypatch.undo()

    assert values_of(tmp_path / "published.duckdb", "Sales") == {JAN: 1}
    assert list(tmp_path.glob(".*")) == []
    warehouse.publish()
    assert values_of(tmp_path / "published.duckdb", "Sales") == {JAN: 2}


def test_no_other_program_can_write_while_the_copy_is_made(tmp_path, monkeypatch):
    warehouse = warehouse_in(tmp_path)
    land_sales(warehouse, "1")
    copying, refused = shutil.copyfileobj, []

    def tried(source, copy, length):
        code = f"import duckdb; duckdb.connect({str(tmp_path / 'warehouse.duckdb')!r})"
        other = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        refused.append("Could not set lock" in other.stderr)
        copying(source, copy, length)

    monkeypatch.setattr(shutil, "copyfileobj", tried)
    warehouse.publish()

    assert refused == [True]
    assert values_of(tmp_path / "published.duckdb", "Sales") == {JAN: 1}


def test_a_copy_may_lie_in_another_folder(tmp_path):
    warehouse = warehouse_in(tmp_path)
    warehouse.published = tmp_path / "shared" / "figures.duckdb"
    land_sales(warehouse, "1")
    warehouse.publish()

    with warehouse.read() as session:
        assert sales(session) == [1]
        assert session.landed_months("acme", "Xero", "profit_and_loss") == (JAN,)
        assert FEB not in session.figures("acme").series[0].figures
