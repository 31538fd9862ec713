"""The scale test on a tiny world and in one process, so that it can be trusted when it is run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from support.oauth_rig import free_port

from benchmarks.scale.calls import asked
from benchmarks.scale.checking import check
from benchmarks.scale.connecting import connect_all
from benchmarks.scale.definitions import definitions
from benchmarks.scale.figures import compare
from benchmarks.scale.models import write_models
from benchmarks.scale.options import Options
from benchmarks.scale.report import Report
from benchmarks.scale.sandbox import emulator
from benchmarks.scale.troubles import befall, mend, restate
from benchmarks.scale.world import Phase, World, build_world
from integrations.contracts import month_ends, months_back
from integrations.runtime.registry import load_registry
from integrations.runtime.settings import Settings, load_settings
from integrations.sandbox_kit import SandboxControl, sandbox_app, serve_in_thread
from integrations.xero import PLUGIN
from oauth_service import create_app
from zebbra_pipeline.cli.sandboxes import sandbox_environment
from zebbra_pipeline.orchestration.automation.following import FOLLOWING_JOB
from zebbra_pipeline.orchestration.automation.schedules import REFRESH_JOB
from zebbra_pipeline.orchestration.partitions import RANGE_END, RANGE_START, WORKSPACES

# Eight of the twelve fail: each trouble from the beginning, and each that comes later.
pytestmark = pytest.mark.slow  # each test goes on where the one before it ended
OPTIONS = Options(12, batch=12, time_scale=60.0, failing=67.0, today=date(2025, 2, 28))
FIGURES_OF_ONE = (36 + 3) * 24  # accounts, earnings, Net Profit and Net Assets of 24 months
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass
class Tiny:
    world: World
    settings: Settings
    control: SandboxControl
    instance: dg.DagsterInstance
    definitions: dg.Definitions

    def run(self, job: str) -> None:
        ids = [item.id for item in self.world.workspaces]
        self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            raise_on_error=False,
            tags={RANGE_START: ids[0], RANGE_END: ids[-1]},
            run_config=QUIET,
        )

    def checked(self, phase: Phase) -> Report:
        report = Report()
        check(report, OPTIONS, self.world, self.settings, self.instance, phase)
        return report


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tiny]:
    home, world, port = tmp_path_factory.mktemp("scale"), build_world(OPTIONS), free_port()
    sandbox = sandbox_app({"xero": lambda context: emulator(OPTIONS, context)}, today=OPTIONS.today)
    with (
        serve_in_thread(sandbox) as url,
        pytest.MonkeyPatch.context() as patch,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        environ = {
            **sandbox_environment([PLUGIN], url),
            "ZEBBRA_HOME": str(home),
            "ZEBBRA_OAUTH_URL": f"http://localhost:{port}",
        }
        for name, value in environ.items():
            patch.setenv(name, value)
        settings = load_settings()
        with serve_in_thread(create_app(settings, load_registry()), port=port):
            connect_all(world, settings)
            first = months_back(OPTIONS.today, settings.history_months)
            write_models(world, settings.models, first)
            instance.add_dynamic_partitions(
                str(WORKSPACES.name), [item.id for item in world.workspaces]
            )
            control = SandboxControl(f"{url}/xero")
            yield Tiny(world, settings, control, instance, definitions(OPTIONS, "0 6 * * *"))


def test_a_backfill_lands_the_good_ones_and_shows_why_the_others_failed(tiny: Tiny) -> None:
    befall(tiny.control, tiny.world, Phase.BACKFILL)
    tiny.run(REFRESH_JOB)

    report = tiny.checked(Phase.BACKFILL)

    assert report.wrong == []
    assert report.sections["checked after the backfill"] == {
        "workspaces_with_figures": 8,
        "workspaces_that_failed_with_their_reason": 4,
        "figures_equal_to_the_books": 8 * FIGURES_OF_ONE,
        "model_months_equal_to_the_books": 0,
    }


def test_the_refresh_brings_what_changed_and_keeps_the_old_figures_of_who_fails(tiny: Tiny) -> None:
    mend(tiny.control, tiny.world)
    befall(tiny.control, tiny.world, Phase.REFRESH)
    restate(tiny.control, tiny.world, OPTIONS.today)
    tiny.run(REFRESH_JOB)
    tiny.run(FOLLOWING_JOB)

    report = tiny.checked(Phase.REFRESH)

    assert report.wrong == []
    assert report.sections["checked after the refresh"] == {
        "workspaces_with_figures": 9,
        "workspaces_that_failed_with_their_reason": 7,
        "figures_equal_to_the_books": 9 * FIGURES_OF_ONE,
        "model_months_equal_to_the_books": 9 * 4 * 24,
    }


def test_calls_are_those_that_were_planned_and_none_goes_over_a_limit(tiny: Tiny) -> None:
    counted = asked(tiny.control, tiny.world, tiny.settings, OPTIONS.today)

    assert counted.wrong == []
    assert (counted.throttled, counted.put_off) == (0, 3)  # one of two days, the other of one
    assert counted.median == 9


def test_a_figure_that_is_not_in_the_books_is_found(tiny: Tiny) -> None:
    months = month_ends(months_back(OPTIONS.today, 24), OPTIONS.today)
    published = Path(tiny.settings.published)

    found = compare(tiny.world, published, Phase.BACKFILL, months, OPTIONS.today, models=False)

    restated = [item.id for item in tiny.world.workspaces if item.restated and not item.trouble]
    assert len(restated) == 1
    assert [line.partition(":")[0] for line in found.wrong if "another value" in line] == restated
