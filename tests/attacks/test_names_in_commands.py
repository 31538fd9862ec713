"""Names in what the commands print: each is shown whole, none does anything."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from support.merge_models import a_model, a_row
from support.names import FEW, FOUND_BEFORE, is_printable, names
from support.oauth_rig import REGISTRY, Rig, running_rig
from support.warehouse import JAN, account, land, pull, total, warehouse_in
from typer.testing import CliRunner, Result

from integrations.contracts.display import printable
from zebbra_pipeline.cli import connections as connecting
from zebbra_pipeline.cli.app import app
from zebbra_pipeline.cli.context import UsageError, out
from zebbra_pipeline.cli.figures import print_model
from zebbra_pipeline.merge.workspaces import merge_workspaces

Command = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("names")


@pytest.fixture(scope="module")
def rig(home: Path) -> Iterator[Rig]:
    with running_rig(home) as running:
        running.connect("acme")
        yield running


@pytest.fixture(scope="module")
def zebbra(rig: Rig) -> Iterator[Command]:
    """Runs a command in this process, on a terminal wide enough for any name."""

    def run(*arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == status, (result.output, result.exception)
        assert is_printable(result.output)
        return result

    with pytest.MonkeyPatch.context() as patch:
        for name, value in rig.environment.items():
            patch.setenv(name, value)
        for module in ("connections", "doctor", "plan"):
            patch.setattr(f"zebbra_pipeline.cli.{module}.load_registry", lambda: REGISTRY)
        patch.setattr(out._console, "_width", 10_000)
        yield run


@FEW
@example(name=FOUND_BEFORE[0])
@example(name=FOUND_BEFORE[1])
@example(name=FOUND_BEFORE[2])
@given(name=names)
def test_lists_show_a_name_as_text(rig: Rig, zebbra: Command, name: str) -> None:
    rig.call_everything(name)
    shown = printable(name).rstrip()

    assert zebbra("workspaces").output.count(shown) >= 1
    assert zebbra("connections").output.count(shown) >= 1
    assert zebbra("connections", "acme").output.count(shown) >= 2  # its history too
    assert shown in zebbra("plan", "--all").output


@FEW
@given(name=names)
def test_json_has_a_name_as_it_is(rig: Rig, zebbra: Command, name: str) -> None:
    rig.call_everything(name)
    (row,) = json.loads(zebbra("connections", "acme", "--json").output)

    assert (row["tenant_name"], row["history"][0]["detail"]) == (name, name)
    assert json.loads(zebbra("workspaces", "--json").output)[0]["workspace_name"] == name


@pytest.mark.process
def test_the_doctor_shows_what_waits_for_a_person_whatever_it_is_called(
    rig: Rig, zebbra: Command
) -> None:
    for name in FOUND_BEFORE:
        rig.call_everything(name, state="requires_reconnect")
        assert "requires_reconnect" in zebbra("doctor").output


@FEW
@example(name=FOUND_BEFORE[0])
@example(name=FOUND_BEFORE[1])
@example(name=FOUND_BEFORE[2])
@given(name=names)
def test_references_show_an_account_as_text(home: Path, zebbra: Command, name: str) -> None:
    with warehouse_in(home).write("test") as session:
        line = account("1", name, "1.00", section=(name,))
        land(session, pull([JAN], line, total(f"Total {name}", "1.00", section=(name,))))
    warehouse_in(home).publish()
    shown = printable(name)
    output = zebbra("endpoints", "acme").output

    assert f"Xero[{shown}]" in output
    assert f"Xero[Total {shown}]" in output
    rows = json.loads(zebbra("endpoints", "acme", "--json").output)
    assert {row["endpoint"] for row in rows} >= {name, f"Total {name}"}


@FEW
@example(name=FOUND_BEFORE[0])
@example(name=FOUND_BEFORE[1])
@example(name=FOUND_BEFORE[2])
@given(name=names)
def test_a_merged_model_is_shown_as_text(
    home: Path, zebbra: Command, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    models = home / "models"
    (models / "acme").mkdir(parents=True, exist_ok=True)
    rows = [a_row("1", f"Xero[{name} is not there]", name=name), a_row("2", None, name="Plain")]
    (models / "acme" / "plan.json").write_text(json.dumps(a_model(rows, name=name)))
    with warehouse_in(home).write("test") as session:
        land(session, pull([JAN], account("1", name, "1.00")))
    (merged,) = merge_workspaces(["acme"], models=models, warehouse=warehouse_in(home), today=JAN)
    capsys.readouterr()
    print_model(merged.models[0], months=1)
    output = capsys.readouterr().out

    assert is_printable(output)
    assert output.startswith(f"{printable(name)}".rstrip())
    assert f"  {printable(name)}: " in output  # its note


def test_a_name_that_is_no_text_is_refused(zebbra: Command) -> None:
    refused = CliRunner().invoke(app, ["connect", "acme", "--name", "Caf\udce9"])

    assert isinstance(refused.exception, UsageError)
    assert "--name" in str(refused.exception)
    assert zebbra("connect", "acme", "--name", "Café [/b]").exit_code == 0


def test_an_integration_that_fails_to_load_is_named_as_text(
    zebbra: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from integrations.runtime.registry import PluginFailure, Registry

    failure = PluginFailure("books [/b]", "zebbra-books :smile:", "ImportError: \x1b[2J [/x]")
    broken = Registry(
        plugins=REGISTRY.plugins, versions={"toybooks": "1", "shybooks": "1"}, failures=(failure,)
    )
    monkeypatch.setattr(connecting, "load_registry", lambda: broken)

    assert (
        r"failed to load: books [/b] from zebbra-books :smile:: ImportError: \x1b[2J [/x]"
        in zebbra("integrations", status=1).output
    )
