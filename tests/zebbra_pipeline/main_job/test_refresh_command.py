"""`zebbra refresh` where a day is too small, and where an integration is not installed."""

import re
from datetime import date
from importlib.metadata import entry_points

import pytest
from support.stack import books_of, running_stack

from integrations.runtime.registry import GROUP, registry_of
from zebbra_pipeline.cli import refresh as refreshing
from zebbra_pipeline.cli.context import UsageError
from zebbra_pipeline.orchestration.refresh import refresh
from zebbra_pipeline.orchestration.resources import Warehouse

TODAY = date(2025, 2, 28)
LIMIT_S = 7200


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    home = tmp_path_factory.mktemp("refresh")
    with running_stack(home, today=TODAY, settings={"ZEBBRA_TIMEZONE": "Asia/Tokyo"}) as running:
        running.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        running.connect("globex", xero="Globex")
        running.connect("globex-too", xero="Globex")
        yield running


@pytest.fixture
def without_xero(monkeypatch):
    """A machine on which Xero is not installed."""
    others = [entry for entry in entry_points(group=GROUP) if entry.name != "xero"]
    registry = registry_of(others)
    monkeypatch.setattr(refreshing, "load_registry", lambda: registry)


def test_what_does_not_fit_a_day_is_said_first_and_who_waits_is_no_failure(stack):
    globex = books_of("Globex", TODAY).company.id
    stack.control().fault("day_limit", path="/api.xro", tenant_id=globex, retry_after=LIMIT_S)
    shown = stack.zebbra("refresh", "--all", "--as-of", str(TODAY), XERO_CALLS_PER_DAY="6")
    stack.control().clear_faults()

    assert shown.returncode == 75, shown.stdout + shown.stderr
    assert shown.stderr == ""
    lines = shown.stdout.splitlines()
    assert lines[:5] == [
        (
            "does not fit a day: Xero: Globex GmbH (sandbox) needs 12 calls, and 6 are allowed in a "
            "day: 2 days"
        ),
        "  Xero Globex GmbH (sandbox), by day:",
        "    today          globex",
        "    after 1 reset  globex-too",
        "  Who meets the limit is put off until it has reset; nothing is lost.",
    ]
    summary, put_off, daemon, again = lines[-4:]
    assert re.fullmatch(r"1 of 3 workspaces refreshed, 2 put off, in \d Dagster runs", summary)
    told = re.fullmatch(
        r"put off: globex, globex-too: xero: the day's limit is used up until "
        r"(\d{4}-\d\d-\d\d \d\d:\d\d) \(Asia/Tokyo\)",
        put_off,
    )
    assert told is not None, put_off
    assert "sensor after_day_limits" in daemon
    assert again == f"Without one, run after {told[1]}: zebbra refresh --all"


def test_a_failure_beside_who_waits_is_a_failure(stack):
    globex = books_of("Globex", TODAY).company.id
    acme = books_of("Acme Trading Inc", TODAY).company.id
    control = stack.control()
    control.fault("day_limit", path="/api.xro", tenant_id=globex, retry_after=LIMIT_S)
    control.fault("html", path="/api.xro", tenant_id=acme, times=None)
    shown = stack.zebbra("refresh", "acme", "globex", "--full", "--as-of", str(TODAY))
    control.clear_faults()

    assert shown.returncode == 1
    assert "does not fit" not in shown.stdout
    assert shown.stderr.startswith("failed: acme: xero: ")
    assert "globex" not in shown.stderr
    assert shown.stdout.splitlines()[-1].endswith(": zebbra refresh globex --full")


def test_a_run_that_fails_before_its_first_step_has_refreshed_nobody(stack, monkeypatch):
    def broken(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(Warehouse, "setup_for_execution", broken)
    result = stack.refresh(acme="xero", globex="xero")

    assert sorted(result.failures) == ["acme", "globex"]
    assert result.failures["acme"] == [
        f"run {run}: OSError: the disk is full" for run in result.runs
    ]


@pytest.mark.usefixtures("without_xero")
def test_a_workspace_with_nothing_that_is_installed_is_told_so(stack):
    with pytest.raises(UsageError) as raised:
        refreshing.connected_integrations(stack.settings, ["acme", "globex"])

    assert str(raised.value) == (
        "globex: nothing to refresh: connected to Xero, which is not installed here; "
        "installed: Gusto, QuickBooks"
    )


@pytest.mark.usefixtures("without_xero")
def test_what_is_not_installed_is_left_out_of_all_and_told(stack, capsys):
    rows = refreshing.connected_integrations(stack.settings, [])

    assert [(row.workspace_id, row.integration) for row in rows] == [("acme", "Gusto")]
    assert capsys.readouterr().err == (
        "left out, Xero is not installed here: acme, globex, globex-too\n"
    )


@pytest.mark.parametrize(("count", "more"), [(10, ""), (12, " and 2 more")])
def test_of_many_new_workspaces_ten_are_named(stack, tmp_path, count, more):
    class ToldError(Exception):
        """Ends the refresh at its first line."""

    def tell(line):
        raise ToldError(line)

    new = {f"new-{number:02}": frozenset({"xero"}) for number in range(count)}
    settings = stack.settings.model_copy(update={"home": tmp_path})
    with pytest.raises(ToldError) as told:
        refresh(new, settings, tell=tell)

    assert str(told.value) == f"new in Dagster: {', '.join(list(new)[:10])}{more}"


def test_the_exit_status_is_in_the_help(stack):
    shown = stack.zebbra("refresh", "--help")

    assert "75 if some are put off and none has failed" in " ".join(shown.stdout.split())
