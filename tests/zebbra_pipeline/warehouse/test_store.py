import stat

import duckdb
import pytest
from support.warehouse import JAN, account, land, pull, stored, values_of, warehouse_in

from zebbra_pipeline.warehouse import (
    Warehouse,
    WarehouseFileError,
    WarehouseVersionError,
    WarehouseWriteError,
    migrations,
)
from zebbra_pipeline.warehouse.database import Database
from zebbra_pipeline.warehouse.migrations import Migration, known_migrations


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def make_from_the_future(path):
    connection = duckdb.connect(str(path))
    connection.execute("INSERT INTO schema_migrations VALUES (9999, 'later', '2030-01-01')")
    connection.close()


def test_a_new_warehouse_has_the_newest_schema_and_is_for_its_user_alone(tmp_path):
    warehouse = warehouse_in(tmp_path / "home" / "deep")
    with warehouse.write("test") as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
    warehouse.publish()

    folder = tmp_path / "home" / "deep"
    assert mode(folder) == mode(tmp_path / "home") == 0o700
    assert mode(folder / "warehouse.duckdb") == mode(folder / "published.duckdb") == 0o600
    assert {mode(path) for path in (folder / "warehouse.duckdb.queue").iterdir()} == {0o600}
    assert stored(folder / "warehouse.duckdb", "SELECT version, name FROM schema_migrations") == [
        (migration.version, migration.name) for migration in known_migrations()
    ]


def test_migrations_run_once_in_order_when_a_file_is_opened(tmp_path, monkeypatch):
    with warehouse_in(tmp_path).write("old release") as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
    later = (
        *known_migrations(),
        Migration(9001, "tell", "ALTER TABLE batches ADD COLUMN told VARCHAR DEFAULT 'no'"),
        Migration(9002, "retell", "UPDATE batches SET told = told || '!'"),
    )
    monkeypatch.setattr(migrations, "known_migrations", lambda: later)

    for _ in range(2):
        with warehouse_in(tmp_path).write("new release"):
            pass

    path = tmp_path / "warehouse.duckdb"
    assert stored(path, "SELECT told FROM batches") == [("no!",)]
    assert stored(path, "SELECT version FROM schema_migrations ORDER BY version DESC LIMIT 2") == [
        (9002,),
        (9001,),
    ]


def test_a_migration_that_fails_changes_nothing_and_keeps_those_before_it(tmp_path, monkeypatch):
    broken = (
        *known_migrations(),
        Migration(9001, "good", "CREATE TABLE good (i INTEGER)"),
        Migration(9002, "bad", "CREATE TABLE half (i INTEGER); SELECT * FROM nowhere"),
    )
    monkeypatch.setattr(migrations, "known_migrations", lambda: broken)

    with (
        pytest.raises(WarehouseWriteError, match="could not migrate to version 9002"),
        warehouse_in(tmp_path).write("test"),
    ):
        pass

    path = tmp_path / "warehouse.duckdb"
    assert stored(path, "SELECT max(version) FROM schema_migrations") == [(9001,)]
    assert stored(
        path, "SELECT table_name FROM duckdb_tables() WHERE table_name IN ('good', 'half')"
    ) == [("good",)]


def test_a_file_of_a_newer_release_is_refused_and_left_alone(tmp_path):
    warehouse = warehouse_in(tmp_path)
    with warehouse.write("test"):
        pass
    path = tmp_path / "warehouse.duckdb"
    make_from_the_future(path)
    before = path.read_bytes()

    message = rf"{path}: schema version 9999 is newer .* upgrade zebbra-pipeline"
    with pytest.raises(WarehouseVersionError, match=message), warehouse.write("test"):
        pass
    with pytest.raises(WarehouseVersionError, match=message):
        warehouse.publish()
    assert path.read_bytes() == before


def test_a_published_copy_of_a_newer_release_is_refused(tmp_path):
    warehouse = warehouse_in(tmp_path)
    warehouse.publish()
    make_from_the_future(warehouse.published)

    with pytest.raises(WarehouseVersionError, match=r"published\.duckdb"), warehouse.read():
        pass


def test_a_file_of_another_kind_is_refused_by_name_and_left_alone(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    path.write_text("a shopping list, long enough to look like something " * 200)

    with (
        pytest.raises(WarehouseFileError, match=f"{path}: expected a DuckDB database") as caught,
        warehouse_in(tmp_path).write("test"),
    ):
        pass

    assert "another kind of file" in str(caught.value)
    assert path.read_text().startswith("a shopping list")


def test_a_published_copy_of_another_kind_is_refused_by_name(tmp_path):
    (tmp_path / "published.duckdb").write_text("a shopping list " * 1000)

    with (
        pytest.raises(WarehouseFileError, match=r"published\.duckdb: expected a DuckDB database"),
        warehouse_in(tmp_path).read(),
    ):
        pass


def test_a_foreign_database_is_refused_and_not_changed(tmp_path):
    path = tmp_path / "warehouse.duckdb"
    connection = duckdb.connect(str(path))
    connection.execute("CREATE TABLE sales AS SELECT 42 AS answer")
    connection.close()

    with (
        pytest.raises(WarehouseFileError, match="found a DuckDB database with other tables"),
        warehouse_in(tmp_path).write("test"),
    ):
        pass

    assert stored(path, "SELECT table_name FROM duckdb_tables()") == [("sales",)]


def test_a_folder_at_the_path_of_the_file_is_an_error_that_names_it(tmp_path):
    (tmp_path / "warehouse.duckdb").mkdir()

    with (
        pytest.raises(WarehouseFileError, match=r"warehouse\.duckdb: cannot be opened"),
        warehouse_in(tmp_path).write("test"),
    ):
        pass


def test_the_published_copy_needs_a_path_of_its_own(tmp_path):
    with pytest.raises(ValueError, match="expected another path"):
        Warehouse(tmp_path / "x.duckdb", published=tmp_path / "." / "x.duckdb")


def test_paths_with_quotes_and_spaces_work(tmp_path):
    folder = tmp_path / 'it\'s a "home"'
    warehouse = warehouse_in(folder)
    with warehouse.write("it's") as session:
        land(session, pull([JAN], account("a1", "Sales", "1")))
    warehouse.publish()

    assert values_of(folder / "published.duckdb", "Sales") == {JAN: 1}


def test_nothing_is_printed_however_long_a_query_takes(tmp_path):
    database = Database.open(tmp_path / "warehouse.duckdb")
    try:
        # What it would print after two seconds stood between the lines of `--json`.
        assert database.rows("SELECT current_setting('enable_progress_bar')") == [(False,)]
    finally:
        database.close()
