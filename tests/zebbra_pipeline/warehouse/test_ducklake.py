"""A DuckLake as the warehouse: same figures as in a file, one writer at a time on many machines."""

import re

import pytest
from support.lakes import MISSING, PACKAGES, DuckLakes
from support.postgres import PostgresMissingError, running_postgres

from zebbra_pipeline.warehouse import Warehouse, WarehouseFileError

pytestmark = pytest.mark.skipif(not PACKAGES.is_dir(), reason=MISSING)

LAND_AND_READ = """
with warehouse().write("first") as session:
    first = land(session, books("10", "20"))
with warehouse().read() as session:
    before = session.figures("acme")
    with warehouse().write("second") as writer:  # while it is being read
        second = land(writer, books("10", "25.5"))
    unmoved = session.figures("acme") == before
warehouse().publish()
with warehouse().read() as session:
    (sales, total) = session.figures("acme").series
    told = session.restatements("acme")
print(json.dumps({
    "landed": [first.rows, second.rows], "unmoved": unmoved,
    "sales": [str(sales.figures[month].value) for month in (JAN, FEB)],
    "restated": [[item.endpoint, str(item.old_value), str(item.new_value)] for item in told],
    "published": [str(value) for value in values_of(PUBLISHED, "Sales").values()],
}))
"""
LAND_TWO_TWICE = """
number = {number}
for again in (0, 5):
    for place in range(2):
        with warehouse().write("landing") as session:
            amounts = (str(100 * number + place + again), "2")
            land(session, books(*amounts), workspace=f"w{{number}}-{{place}}")
"""
READ_ALL = """
with warehouse().read() as session:
    found = {f"w{number}-{place}": session.figures(f"w{number}-{place}").series[0].figures[JAN].value
             for number in range(3) for place in range(2)}
    restated = sum(len(session.restatements(workspace)) for workspace in found)
print(json.dumps([{key: float(value) for key, value in found.items()}, restated]))
"""
HOLD = """
with warehouse().write("a long one"):
    print("holding", flush=True)
    sys.stdin.readline()
"""
HOLD_WORKSPACE = """
hold = warehouse().locks.workspace("acme")
print("holding" if hold else "taken", flush=True)
sys.stdin.readline()
"""
MAY_HOLD = """
print(json.dumps({name: warehouse().locks.workspace(name) is not None for name in ("acme", "globex")}))
"""
GIVE_UP = """
from zebbra_pipeline.warehouse import WarehouseBusyError
try:
    with warehouse(lock_timeout_s=0.2).write("mine"):
        pass
except WarehouseBusyError as exc:
    print(json.dumps(str(exc)))
"""
EXAMINE = """
contents = warehouse().examine()
print(json.dumps([sorted(contents.workspaces), contents.rows["data_points"]]))
"""
LAND_AND_PUBLISH = """
with warehouse().write("first") as session:
    land(session, books("10", "20"))
warehouse().publish()
"""
WITHOUT_CATALOG = """
from zebbra_pipeline.warehouse import WarehouseMissingError
Path(TARGET.removeprefix("ducklake:")).unlink()
found = []
for attempt in (warehouse().publish, warehouse().examine, warehouse().write("test").__enter__):
    try:
        attempt()
    except WarehouseMissingError as exc:
        found.append(str(exc))
print(json.dumps([found, Path(TARGET.removeprefix("ducklake:")).exists()]))
"""
WITHOUT_DATA = """
from zebbra_pipeline.warehouse import WarehouseError
for file in Path({data!r}).rglob("*.parquet"):
    file.unlink()
found = []
for attempt in (warehouse().publish, warehouse().examine):
    try:
        attempt()
    except WarehouseError as exc:
        found.append(str(exc))
print(json.dumps([found, [str(value) for value in values_of(PUBLISHED, "Sales").values()]]))
"""
OPEN = """
from zebbra_pipeline.warehouse import WarehouseError
try:
    with warehouse().{how}:
        pass
except WarehouseError as exc:
    print(json.dumps([str(exc), exc.__cause__ is None]))
"""


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    return DuckLakes(tmp_path_factory.mktemp("lakes"))


@pytest.fixture(scope="module")
def in_postgres(lakes):
    try:
        with running_postgres() as server:
            address = re.fullmatch(
                r"postgresql\+psycopg://(\w+):(\w+)@([\d.]+):(\d+)/(\w+)", server.new_database()
            )
            user, password, host, port, name = address.groups()
            yield lakes.make(
                f"ducklake:postgres:host={host} port={port} user={user} password={password} "
                f"dbname={name}"
            )
    except PostgresMissingError as exc:
        pytest.skip(str(exc))


@pytest.mark.parametrize("catalog", ["duckdb", "postgres"])
def test_figures_land_are_restated_read_and_published(lakes, catalog, request, tmp_path):
    if catalog == "postgres":
        target = request.getfixturevalue("in_postgres")
    else:
        target = lakes.make(f"ducklake:{tmp_path}/lake.ducklake")

    assert lakes.run(LAND_AND_READ, target) == {
        "landed": [4, 4],
        "unmoved": True,
        "sales": ["10.0000", "25.5000"],
        "restated": [["Sales", "20.0000", "25.5000"]],
        "published": ["10.0000", "25.5000"],
    }


def test_processes_that_write_at_once_lose_nothing(lakes, in_postgres):
    writers = [
        lakes.start(LAND_TWO_TWICE.format(number=number), in_postgres) for number in range(3)
    ]
    for writer in writers:
        lakes.result(writer)

    found, restated = lakes.run(READ_ALL, in_postgres)
    assert found == {
        f"w{number}-{place}": 100 * number + place + 5 for number in range(3) for place in range(2)
    }
    assert restated == 3 * 2


def test_a_writer_that_waits_too_long_names_the_holder_and_no_password(lakes, in_postgres):
    holder = lakes.start(HOLD, in_postgres)
    assert holder.stdout.readline() == "holding\n"

    told = lakes.run(GIVE_UP, in_postgres)

    assert re.fullmatch(
        r"warehouse ducklake:postgres: gave up waiting to write \(mine\): "
        rf"pid {holder.pid} on \S+ \(a long one\) is writing; try again later, or end that process",
        told,
    )
    holder.communicate("\n", timeout=30)


def test_a_killed_writer_releases_the_write_lock(lakes, in_postgres):
    holder = lakes.start(HOLD, in_postgres)
    assert holder.stdout.readline() == "holding\n"
    holder.kill()
    holder.communicate(timeout=30)

    lakes.run("with warehouse().write('next'):\n    pass", in_postgres)


@pytest.mark.parametrize("how", ["read()", "write('test')", "publish()"])
def test_a_missing_extension_or_catalog_is_reported_without_the_password(lakes, tmp_path, how):
    target = "ducklake:postgres:host=127.0.0.1 port=1 user=u password=s3cret dbname=d"

    for home in (None, tmp_path):  # nobody answers there; no extension is installed
        text, no_cause = lakes.run(OPEN.format(how=how), target, home=home)
        assert text.startswith("warehouse ducklake:postgres: ")
        assert "check ZEBBRA_WAREHOUSE" in text
        assert "extensions ducklake and postgres are installed" in text
        assert "s3cret" not in text
        assert no_cause


def test_a_catalog_without_a_write_lock_is_refused(tmp_path):
    warehouse = Warehouse("ducklake:mysql:db=x", published=tmp_path / "published.duckdb")

    with pytest.raises(WarehouseFileError, match=r"found 'ducklake:mysql:'"), warehouse.write("x"):
        pass


def test_a_workspace_is_locked_by_one_machine_at_a_time_and_released_by_a_killed_one(
    lakes, in_postgres
):
    holder = lakes.start(HOLD_WORKSPACE, in_postgres)
    assert holder.stdout.readline() == "holding\n"

    meanwhile = lakes.run(MAY_HOLD, in_postgres)
    holder.kill()
    holder.communicate(timeout=30)

    assert meanwhile == {"acme": False, "globex": True}
    assert lakes.run(MAY_HOLD, in_postgres) == {"acme": True, "globex": True}


def test_a_lake_with_a_missing_catalog_is_not_created_again(tmp_path):
    lakes = DuckLakes(tmp_path)
    target = lakes.make(f"ducklake:{tmp_path / 'catalog.ducklake'}")
    lakes.run(LAND_AND_PUBLISH, target)
    examined = lakes.run(EXAMINE, target)
    found, made_again = lakes.run(WITHOUT_CATALOG, target)

    assert examined == [["acme"], {"acme": 4}]
    assert len(found) == 3
    for text in found:
        assert "catalog.ducklake: there is no such file, although the published copy" in text
        assert "has figures of 1 workspace;" in text
    assert not made_again


def test_a_lake_with_missing_data_is_not_published(tmp_path):
    lakes = DuckLakes(tmp_path)
    target = lakes.make(f"ducklake:{tmp_path / 'catalog.ducklake'}")
    lakes.run(LAND_AND_PUBLISH, target)
    (publishing, examining), kept = lakes.run(
        WITHOUT_DATA.format(data=str(tmp_path / "data")), target
    )

    assert "could not be rebuilt, the old one stays" in publishing
    assert "it cannot be read in full" in examining
    assert "zebbra restore <folder>" in examining
    assert kept == ["10.0000", "20.0000"]
