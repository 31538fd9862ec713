"""A setting that is wrong fails a run over fifty workspaces once, by its name."""

from datetime import date

import dagster as dg
import pytest
from support.stack import running_stack
from support.ticking import Ticking

from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES

TODAY = date(2025, 2, 28)
ORDER = [f"ws-{number:02}" for number in range(50)]
KEY = dg.AssetKey(["xero", "profit_and_loss"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    """Everything running; nobody has to be connected, as nobody's turn comes."""
    with running_stack(tmp_path_factory.mktemp("faults"), today=TODAY) as running:
        yield running


@pytest.fixture
def failure(tmp_path, stack):
    """Return a function that runs all workspaces; it returns the run's only failure."""
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        instance.add_dynamic_partitions(WORKSPACES.name, ORDER)
        ticking = Ticking(instance, as_of=str(TODAY))

        def run():
            stack.control().clear_calls()
            ended = ticking.run(
                dg.RunRequest(
                    tags={RANGE_START: ORDER[0], RANGE_END: ORDER[-1]}, asset_selection=[KEY]
                )
            )
            assert stack.control().calls() == []
            observed = instance.fetch_observations(KEY, limit=1).records
            assert observed == []  # fifty pages that repeat what the run says
            (event,) = [item for item in ended.all_events if item.is_step_failure]
            return event.step_failure_data.user_failure_data

        yield run


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "XERO_API_BASE_URL",
            "api.xero.example",
            "XERO_API_BASE_URL: expected a URL such as 'https://host.example/', found other text",
        ),
        (
            "ZEBBRA_HISTORY_MONTHS",
            "0",
            "ZEBBRA_HISTORY_MONTHS: expected a whole number from 1 to 120, found '0'",
        ),
    ],
)
def test_a_malformed_setting_is_all_that_the_failure_says(failure, monkeypatch, name, value, told):
    monkeypatch.setenv(name, value)

    found = failure()

    assert found.description == told
    assert found.metadata == {}


def test_a_refused_service_key_is_told_once_for_all(stack, failure, monkeypatch):
    monkeypatch.setenv("ZEBBRA_SERVICE_KEY", "another-key-of-some-other-service-of-ours")

    found = failure()

    reason = (
        f"the OAuth service at {stack.oauth_url} refuses our service key; ZEBBRA_SERVICE_KEY "
        "(or service.key in ZEBBRA_HOME) must be the same for both"
    )
    named = ", ".join(ORDER[:20])
    assert found.description == f"50 of 50 workspaces failed ({named} and 30 more): {reason}"
    as_text = reason.replace(stack.oauth_url, f"`{stack.oauth_url}`")  # no link in markdown
    assert found.metadata["what happened"].value == (
        f"- **{named} and 30 more**: {as_text}; *the operator must change a setting*"
    )
