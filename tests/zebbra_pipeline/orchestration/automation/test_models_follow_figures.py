import json
from datetime import date
from decimal import Decimal

import dagster as dg
import pytest
from support.stack import books_of, running_stack

from zebbra_pipeline.cli.demo.command import write_demo_models
from zebbra_pipeline.orchestration.assets import integration
from zebbra_pipeline.orchestration.building import build_definitions
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES
from zebbra_pipeline.orchestration.resources import Connections
from zebbra_pipeline.warehouse import WriteSession

TODAY = date(2025, 2, 28)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
SUCCEEDED, FAILED = "models_follow_figures", "models_follow_figures_after_failures"


@pytest.fixture
def instance(tmp_path):
    home = tmp_path / "dagster"
    home.mkdir()
    with dg.instance_for_test(temp_dir=str(home)) as opened:
        opened.add_dynamic_partitions(WORKSPACES.name, ["acme", "globex"])
        yield opened


def run(definitions, instance, job, **where):
    return definitions.resolve_job_def(job).execute_in_process(
        instance=instance, raise_on_error=False, run_config=QUIET, **where
    )


def follow(definitions, instance, name, ended):
    """Hand a run that has ended to the sensor that watches its status."""
    context = dg.build_run_status_sensor_context(
        sensor_name=name,
        dagster_event=ended.all_events[-1],
        dagster_instance=instance,
        dagster_run=instance.get_run_by_id(ended.run_id),  # with the tags that it has given itself
    )
    return definitions.get_repository_def().get_sensor_def(name)(context)


def test_workspaces_that_were_fetched_are_merged_although_another_ones_grant_is_dead(
    instance, tmp_path
):
    tags = {RANGE_START: "acme", RANGE_END: "globex"}
    with running_stack(tmp_path / "stack", today=TODAY) as stack:
        stack.connect("acme", xero="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        list(write_demo_models(stack.settings.models, date(2024, 3, 31)))
        stack.control().fault("status", path="/api.xro/2.0/Organisation", status=403)
        definitions = build_definitions(connections=Connections(as_of=TODAY.isoformat()))

        fetched = run(definitions, instance, "refresh_figures", tags=tags)
        request = follow(definitions, instance, FAILED, fetched)
        merged = run(definitions, instance, "refresh_models", tags=dict(request.tags))

        landed = stack.query("SELECT DISTINCT workspace_id FROM batches")
        models = stack.query("SELECT workspace_id, rows_resolved > 0 FROM models ORDER BY 1")
    assert not fetched.success
    assert len(landed) == 1
    assert request.run_key == fetched.run_id
    assert merged.success
    assert models == [("acme", landed == [("acme",)]), ("globex", landed == [("globex",)])]


@pytest.fixture
def fetching(instance, tmp_path):
    """Return the running services, and functions that fetch both workspaces and follow that."""
    tags = {RANGE_START: "acme", RANGE_END: "globex"}
    with running_stack(tmp_path / "stack", today=TODAY, history_months=2) as stack:
        stack.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
        stack.connect("globex", xero="Globex")
        list(write_demo_models(stack.settings.models, date(2024, 3, 31)))
        definitions = build_definitions(connections=Connections(as_of=TODAY.isoformat()))

        def refresh(expected=SUCCEEDED):
            ended = run(definitions, instance, "refresh_figures", tags=tags)
            assert ended.success is (expected == SUCCEEDED)
            return follow(definitions, instance, expected, ended)

        def merge(request):
            ended = definitions.resolve_job_def("refresh_models").execute_in_process(
                instance=instance, run_config=QUIET | dict(request.run_config), tags=request.tags
            )
            assert ended.success
            events = ended.get_asset_materialization_events()
            return sorted(str(event.materialization.partition) for event in events)

        yield stack, refresh, merge


def test_only_what_has_changed_is_merged_and_the_others_keep_their_materialization(
    fetching, instance
):
    stack, refresh, merge = fetching
    asset = dg.AssetKey(["merged_model"])
    assert merge(refresh()) == ["acme", "globex"]

    quiet = refresh()
    stack.control().post(
        "rename_account",
        tenant_id=books_of("Globex", TODAY).company.id,
        account="469",
        name="Another name",
    )
    renamed = refresh()

    assert isinstance(quiet, dg.SkipReason)
    assert quiet.skip_message.endswith(": no figure has changed")
    assert renamed.run_config["ops"]["merge_models"]["config"] == {"workspaces": ["globex"]}
    assert merge(renamed) == ["globex"]
    assert instance.get_materialized_partitions(asset) == {"acme", "globex"}


def test_a_changed_model_document_is_merged_without_a_changed_figure(fetching):
    stack, refresh, merge = fetching
    merge(refresh())
    (path, *_) = sorted((stack.settings.models / "acme").glob("*.json"))
    path.write_text(path.read_text() + "\n")

    request = refresh()

    assert dict(request.tags) == {RANGE_START: "acme", RANGE_END: "acme"}
    assert merge(request) == ["acme"]
    assert isinstance(refresh(), dg.SkipReason)


def of_models(request):
    return request.run_config["ops"]["merge_models"]["config"]["workspaces"]


def test_figures_that_landed_in_a_run_that_could_not_tell_are_merged_by_the_next(
    fetching, monkeypatch
):
    stack, refresh, merge = fetching
    merge(refresh())
    rent = """
        SELECT value FROM model_values WHERE workspace_id = 'globex' AND row_name = 'Rent [HQ]'
            AND month = DATE '2025-01-31'
    """
    ((before,),) = stack.query(rent)
    stack.control().post(
        "restate",
        tenant_id=books_of("Globex", TODAY).company.id,
        account="469",
        day="2025-01-15",
        amount="12.34",
    )
    log = integration.log_outcome

    def log_outcome(context, outcome, **options):
        if outcome.workspace_id == "globex":  # its figures have landed
            raise OSError("the event log is full")
        log(context, outcome, **options)

    with monkeypatch.context() as broken:
        broken.setattr(integration, "log_outcome", log_outcome)
        lost = refresh(FAILED)
    assert isinstance(lost, dg.SkipReason)

    again = refresh()

    assert of_models(again) == ["globex"]
    ((restated, landed_by),) = stack.query(
        """
        SELECT new_value - old_value, run_id FROM restatements JOIN batches
            ON batches.batch_id = new_batch_id
        WHERE restatements.workspace_id = 'globex' AND endpoint = 'Rent [HQ]'
        """
    )
    assert restated == Decimal("12.34")
    assert lost.skip_message == f"run {landed_by}: no figure has changed"
    assert stack.query(rent) == [(before,)]
    assert merge(again) == ["globex"]
    assert stack.query(rent) == [(before + Decimal("12.34"),)]
    assert isinstance(refresh(), dg.SkipReason)


def test_people_that_landed_beside_a_refused_payroll_are_merged(fetching, monkeypatch):
    stack, refresh, merge = fetching
    land_employees = WriteSession.land_employees

    def land_nobody(self, workspace_id, name, tenant, _employees, **facts):
        return land_employees(self, workspace_id, name, tenant, [], **facts)

    def land_payroll_costs(*_, **__):
        raise ValueError("gross_pay: too many digits")

    def people():
        ((text,),) = stack.query("SELECT document FROM models WHERE workspace_id = 'acme'")
        found = json.loads(text)["payroll"]["employees"]
        return sum(person.get("from_integration", False) for person in found)

    with monkeypatch.context() as before_hiring:
        before_hiring.setattr(WriteSession, "land_employees", land_nobody)
        merge(refresh())
    assert people() == 0
    with monkeypatch.context() as refusing:
        refusing.setattr(WriteSession, "land_payroll_costs", land_payroll_costs)
        request = refresh(FAILED)

    assert of_models(request) == ["acme"]
    assert merge(request) == ["acme"]
    ((spells,),) = stack.query(
        "SELECT count(*) FROM employees WHERE coalesce(end_date >= DATE '2024-03-01', true)"
    )
    assert people() == spells > 0


def test_a_merge_that_somebody_asks_for_merges_whatever_has_not_changed(fetching, instance):
    _, refresh, merge = fetching
    merge(refresh())

    by_hand = dg.RunRequest(tags={RANGE_START: "acme", RANGE_END: "globex"})

    assert merge(by_hand) == ["acme", "globex"]


def test_only_runs_that_fetch_are_followed():
    repository = build_definitions().get_repository_def()

    for name in (SUCCEEDED, FAILED):
        sensor = repository.get_sensor_def(name)
        assert sensor.job_name == "refresh_models"
        assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
