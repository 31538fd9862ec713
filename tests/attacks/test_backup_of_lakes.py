"""A DuckLake is backed up as a plain DuckDB file, and restored to another lake, or over one."""

import pytest
from support.lakes import MISSING, PACKAGES, DuckLakes
from support.postgres import PostgresMissingError, running_postgres

pytestmark = pytest.mark.skipif(not PACKAGES.is_dir(), reason=MISSING)

BACK_UP = """
from zebbra_pipeline.warehouse import WarehouseBackup
with warehouse().write("first") as session:
    land(session, books("10", "20"))
backup = WarehouseBackup(warehouse())
facts = backup.make(PUBLISHED.with_name("copy.duckdb"))
with warehouse().write("later") as session:
    land(session, books("11", "20"))
print(json.dumps([backup.kind, facts.rows]))
"""
RESTORE = """
from zebbra_pipeline.warehouse import WarehouseBackup, WarehouseError
PUBLISHED = PUBLISHED.with_name("again.duckdb")
copy = PUBLISHED.with_name("copy.duckdb")
backup = WarehouseBackup(warehouse())
refused = ""
try:
    kept = backup.restore(copy, now=at(JAN), force=False)
except WarehouseError as exc:
    refused = str(exc)
    kept = backup.restore(copy, now=at(JAN), force=True)
with warehouse().read() as session:
    sales = session.figures("acme").series[0].figures[JAN].value
    changes = len(session.restatements("acme"))
with warehouse().write("goes on") as session:
    land(session, books("12", "20"))
print(json.dumps([
    str(sales), changes, refused, [path.name for path in kept],
    [str(value) for path in [*kept, PUBLISHED] for value in values_of(path, "Sales").values()],
]))
"""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    return DuckLakes(tmp_path_factory.mktemp("lakes"))


@pytest.fixture(scope="module", params=["file", "postgres"])
def addresses(request, lakes, tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogs")
    if request.param == "file":
        yield [lakes.make(f"ducklake:{folder / name}.ducklake") for name in ("one", "two")]
        return
    try:
        with running_postgres() as server:
            urls = [server.new_database().split("://")[1] for _ in range(2)]
            yield [lakes.make(f"ducklake:postgres:postgresql://{url}") for url in urls]
    except PostgresMissingError as exc:
        pytest.skip(str(exc))


def test_one_state_of_a_lake_comes_back_in_another_and_over_itself(lakes, addresses):
    one, two = addresses
    kind, rows = lakes.run(BACK_UP, one)
    assert kind == "ducklake"
    assert rows["acme"] == {"batches": 1, "data_points": 4, "landed_months": 2}

    elsewhere = lakes.run(RESTORE, two)
    (lakes._folder / "again.duckdb").unlink()
    over = lakes.run(RESTORE, one)
    (lakes._folder / "again.duckdb").unlink()
    for path in lakes._folder.glob("*.duckdb*"):
        path.unlink()

    assert elsewhere == ["10.0000", 0, "", [], ["10.0000", "20.0000"]]
    sales, changes, refused, kept, values = over
    assert (sales, changes) == ("10.0000", 0)
    assert "it has figures already; --force copies them" in refused
    assert kept == ["ducklake.duckdb.replaced-20260131T060000Z"]
    assert values == ["11.0000", "20.0000", "10.0000", "20.0000"]
