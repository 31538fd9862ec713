"""What is looked at after each phase."""

import dagster as dg

from benchmarks.scale.figures import compare
from benchmarks.scale.options import Options
from benchmarks.scale.report import Report
from benchmarks.scale.shown import problems_shown
from benchmarks.scale.world import Phase, World
from integrations.contracts import month_ends, months_back
from integrations.runtime.settings import Settings


def check(
    report: Report,
    options: Options,
    world: World,
    settings: Settings,
    instance: dg.DagsterInstance,
    phase: Phase,
) -> None:
    """Compare what is shown and what has landed with what was to happen in *phase*."""
    months = month_ends(months_back(options.today, settings.history_months), options.today)
    compared = compare(
        world,
        settings.published,
        phase,
        months,
        options.today,
        models=phase is Phase.REFRESH,
    )
    shown = problems_shown(instance, world, phase)
    report.wrong += [f"after the {phase.value}: {line}" for line in (*compared.wrong, *shown)]
    report.note(
        f"checked after the {phase.value}",
        workspaces_with_figures=len(world.landing(phase)),
        workspaces_that_failed_with_their_reason=len(world.failing(phase)),
        figures_equal_to_the_books=compared.figures,
        model_months_equal_to_the_books=compared.model_values,
    )
