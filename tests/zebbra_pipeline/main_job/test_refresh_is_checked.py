"""After `zebbra refresh`, Dagster shows what the checks of each workspace say, not "missing"."""

import dagster as dg
from support.check_status import shown

from zebbra_pipeline.orchestration.checks.findings import COMPLETE, CONNECTION, FRESH, PROVEN
from zebbra_pipeline.orchestration.dagster_home import open_instance

CHECKS = (FRESH, COMPLETE, PROVEN, CONNECTION)


def test_what_zebbra_refresh_lands_is_checked_each_time(fresh):
    fresh.connect("acme", xero="Acme Trading Inc", gusto="Acme Trading Inc")
    fresh.connect("globex", xero="Globex")
    for _ in range(2):
        result = fresh.refresh(acme="xero gusto", globex="xero")
        assert result.failures == {}

        with open_instance(fresh.settings.dagster_home) as instance:
            found = {
                (slug, name, check): shown(instance, dg.AssetKey([slug, name]), check)
                for slug, name in (("xero", "profit_and_loss"), ("gusto", "payroll_costs"))
                for check in CHECKS
            }
        assert found == {
            ("xero", "profit_and_loss", check): {"acme": True, "globex": True} for check in CHECKS
        } | {("gusto", "payroll_costs", check): {"acme": True} for check in CHECKS}
