"""The product's definitions, and a client whose seconds are shorter."""

import dagster as dg

from benchmarks.scale.clocks import FastTiming
from benchmarks.scale.options import Options
from integrations.runtime.http import HttpSession
from integrations.xero import PLUGIN
from zebbra_pipeline.orchestration.building import RefreshSchedule, build_definitions
from zebbra_pipeline.orchestration.resources import Connections


class FastConnections(Connections):
    """The product's connections, fetched by a session with other clocks."""

    time_scale: float

    def session(self) -> HttpSession:
        return HttpSession(timing=FastTiming(self.time_scale))


def definitions(options: Options, refresh_cron: str) -> dg.Definitions:
    """
    Return what is run.

    Args:
        options: What is measured.
        refresh_cron: When the daily refresh is due, in UTC.
    """
    return build_definitions(
        [PLUGIN],
        connections=FastConnections(as_of=options.today.isoformat(), time_scale=options.time_scale),
        workspaces_per_run=options.batch,
        schedule=RefreshSchedule(cron=refresh_cron, full_cron="", timezone="UTC"),
    )
