"""What a user of `dg` does with the component, in a project of their own."""

import importlib
import json
import re
import sys

import dagster as dg
import httpx
import pytest
import yaml
from dagster.components.component_scaffolding import scaffold_object
from support.dg_project import DgProject, described
from support.oauth_rig import free_port, wait_until

from integrations.runtime.registry import load_registry
from zebbra_pipeline import ZebbraPipelineComponent
from zebbra_pipeline.orchestration.building import Checks, RefreshSchedule, build_definitions
from zebbra_pipeline.orchestration.resources import Connections, Warehouse

# Dagster itself, when it loads any component with asset checks.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `execution_type` of function:Warning")

TYPE = "zebbra_pipeline.ZebbraPipelineComponent"
CONFIGURED = f"""\
type: {TYPE}
attributes:
  integrations: [gusto, Xero]
  workspaces_per_run: 20
  connections:
    oauth_url: http://connect.example.com
    service_key: "{{{{ env.THE_SERVICE_KEY }}}}"
  warehouse:
    target: books/warehouse.duckdb
    published: books/published.duckdb
  schedule:
    cron: "30 4 * * 1-5"
    timezone: Europe/London
    full_cron: "15 2 * * 6"
    running: true
  checks:
    stale_after_days: 7
requirements:
  env: [THE_SERVICE_KEY]
"""


def scaffolded_in(folder):
    scaffold_object(folder / "zebbra", TYPE, None, "yaml", folder)
    return (folder / "zebbra" / "defs.yaml").read_text()


@pytest.fixture
def project(tmp_path):
    return DgProject(tmp_path)


@pytest.fixture
def loaded(project, monkeypatch):
    """Return what loads the project's definitions in this process."""

    def load() -> dg.Definitions:
        monkeypatch.syspath_prepend(str(project.source))
        return importlib.import_module("books_project.definitions").defs()

    yield load
    for name in [name for name in sys.modules if name.split(".")[0] == "books_project"]:
        del sys.modules[name]


def test_dg_lists_scaffolds_and_checks_the_component_offline(project, loaded):
    listed = project.dg("list", "components", "--json")
    scaffolded = project.dg("scaffold", "defs", TYPE, "zebbra")
    checked_yaml = project.dg("check", "yaml", "--validate-requirements")
    checked_defs = project.dg("check", "defs")

    assert listed.returncode == 0, listed.stderr
    (entry,) = [item for item in json.loads(listed.stdout)["items"] if item["key"] == TYPE]
    assert "partitioned by workspace" in entry["summary"]
    assert scaffolded.returncode == 0, scaffolded.stderr
    assert checked_yaml.returncode == 0, checked_yaml.stdout + checked_yaml.stderr
    assert checked_defs.returncode == 0, checked_defs.stdout + checked_defs.stderr
    assert "All definitions loaded successfully" in checked_defs.stdout
    assert described(loaded()) == described(build_definitions())


def test_dg_dev_serves_the_assets(project):
    scaffolded_in(project.defs)
    found = []

    def served():
        try:
            answer = httpx.post(
                url, json={"query": "{ assetNodes { assetKey { path } } }"}, timeout=10
            )
        except httpx.TransportError:  # it has not begun to listen
            return False
        found.extend(node["assetKey"]["path"] for node in answer.json()["data"]["assetNodes"])
        return bool(found)

    with project.dg_dev(free_port()) as url:
        wait_until(served, 90)

    assert sorted("/".join(path) for path in found) == [
        "gusto/employees",
        "gusto/payroll_costs",
        "merged_model",
        "quickbooks/balance_sheet",
        "quickbooks/profit_and_loss",
        "xero/balance_sheet",
        "xero/profit_and_loss",
    ]


def test_what_is_scaffolded_shows_the_defaults(tmp_path):
    written = yaml.safe_load(scaffolded_in(tmp_path))

    assert written["type"] == TYPE
    assert (
        ZebbraPipelineComponent.from_attributes_dict(attributes=written["attributes"])
        == ZebbraPipelineComponent()
    )


def test_each_line_that_is_scaffolded_as_a_comment_is_valid_too(tmp_path):
    shown = re.sub("(?m)^  # ", "  ", scaffolded_in(tmp_path))
    attributes = yaml.safe_load(shown)["attributes"]

    built = ZebbraPipelineComponent.from_attributes_dict(attributes=attributes)

    assert set(attributes) == set(ZebbraPipelineComponent.model_fields)
    assert built.integrations == ["Xero", "Gusto"]
    assert built.connections.service_key == dg.EnvVar("ZEBBRA_SERVICE_KEY")
    assert built.warehouse.target == ".zebbra/warehouse.duckdb"


def test_a_component_can_be_added_to_a_file_that_has_one(tmp_path):
    path = tmp_path / "defs.yaml"
    path.write_text("type: dagster.DefsFolderComponent\n")

    scaffold_object(path, TYPE, None, "yaml", tmp_path, append=True)

    first, second = yaml.safe_load_all(path.read_text())
    assert first == {"type": "dagster.DefsFolderComponent"}
    assert second["type"] == TYPE


def test_python_instead_of_yaml_can_be_scaffolded(tmp_path):
    scaffold_object(tmp_path / "zebbra", TYPE, None, "python", tmp_path)

    written = (tmp_path / "zebbra" / "component.py").read_text()
    assert "from zebbra_pipeline import ZebbraPipelineComponent" in written


def test_all_attributes_in_yaml_give_what_the_same_arguments_give(project, loaded):
    project.configure(CONFIGURED)

    checked = project.dg("check", "defs")

    registry = load_registry()
    same = build_definitions(
        [registry.get("gusto"), registry.get("xero")],
        connections=Connections(
            oauth_url="http://connect.example.com", service_key=dg.EnvVar("THE_SERVICE_KEY")
        ),
        warehouse=Warehouse(target="books/warehouse.duckdb", published="books/published.duckdb"),
        workspaces_per_run=20,
        schedule=RefreshSchedule(
            cron="30 4 * * 1-5",
            full_cron="15 2 * * 6",
            timezone="Europe/London",
            running=True,
        ),
        checks=Checks(stale_after_days=7),
    )
    found = described(loaded())
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert found == described(same)
    assert "quickbooks/balance_sheet" not in found["assets"]
    assert found["resources"]["connections"]["service_key"] == {"env": "THE_SERVICE_KEY"}


def test_null_leaves_schedule_and_checks_out(project, loaded):
    project.configure(f"type: {TYPE}\nattributes:\n  schedule: null\n  checks: null\n")

    found = described(loaded())

    assert found == described(build_definitions(schedule=None, checks=None))
    assert (found["schedules"], found["checks"]) == ({}, {})


def test_an_unknown_integration_is_refused_with_those_installed(project):
    project.configure(f"type: {TYPE}\nattributes:\n  integrations: [Xero, Sage]\n")

    checked = project.dg("check", "defs")

    assert checked.returncode != 0
    assert "no integration called 'Sage'; installed: Gusto, QuickBooks, Xero" in (
        checked.stdout + checked.stderr
    )


def test_a_misspelt_attribute_is_refused_where_it_stands(project):
    project.configure(f"type: {TYPE}\nattributes:\n  checks:\n    stale_after_day: 3\n")

    checked = project.dg("check", "yaml")

    assert checked.returncode != 0
    assert "stale_after_day" in checked.stdout + checked.stderr
    assert "defs.yaml:3" in checked.stdout + checked.stderr
