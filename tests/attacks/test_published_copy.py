"""A bad day of the warehouse's disk: no published copy with figures is replaced by a worse one."""

import os
import subprocess
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.damage import (
    TEN,
    as_before,
    cut_to_half,
    empty,
    flip_bytes,
    flip_figures,
    land_ten,
    remove,
    workspaces_in,
)
from support.stack import running_stack
from support.warehouse import (
    FEB,
    JAN,
    MAR,
    account,
    at,
    everything,
    land,
    person,
    pull,
    stored,
    values_of,
    warehouse_in,
)
from support.warehouse_processes import OPEN_FILE, process

from integrations.contracts import Tenant
from zebbra_pipeline.warehouse import (
    WarehouseDamagedError,
    WarehouseError,
    WarehouseFileError,
    WarehouseLossError,
    WarehouseMissingError,
)

WAREHOUSE, PUBLISHED = "warehouse.duckdb", "published.duckdb"


@pytest.fixture
def ten(tmp_path):
    land_ten(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """Ten workspaces, connected and fetched through the whole product."""
    home = tmp_path_factory.mktemp("home")
    with running_stack(home, today=date(2025, 2, 28), history_months=3) as stack:
        for name in TEN:
            stack.connect(name, xero="Globex")
        assert stack.refresh(**dict.fromkeys(TEN, "xero")).failures == {}
        assert workspaces_in(home / PUBLISHED) == list(TEN)
        yield stack


@pytest.fixture
def home(landed):
    with as_before(landed.home, WAREHOUSE, PUBLISHED):
        yield landed.home


def change(folder, sql):
    """Change the warehouse behind our back."""
    import duckdb

    with duckdb.connect(str(folder / WAREHOUSE)) as connection:
        connection.execute(sql)


def sentence(run: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a command that failed."""
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    (line,) = run.stderr.strip().splitlines()
    return line


# Through the command line, with everything running.


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (remove, "there is no such file, although the published copy"),
        (empty, "damaged, it is an empty file, although the published copy"),
        (cut_to_half, "damaged, it cannot be read in full"),
        (flip_bytes, "damaged, it cannot be read in full"),
    ],
)
def test_a_bad_warehouse_is_not_published_and_the_command_says_what_to_do(
    landed, home, damage, said
):
    damage(home / WAREHOUSE)
    bad = (home / WAREHOUSE).exists() and (home / WAREHOUSE).read_bytes()
    before = (home / PUBLISHED).read_bytes()

    line = sentence(landed.zebbra("publish"))

    assert line.startswith(f"zebbra: warehouse {home / WAREHOUSE}: {said}")
    assert "zebbra restore <folder>" in line
    assert "permissions" not in line
    assert (home / PUBLISHED).read_bytes() == before
    assert ((home / WAREHOUSE).exists() and (home / WAREHOUSE).read_bytes()) == bad


def test_a_refresh_without_the_warehouse_changes_nothing_and_asks_no_provider(landed, home):
    (home / WAREHOUSE).unlink()
    before = (home / PUBLISHED).read_bytes()

    line = sentence(landed.zebbra("refresh", "ws0", "--as-of", "2025-02-28"))

    assert "there is no such file" in line
    assert "has figures of 10 workspaces" in line
    assert "mount it" in line
    assert not (home / WAREHOUSE).exists()
    assert (home / PUBLISHED).read_bytes() == before


def test_a_refresh_into_a_new_warehouse_fails_and_keeps_the_figures_of_all_ten(landed, home):
    (home / WAREHOUSE).unlink()
    with warehouse_in(home / "elsewhere").write("make a new one"):
        pass
    (home / "elsewhere" / WAREHOUSE).rename(home / WAREHOUSE)

    run = landed.zebbra("refresh", "ws0", "--as-of", "2025-02-28")

    assert run.returncode == 1
    assert "failed: ws0: xero: published copy" in run.stderr
    assert "not replaced, it would lose figures" in run.stderr
    assert "10 workspaces (ws0, ws1, ws2, ws3, ws4 and 5 more)" in run.stderr
    assert "zebbra publish --force" in run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    assert workspaces_in(home / PUBLISHED) == list(TEN)


def test_a_disk_that_is_not_mounted_is_known_from_dagsters_history(landed, home):
    (home / WAREHOUSE).unlink()
    (home / PUBLISHED).unlink()
    for path in home.glob(f"{PUBLISHED}.*"):
        path.unlink()

    lines = [
        sentence(landed.zebbra("publish")),
        sentence(landed.zebbra("refresh", "ws0", "--as-of", "2025-02-28")),
        sentence(landed.zebbra("endpoints", "ws0")),
    ]
    runs = landed.refresh(ws0="xero")

    for line in (*lines, *runs.failures["ws0"]):
        assert "Dagster's history says that figures of 10 workspaces have landed" in line
        assert "(ws0, ws1, ws2, ws3, ws4 and 5 more)" in line
    assert not (home / WAREHOUSE).exists()
    assert not (home / PUBLISHED).exists()


def test_force_starts_again_and_keeps_the_old_copy_as_a_generation(landed, home):
    (home / WAREHOUSE).unlink()
    before = everything(home / PUBLISHED)

    run = landed.zebbra("publish", "--force")

    assert (run.returncode, run.stderr) == (0, "")
    assert workspaces_in(home / PUBLISHED) == []
    assert everything(home / f"{PUBLISHED}.1") == before
    assert landed.zebbra("publish").returncode == 0


def test_a_first_publish_needs_nothing(tmp_path, landed):
    run = landed.zebbra("publish", ZEBBRA_HOME=str(tmp_path / "new"))

    assert (run.returncode, run.stderr) == (0, "")
    assert workspaces_in(tmp_path / "new" / PUBLISHED) == []


# What counts as a loss.


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM batches WHERE workspace_id = 'ws3'", "1 workspace (ws3): 2 rows of batches"),
        (
            "DELETE FROM restatements WHERE workspace_id IN ('ws3', 'ws4')",
            "2 workspaces (ws3, ws4): 2 rows of restatements",
        ),
        (
            "DELETE FROM data_points WHERE workspace_id = 'ws3'",
            "1 workspace (ws3): 2 rows of data_points",
        ),
        (
            "DELETE FROM landed_months WHERE workspace_id = 'ws3'",
            "1 workspace (ws3): 2 rows of landed_months",
        ),
    ],
)
def test_what_one_workspace_has_lost_is_counted_and_only_force_publishes_it(ten, sql, said):
    change(ten, sql)
    before = (ten / PUBLISHED).read_bytes()

    with pytest.raises(WarehouseLossError) as caught:
        warehouse_in(ten).publish()

    assert said in str(caught.value)
    assert (ten / PUBLISHED).read_bytes() == before
    assert list(ten.glob(".*")) == []
    warehouse_in(ten).publish(force=True)
    assert everything(ten / PUBLISHED) == everything(ten / WAREHOUSE)
    assert (ten / f"{PUBLISHED}.1").read_bytes() == before
    warehouse_in(ten).publish()


def test_an_old_warehouse_that_has_landed_new_batches_is_still_known_by_the_old_ones(ten):
    old = (ten / WAREHOUSE).read_bytes()
    with warehouse_in(ten).write("later") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    warehouse_in(ten).publish()
    (ten / WAREHOUSE).write_bytes(old)
    for amount in ("7", "8"):
        with warehouse_in(ten).write("again") as session:
            land(session, pull([MAR], account("a", "Sales", amount)), workspace="ws0")

    with pytest.raises(WarehouseLossError, match=r"\(ws0\): 1 rows of batches"):
        warehouse_in(ten).publish()


def test_what_a_pull_takes_away_is_no_loss(ten):
    tenant = Tenant("company", "Company")
    people = {
        "run_id": "r",
        "fetched_at": at(date(2026, 6, 15)),
        "from_date": JAN,
        "api_calls": 1,
    }
    with warehouse_in(ten).write("hire") as session:
        session.land_employees("ws2", "Gusto", tenant, [person("e1", "Ada", "10")], **people)
    warehouse_in(ten).publish()

    with warehouse_in(ten).write("legitimate") as session:
        land(session, pull([JAN], tenant="another", integration="Xero"), workspace="ws1")
        session.land_employees("ws2", "Gusto", tenant, [], **people)
        land(session, pull([FEB]), workspace="ws3")
    warehouse_in(ten).publish()

    path = ten / PUBLISHED
    assert values_of(path, "Sales", "ws1") == {}
    assert stored(path, "SELECT count(*) FROM employees") == [(0,)]
    assert values_of(path, "Sales", "ws3") == {JAN: 1, FEB: 0}


LANDINGS = st.lists(
    st.tuples(
        st.sampled_from(TEN[:2]),
        st.sampled_from(["org-1", "org-2"]),
        st.lists(st.sampled_from([JAN, FEB, MAR]), min_size=1, max_size=3, unique=True),
        st.sampled_from([None, "0", "5"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(landings=LANDINGS)
def test_no_sequence_of_pulls_is_taken_for_a_loss(tmp_path_factory, landings):
    folder = tmp_path_factory.mktemp("pulls")
    warehouse = warehouse_in(folder)
    for number, (workspace, tenant, months, amount, has_lines) in enumerate(landings):
        months.sort()
        lines = [account("a", "Sales", *[amount] * len(months))] if has_lines else []
        with warehouse.write("pull") as session:
            day = date(2026, 6, 1) + timedelta(days=number)
            land(session, pull(months, *lines, tenant=tenant), workspace=workspace, day=day)
        warehouse.publish()

        assert everything(folder / PUBLISHED) == everything(folder / WAREHOUSE)


# What a copy is compared with.


@pytest.mark.parametrize("damage", [empty, cut_to_half, flip_bytes, flip_figures])
def test_an_unreadable_copy_is_replaced_by_a_readable_warehouse_and_not_kept(ten, damage):
    damage(ten / PUBLISHED)

    warehouse_in(ten).publish()

    assert everything(ten / PUBLISHED) == everything(ten / WAREHOUSE)
    assert not (ten / f"{PUBLISHED}.1").exists()


def test_beside_an_unreadable_copy_the_one_before_it_says_what_is_lost(ten):
    with warehouse_in(ten).write("more") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    warehouse_in(ten).publish()
    cut_to_half(ten / PUBLISHED)
    change(ten, "DELETE FROM batches WHERE workspace_id = 'ws7'")

    with pytest.raises(
        WarehouseLossError, match=r"published\.duckdb\.1 has of 1 workspace \(ws7\)"
    ):
        warehouse_in(ten).publish()


def test_a_missing_warehouse_is_known_from_a_generation_alone(ten):
    with warehouse_in(ten).write("more") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    warehouse_in(ten).publish()
    for name in (WAREHOUSE, PUBLISHED):
        (ten / name).unlink()

    with (
        pytest.raises(WarehouseMissingError, match=r"published\.duckdb\.1 has figures of 10"),
        warehouse_in(ten).write("test"),
    ):
        pass
    assert not (ten / WAREHOUSE).exists()


def test_no_folder_is_made_where_a_disk_is_not_mounted(ten):
    warehouse = warehouse_in(ten)
    warehouse.file = ten / "mount" / WAREHOUSE

    for attempt in (warehouse.publish, lambda: warehouse.write("test").__enter__()):
        with pytest.raises(WarehouseMissingError):
            attempt()
    assert not (ten / "mount").exists()


def test_a_copy_that_somebody_has_open_for_writing_still_guards_its_figures(ten):
    with process(OPEN_FILE, ten / PUBLISHED):
        change(ten, "DELETE FROM batches WHERE workspace_id = 'ws7'")
        with pytest.raises(WarehouseLossError, match=r"\(ws7\)"):
            warehouse_in(ten).publish()
        warehouse_in(ten).publish(force=True)

    assert "ws7" not in workspaces_in(ten / PUBLISHED)
    assert list(ten.glob(".*")) == []


def test_flipped_figures_are_noticed_although_the_file_can_be_opened(ten):
    flip_figures(ten / WAREHOUSE)

    with pytest.raises(WarehouseDamagedError, match=f"{PUBLISHED} stays as it is"):
        warehouse_in(ten).publish()
    assert workspaces_in(ten / PUBLISHED) == list(TEN)


def test_every_flipped_byte_is_either_refused_or_harmless(ten):
    whole = (ten / WAREHOUSE).read_bytes()
    wanted = everything(ten / PUBLISHED)
    outcomes = set()
    for position in range(0, len(whole), 60_013):
        content = bytearray(whole)
        content[position] ^= 0xFF
        (ten / WAREHOUSE).write_bytes(bytes(content))
        try:
            warehouse_in(ten, lock_timeout_s=5).publish()
            outcomes.add("published")
        except WarehouseError:
            outcomes.add("refused")
        assert everything(ten / PUBLISHED) == wanted

    assert "refused" in outcomes


def test_a_file_of_another_kind_in_the_warehouses_place_is_not_published(ten):
    (ten / WAREHOUSE).write_text("a shopping list " * 1000)

    with pytest.raises(WarehouseFileError, match="zebbra restore <folder>"):
        warehouse_in(ten).publish(force=True)
    assert workspaces_in(ten / PUBLISHED) == list(TEN)


def test_an_empty_file_left_by_a_killed_first_run_is_no_obstacle(tmp_path):
    (tmp_path / WAREHOUSE).touch()

    with warehouse_in(tmp_path).write("first") as session:
        land(session, pull([JAN], account("a", "Sales", "1")))
    warehouse_in(tmp_path).publish()

    assert values_of(tmp_path / PUBLISHED, "Sales") == {JAN: 1}


# Generations.


def test_the_last_three_copies_are_kept_and_can_be_opened_and_put_back(tmp_path):
    warehouse = warehouse_in(tmp_path)
    for amount in range(6):
        with warehouse.write("more") as session:
            land(session, pull([JAN], account("a", "Sales", str(amount))))
        warehouse.publish()

    found = {path.name: values_of(path, "Sales")[JAN] for path in tmp_path.glob(f"{PUBLISHED}*")}
    assert found == {
        PUBLISHED: 5,
        f"{PUBLISHED}.1": 4,
        f"{PUBLISHED}.2": 3,
        f"{PUBLISHED}.3": 2,
    }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob(f"{PUBLISHED}*")} == {0o600}
    os.replace(tmp_path / f"{PUBLISHED}.2", tmp_path / PUBLISHED)  # noqa: PTH105 -- as `mv` does
    with warehouse.read() as session:
        (series,) = session.figures("acme").series
    assert series.figures[JAN].value == 3


def test_an_equal_copy_pushes_no_older_one_out(tmp_path):
    warehouse = warehouse_in(tmp_path)
    for amount in ("1", "2"):
        with warehouse.write("more") as session:
            land(session, pull([JAN], account("a", "Sales", amount)))
        for _ in range(3):
            warehouse.publish()

    assert values_of(tmp_path / PUBLISHED, "Sales") == {JAN: 2}
    assert values_of(tmp_path / f"{PUBLISHED}.1", "Sales") == {JAN: 1}
    assert not (tmp_path / f"{PUBLISHED}.2").exists()


def test_a_generation_takes_no_time_to_copy_where_the_disk_has_links(ten):
    inode = (ten / PUBLISHED).stat().st_ino
    with warehouse_in(ten).write("more") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    warehouse_in(ten).publish()

    assert (ten / f"{PUBLISHED}.1").stat().st_ino == inode


def test_a_disk_without_links_keeps_copies(ten, monkeypatch):
    def refused(*_paths):
        raise PermissionError("Operation not permitted")

    before = everything(ten / PUBLISHED)
    with warehouse_in(ten).write("more") as session:
        land(session, pull([MAR], account("a", "Sales", "9")), workspace="ws0")
    monkeypatch.setattr(os, "link", refused)
    warehouse_in(ten).publish()

    assert everything(ten / f"{PUBLISHED}.1") == before
    assert everything(ten / PUBLISHED) == everything(ten / WAREHOUSE)
    assert list(ten.glob(".*")) == []
