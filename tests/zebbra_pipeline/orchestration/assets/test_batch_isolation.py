"""One run over fourteen workspaces, six of which fail for six reasons: what each of them leaves behind."""

import json
from datetime import UTC, date, datetime

import dagster as dg
import pytest
from support.partition_status import shown
from support.stack import running_stack
from support.ticking import Ticking
from support.xero_offices import Liar, offices

from zebbra_pipeline.orchestration.assets.specs import MERGED_MODEL
from zebbra_pipeline.orchestration.automation import day_limits
from zebbra_pipeline.orchestration.partitions import (
    RANGE_END,
    RANGE_START,
    WORKSPACES,
    contiguous_ranges,
)

TODAY = date(2025, 2, 28)
KEYS = [dg.AssetKey(["xero", name]) for name in ("balance_sheet", "profit_and_loss")]
OFFICES = offices(14)
ORDER = [f"ws-{number:02}" for number in range(14)]
TENANT = {name: company.id for name, company in zip(ORDER, OFFICES, strict=True)}
DEAD_GRANT, VANISHED, NO_MORE_TODAY, DOWN, BROKEN, WRONG = FAILING = (
    *("ws-01", "ws-02", "ws-05", "ws-08", "ws-09", "ws-12"),
)
GOOD = [name for name in ORDER if name not in FAILING]
FIGURES = "SELECT * EXCLUDE (batch_id) FROM data_points WHERE workspace_id = ? ORDER BY ALL"
REPORTS = "/api.xro/2.0/Reports"


class Office:
    """Everything running, and Dagster's events of each run."""

    def __init__(self, stack, ticking, liar):
        self.stack, self.ticking, self.liar = stack, ticking, liar
        self.instance = ticking.instance

    def run(self, first=ORDER[0], last=ORDER[-1]):
        """Run a range as a backfill does; return the run and the calls by workspace."""
        control = self.stack.control()
        control.clear_calls()
        ended = self.ticking.run(
            dg.RunRequest(
                partition_key=first if first == last else None,
                tags={} if first == last else {RANGE_START: first, RANGE_END: last},
                asset_selection=KEYS,
            )
        )
        called = {call["tenant_id"] for call in control.calls("/api.xro")}
        return ended, [name for name in ORDER if TENANT[name] in called]

    def rerun_failed(self):
        """Run what the UI shows as failed; return the runs, and who was called."""
        failed = shown(self.instance, KEYS[0]).failed
        ended = [
            self.run(group[0], group[-1]) for group in contiguous_ranges(ORDER, failed, len(ORDER))
        ]
        return [run for run, _ in ended], [name for _, called in ended for name in called]

    def figures(self):
        return {name: self.stack.query(FIGURES, name) for name in ORDER}

    def break_six(self):
        control = self.stack.control()
        control.revoke_grants(TENANT[DEAD_GRANT])
        control.vanish_tenant(TENANT[VANISHED])
        control.fault(
            "day_limit",
            path="/api.xro",
            tenant_id=TENANT[NO_MORE_TODAY],
            retry_after=7200,
            times=None,
        )
        control.fault("status", path="/api.xro", tenant_id=TENANT[DOWN], status=503, times=None)
        control.fault("truncated", path=REPORTS, tenant_id=TENANT[BROKEN], times=None)
        self.liar.tenants.add(TENANT[WRONG])

    def mend(self):
        """Take all causes away but one: an organisation that has vanished does not come back."""
        self.stack.control().clear_faults()
        self.liar.tenants.clear()
        self.stack.connect(DEAD_GRANT, xero=f"Office {ORDER.index(DEAD_GRANT):02}")


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    """All have landed once; then every one of the books changes, and six workspaces break."""
    liar = Liar()
    home = tmp_path_factory.mktemp("isolation")
    sandboxes = {"xero": liar.build(OFFICES)}
    settings = {"ZEBBRA_REFRESH_MONTHS": "2"}
    with (
        running_stack(
            home, today=TODAY, history_months=2, settings=settings, sandboxes=sandboxes
        ) as stack,
        dg.DagsterInstance.ephemeral(tempdir=str(home)) as instance,
    ):
        for name, company in zip(ORDER, OFFICES, strict=True):
            stack.connect(name, xero=company.name)
        instance.add_dynamic_partitions(WORKSPACES.name, ORDER)
        running = Office(
            stack, Ticking(instance, as_of=str(TODAY), sensor=day_limits.SENSOR_NAME), liar
        )
        running.first, called = running.run()
        assert running.first.success
        assert called == ORDER
        running.before = running.figures()
        for name in ORDER:
            stack.control().post(
                "restate",
                tenant_id=TENANT[name],
                account="Advertising",
                day="2025-01-15",
                amount="12.34",
            )
        running.break_six()
        running.ended, running.called = running.run()
        running.after = running.figures()
        yield running


def materializations(office, run):
    return [
        entry.asset_materialization
        for entry in office.instance.all_logs(
            run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
        )
    ]


def failure_of(run):
    (failure,) = [event for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
    return failure.step_failure_data.user_failure_data


def observation_of(office, name):
    """What the workspace's own page says."""
    record, *_ = office.instance.fetch_observations(
        dg.AssetRecordsFilter(asset_key=KEYS[0], asset_partitions=[name]), limit=1
    ).records
    return record.asset_observation.metadata


def test_a_run_in_which_all_is_well_logs_each_workspace_once_and_a_new_version_of_it(office):
    first = materializations(office, office.first)
    second = materializations(office, office.ended)
    versions = [
        {(event.asset_key, event.partition): event.tags["dagster/data_version"] for event in events}
        for events in (first, second)
    ]

    assert len(first) == len(versions[0]) == 2 * len(ORDER)
    assert {event.metadata["zebbra/status"].value for event in first} == {"landed"}
    # By its version Dagster tells that what is downstream is stale.
    assert not [key for key, version in versions[1].items() if version == versions[0][key]]


def test_the_models_of_a_good_workspace_are_merged_in_the_same_run(office):
    job = office.ticking.definitions.resolve_implicit_global_asset_job_def()
    ended = job.execute_in_process(
        instance=office.instance,
        asset_selection=[*KEYS, MERGED_MODEL],
        partition_key="ws-00",
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )

    found = [(event.asset_key, event.partition) for event in materializations(office, ended)]
    assert sorted(found) == sorted((key, "ws-00") for key in (*KEYS, MERGED_MODEL))


def test_exactly_the_good_ones_are_materialized_once_each_with_its_own_metadata(office):
    events = materializations(office, office.ended)
    found = {(event.asset_key.path[-1], event.partition): event.metadata for event in events}

    assert len(events) == len(found) == 2 * len(GOOD)
    for name in GOOD:
        for statement in ("balance_sheet", "profit_and_loss"):
            ((rows,),) = office.stack.query(
                "SELECT count(*) FROM data_points WHERE workspace_id = ? AND statement = ?",
                name,
                statement,
            )
            facts = {key: item.value for key, item in found[statement, name].items()}
            assert facts["zebbra/tenant"] == f"Office {ORDER.index(name):02} (sandbox)"
            assert facts["dagster/row_count"] == rows > 0
            assert facts["zebbra/months"] == 2
            assert (facts["zebbra/from_month"], facts["zebbra/to_month"]) == (
                "2025-01-31",
                "2025-02-28",
            )


def test_exactly_the_others_are_shown_as_failed(office):
    for key in KEYS:
        status = shown(office.instance, key)

        assert status.failed == frozenset(FAILING)
        assert status.in_progress == frozenset()


@pytest.mark.parametrize(
    ("name", "reason", "what_to_do"),
    [
        (DEAD_GRANT, "must reconnect", "a person must connect again"),
        (VANISHED, "is no longer connected; connect it again", "a person must connect again"),
        (NO_MORE_TODAY, "a long quota is used up, come back at", "wait for the quota to reset"),
        (DOWN, "the provider is down or faulty (503)", "run it again later"),
        (
            BROKEN,
            "expected JSON, found broken or truncated JSON",
            "the integration needs a correction; no retry will help",
        ),
        (
            WRONG,
            "Total Income': expected the sum of its",
            "the integration needs a correction; no retry will help",
        ),
    ],
)
def test_each_tells_its_reason_in_the_run_and_on_its_own_page(office, name, reason, what_to_do):
    page = observation_of(office, name)
    failure = failure_of(office.ended)
    in_run = failure.metadata["zebbra/failed"].value[name]

    assert reason in in_run
    assert page["zebbra/reason"].value == in_run
    assert page["zebbra/what_to_do"].value == what_to_do
    (line,) = [
        line
        for line in failure.metadata["what happened"].value.splitlines()
        if line.startswith(f"- **{name}**: ")
    ]
    assert line.startswith(f"- **{name}**: {in_run}; *{what_to_do}*")


def test_the_run_says_which_and_why(office):
    failure = failure_of(office.ended)

    assert not office.ended.success
    first, *reasons = failure.description.splitlines()
    assert first == (
        "6 of 14 workspaces failed (ws-01, ws-02, ws-05, ws-08, ws-09, ws-12), for 6 reasons:"
    )
    said = failure.metadata["zebbra/failed"].value
    assert sorted(reasons) == [f"- {name}: {said[name]}" for name in FAILING]
    assert list(failure.metadata["zebbra/failed"].value) == list(FAILING)


@pytest.mark.parametrize("name", [DEAD_GRANT, VANISHED])
def test_whoever_can_mend_it_gets_the_link_in_markdown(office, name):
    failure = failure_of(office.ended)
    links = failure.metadata["zebbra/connect_links"].value
    page = observation_of(office, name)["zebbra/connect"]
    markdown = (
        f"[{name}: open the connect page]({links[name]}) "
        f"(for 30 minutes; then: `zebbra connect {name}`)"
    )

    assert sorted(links) == [DEAD_GRANT, VANISHED]
    assert links[name].startswith(f"{office.stack.oauth_url}/connect?session=")
    assert markdown in failure.metadata["what happened"].value
    assert (type(page), page.value) == (dg.MarkdownMetadataValue, markdown)
    assert list(observation_of(office, name))[:2] == ["zebbra/reason", "zebbra/connect"]
    assert observation_of(office, name)["zebbra/connection"].value == (
        f"[operator's page]({office.stack.oauth_url}/admin/connections/{name}/xero)"
    )


def test_the_good_ones_have_new_figures_and_the_failed_ones_all_of_their_old_ones(office):
    changed = [name for name in ORDER if office.after[name] != office.before[name]]

    assert changed == GOOD
    assert all(len(office.after[name]) == len(office.before[name]) > 0 for name in ORDER)
    landed = office.stack.query(
        "SELECT workspace_id FROM batches WHERE run_id = ? ORDER BY 1", office.ended.run_id
    )
    assert [name for (name,) in landed] == GOOD


def test_who_met_the_day_limit_is_put_off_and_asked_for_again_after_the_reset(office, monkeypatch):
    tags = office.instance.get_run_by_id(office.ended.run_id).tags
    put_off = json.loads(tags["zebbra/come_back.xero"])
    ((at, names),) = put_off["at"].items()
    page = observation_of(office, NO_MORE_TODAY)
    early = office.ticking.evaluate()
    monkeypatch.setattr(day_limits, "utc_now", lambda: datetime.fromisoformat(at))
    (request,) = office.ticking.evaluate().run_requests

    assert names == [NO_MORE_TODAY]
    assert page["zebbra/status"].value == "put off"
    assert observation_of(office, DOWN)["zebbra/status"].value == "failed"
    reset = datetime.fromtimestamp(page["zebbra/come_back_at"].value, UTC)
    assert 0 < (datetime.fromisoformat(at) - reset).total_seconds() <= 60
    assert early.run_requests == []
    assert request.partition_key == NO_MORE_TODAY
    assert sorted(request.asset_selection) == KEYS


def test_a_rerun_of_the_failed_ones_touches_them_alone_and_mended_they_succeed(office):
    assert office.called == ORDER
    runs, called = office.rerun_failed()

    assert len(runs) == 4  # one for each range of neighbours
    assert not any(run.success for run in runs)
    assert called == [name for name in FAILING if name != DEAD_GRANT]  # it is known to be dead
    assert shown(office.instance, KEYS[0]).failed == frozenset(FAILING)
    assert office.figures() == office.after

    office.mend()
    runs, called = office.rerun_failed()

    assert called == list(FAILING)
    assert [run.success for run in runs] == [False, True, True, True]
    assert list(failure_of(runs[0]).metadata["zebbra/failed"].value) == [VANISHED]
    for key in KEYS:
        assert shown(office.instance, key).failed == {VANISHED}
    mended = office.figures()
    assert [name for name in ORDER if mended[name] == office.before[name]] == [VANISHED]
