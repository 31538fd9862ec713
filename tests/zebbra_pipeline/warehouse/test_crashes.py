from signal import SIGKILL

import duckdb
import pytest
from support import warehouse_steps
from support.warehouse import FEB, JAN, everything, land, pull, stored, warehouse_in
from support.warehouse_processes import die_everywhere

from zebbra_pipeline.warehouse import WarehouseWriteError
from zebbra_pipeline.warehouse.database import Database


def reopened(folder):
    """Everything in the warehouse after the next writer has opened it."""
    with warehouse_in(folder, lock_timeout_s=5).write("reopen"):
        pass
    return everything(folder / "warehouse.duckdb")


def comparable(state):
    """Without the batch ids, which are new in every run."""
    return {
        table: [
            tuple(v for v in row if not (isinstance(v, str) and len(v) == 36 and v.count("-") == 4))
            for row in rows
        ]
        for table, rows in state.items()
    }


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    warehouse_steps.prepare(folder)
    return folder


@pytest.mark.parametrize(
    "step", ["statements", "other_tenant", "payroll_costs", "employees", "model"]
)
def test_a_kill_at_any_point_leaves_all_old_figures_or_all_new_ones(base, tmp_path, step):
    before = everything(base / "warehouse.duckdb")

    report = die_everywhere(base, tmp_path, step)

    *killed, (last, signal) = report
    assert signal == 0
    assert len(killed) >= 9
    assert {ended_by for _, ended_by in killed} == {SIGKILL}
    complete = reopened(tmp_path / str(last))
    assert complete != before
    closing, *writing = killed
    assert (
        comparable(reopened(tmp_path / str(closing[0]))).items()
        >= {
            table: rows for table, rows in comparable(complete).items() if table != "batches"
        }.items()
    )
    for number, _ in writing:
        assert reopened(tmp_path / str(number)) == before


def test_a_kill_while_publishing_leaves_the_old_copy_and_no_drafts(base, tmp_path):
    with warehouse_in(base).write("more") as session:
        land(session, pull([JAN]), workspace="bravo")
    published = everything(base / "published.duckdb")
    wanted = everything(base / "warehouse.duckdb")

    *killed, (last, signal) = die_everywhere(base, tmp_path, "publish")

    assert signal == 0
    assert len(killed) >= 6
    assert everything(tmp_path / str(last) / "published.duckdb") == wanted
    (closing, _), *copying = killed
    assert everything(tmp_path / str(closing) / "published.duckdb") == wanted
    for number, _ in copying:
        folder = tmp_path / str(number)
        assert everything(folder / "published.duckdb") == published
        warehouse_in(folder, lock_timeout_s=5).publish()
        assert everything(folder / "published.duckdb") == wanted
        assert everything(folder / "published.duckdb.1") == published
        assert sorted(path.name for path in folder.iterdir()) == [
            "published.duckdb",
            "published.duckdb.1",
            "warehouse.duckdb",
            "warehouse.duckdb.queue",
        ]


def test_a_refused_statement_rolls_back_names_the_file_and_leaves_the_session_usable(
    base, tmp_path, monkeypatch
):
    warehouse_steps.prepare(tmp_path)
    before = everything(tmp_path / "warehouse.duckdb")
    execute = Database.execute

    def failing(self, sql, parameters=()):
        if "INSERT INTO data_points" in sql:
            raise duckdb.IOException("the disk is full")
        execute(self, sql, parameters)

    with warehouse_in(tmp_path).write("test") as session:
        monkeypatch.setattr(Database, "execute", failing)
        with pytest.raises(
            WarehouseWriteError,
            match=r"warehouse\.duckdb: could not land Xero for acme, nothing was changed: .*disk is full",
        ):
            land(session, pull([FEB]))
        monkeypatch.undo()
        land(session, pull([JAN]), workspace="bravo")

    path = tmp_path / "warehouse.duckdb"
    after = everything(path)
    assert [row for row in after["data_points"] if row[0] == "acme"] == before["data_points"]
    assert stored(path, "SELECT workspace_id FROM batches WHERE workspace_id = 'bravo'") == [
        ("bravo",)
    ]
    assert len(after["batches"]) == len(before["batches"]) + 1


def test_an_error_inside_a_write_block_closes_the_file_and_releases_the_write_lock(tmp_path):
    warehouse = warehouse_in(tmp_path, lock_timeout_s=1)

    def write_and_fail():
        with warehouse.write("test") as session:
            land(session, pull([JAN]))
            raise KeyError

    with pytest.raises(KeyError):
        write_and_fail()

    with warehouse.write("again") as session:
        assert len(session.batches("acme")) == 1
