"""Names in what Dagster's UI shows: markdown shows them as text, and other text has no controls."""

import json
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from support.connection_rows import NOW, row
from support.merge_models import a_model, a_row
from support.names import FEW, Rendered, is_printable, names, squeezed
from support.stack import Stack, running_stack
from support.warehouse import FEB, JAN, account, at, land, pull, total, warehouse_in, writing
from typer.testing import CliRunner

from integrations.contracts import (
    Employee,
    IntegrationError,
    JobSpell,
    LineKind,
    PayloadError,
    ReconnectRequiredError,
    Statement,
    Tenant,
)
from integrations.contracts.display import printable
from integrations.sandbox_kit.books_chart import make_company
from integrations.xero.sandbox import build_sandbox
from zebbra_pipeline.cli.app import app
from zebbra_pipeline.cli.context import out
from zebbra_pipeline.ingest.batches import FetchedStatements
from zebbra_pipeline.merge.workspaces import merge_workspaces
from zebbra_pipeline.orchestration.checks.findings import connection, refused
from zebbra_pipeline.orchestration.checks.stale import Stale, table
from zebbra_pipeline.orchestration.checks.workspaces import _evaluation
from zebbra_pipeline.orchestration.dagster_home import open_instance
from zebbra_pipeline.orchestration.metadata import keys
from zebbra_pipeline.orchestration.metadata.events import _failure, failure_of
from zebbra_pipeline.orchestration.metadata.facts import as_metadata, facts_of, reason_of
from zebbra_pipeline.outcomes import Failed, Landed, LandedEmployees, Merged, Origin

KEY = dg.AssetKey(["xero", "profit_and_loss"])
OURS = ("http://localhost:8765/", "https://xero.example/", "data:image/svg+xml,")
INERT = {"paragraph", "inline", "text", "code_inline", "strong", "em", "link", "image", "softbreak"}
INERT |= {"table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item"}
TODAY = date(2025, 2, 28)
PAGE = "http://localhost:8765/admin/connections/acme/xero"


def check(facts: dict[str, dg.MetadataValue]) -> dict[str, str]:
    """Hold that nothing in *facts* acts; return what is visible of each."""
    shown = {}
    for key, value in facts.items():
        if not isinstance(value, dg.MarkdownMetadataValue):
            assert is_printable(str(getattr(value, "value", value))), key
            shown[key] = str(getattr(value, "value", value))
            continue
        rendered = Rendered(value.value)
        assert rendered.kinds <= INERT, key
        assert all(url.startswith(OURS) for url in rendered.urls), key
        assert is_printable(value.value), key
        shown[key] = rendered.text
    return shown


def normalized(metadata: dict[str, object]) -> dict[str, dg.MetadataValue]:
    event = dg.AssetMaterialization(KEY, metadata=as_metadata(dict(metadata)))
    return dict(event.metadata)


def origin(name: str) -> Origin:
    return Origin("acme", "xero", Tenant("org-1", name), at(FEB), 2, None, None, 1.0)


@FEW
@given(name=names)
def test_a_statement_shows_its_names_as_text(tmp_path_factory, name):
    lines = [
        account("1", name, "1.00", "2.00", section=(name,)),
        total(f"Total {name}", "1.00", "2.00", section=(name,)),
        total(name, "1.00", "2.00", section=(), kind=LineKind.COMPUTED_TOTAL),
    ]
    batch = pull([JAN, FEB], *lines).model_copy(
        update={"report_urls": {Statement.PROFIT_AND_LOSS: f"https://xero.example/{name}"}}
    )
    with writing(tmp_path_factory.mktemp("names")) as session:
        landed = FetchedStatements(origin(name), batch).land(session, "run-1")
    shown = check(normalized(facts_of(landed, "profit_and_loss", page=PAGE)))

    assert shown["zebbra/tenant"] == printable(name)
    assert squeezed(printable(f"Total {name}")) in shown["zebbra/totals_by_month"]
    assert shown["zebbra/chart"].count(squeezed(printable(name))) >= 2  # its title and its image
    assert shown["zebbra/report"] == "profit and loss at Xero"
    assert printable(landed.summary).startswith(printable(name))


@FEW
@given(name=names)
def test_people_show_their_departments_as_text(name):
    spell = JobSpell(
        title=name,
        department=name,
        start_date=JAN,
        end_date=None,
        monthly_salary=1,
        currency="USD",
    )
    people = (Employee(employee_id="1", name=name, spells=(spell,)),)
    employees = LandedEmployees(people, JAN, rows=1, changed=True, batch_id="b1")
    landed = Landed(origin(name), {"employees": employees}, "landed")
    shown = check(normalized(facts_of(landed, "employees", page=PAGE)))

    assert squeezed(printable(name)) in shown["zebbra/people_by_month"]


@FEW
@given(name=names)
def test_a_merged_model_shows_its_rows_as_text(tmp_path_factory, name):
    home: Path = tmp_path_factory.mktemp("names")
    models = home / "models" / "acme"
    models.mkdir(parents=True)
    rows = [a_row("1", f"Xero[{name} is not there]", name=name)]
    (models / "plan.json").write_text(json.dumps(a_model(rows, name=name)))
    with warehouse_in(home).write("test") as session:
        land(session, pull([JAN], account("1", name, "1.00")))
    outcomes = merge_workspaces(
        ["acme"], models=models.parent, warehouse=warehouse_in(home), today=JAN
    )
    (done,) = outcomes
    assert isinstance(done, Merged)
    shown = check(normalized(facts_of(done, "merged_model")))

    assert squeezed(printable(name)) in shown["zebbra/notes"]


@FEW
@given(name=names)
def test_failures_show_their_reasons_as_text(name):
    link = "http://localhost:8765/connect?session=x"
    failed = [
        Failed("acme", ReconnectRequiredError(name, connect_url=link)),
        Failed("_globex_", PayloadError(f"{name} again")),
    ]
    for each in (failed, failed[:1]):
        failure = _failure(each, 2)
        shown = check(dict(failure.metadata))

        assert is_printable(failure.description)
        for item in each:
            assert item.reason == printable(" ".join(str(item.error).split()))
            assert squeezed(item.reason) in shown["what happened"]
            assert item.reason in failure.description  # which the UI shows as it is
    check(normalized(reason_of(failed[0], page=PAGE)))
    assert failure.metadata[keys.FAILED].value == {"acme": failed[0].reason}
    assert (
        failure_of(IntegrationError(name)).description
        == failure.description.partition("failed (acme): ")[2]
    )


@FEW
@given(name=names)
def test_checks_show_what_they_found_as_text(name):
    dead = row("acme", "requires_reconnect", reason=name)
    link = "http://localhost:8765/connect?session=x"
    for finding in (
        connection(dead, name="Xero", now=NOW, link=link),
        refused("acme", Failed("acme", PayloadError(name)).reason),
    ):
        event = _evaluation(KEY, finding, None)
        described = Rendered(event.description)

        check(dict(event.metadata))
        assert described.is_inert
        assert is_printable(event.description)
    stale = Stale("acme", "Xero", KEY, None, 9, why=f"failing: {name}")
    (record,) = table([stale]).records
    assert record.data["why"] == printable(f"failing: {name}")


COMPANIES = tuple(
    make_company(name)
    for name in (
        "Acme [/b]",
        "consulting",
        "![x](https://evil.example/x.png) <img src=x>|",
        "\x1b[2J\u202eforged\r\nINFO line",
    )
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    builder = {"xero": partial(build_sandbox, companies=COMPANIES)}
    with running_stack(
        tmp_path_factory.mktemp("names"), today=TODAY, sandboxes=builder, history_months=3
    ) as running:
        yield running


def test_a_run_over_organisations_with_such_names(stack, monkeypatch):
    """From the provider's answer to the OAuth service, the warehouse, Dagster and the commands."""
    for number, company in enumerate(COMPANIES):
        stack.connect(f"ws{number}", xero=company.name)
    monkeypatch.setattr(out._console, "_width", 10_000)
    runner = CliRunner()
    refreshed = runner.invoke(app, ["refresh", "--all", "--as-of", str(TODAY)])
    listed = runner.invoke(app, ["connections"])

    assert refreshed.exit_code == listed.exit_code == 0, refreshed.output
    assert f"{len(COMPANIES)} of {len(COMPANIES)} workspaces refreshed" in refreshed.output
    assert is_printable(refreshed.output)
    assert is_printable(listed.output)
    for number, company in enumerate(COMPANIES):
        assert (company.name,) in stack.query(
            "SELECT tenant_name FROM batches WHERE workspace_id = ?", f"ws{number}"
        )
        assert printable(company.name) in listed.output
        assert f": {printable(company.name)}, " in refreshed.output
    with open_instance(stack.settings.dagster_home) as instance:
        records = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=KEY), limit=9)
    found = [dict(record.asset_materialization.metadata) for record in records.records]
    assert {facts["zebbra/tenant"].value for facts in found} == {
        printable(company.name) for company in COMPANIES
    }
    for facts in found:
        for value in facts.values():
            if isinstance(value, dg.MarkdownMetadataValue):
                rendered = Rendered(value.value)
                assert rendered.kinds <= INERT
                assert "evil" not in str(rendered.urls)
