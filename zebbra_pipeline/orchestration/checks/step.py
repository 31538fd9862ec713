"""The checks that a step logs itself, right after it has fetched and landed its workspaces."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import dagster as dg

from integrations.contracts import IntegrationPlugin, PayloadError
from zebbra_pipeline.orchestration.checks.findings import PROVEN, Finding, refused
from zebbra_pipeline.orchestration.checks.freshness import (
    Freshness,
    freshness_by_asset,
    log_freshness,
    planned_freshness,
)
from zebbra_pipeline.orchestration.checks.specs import Checks
from zebbra_pipeline.orchestration.checks.workspaces import Rows, find, listed, log_findings
from zebbra_pipeline.orchestration.resources import Connections
from zebbra_pipeline.outcomes import Failed, Landed, NotConnected, Outcome

if TYPE_CHECKING:
    from zebbra_pipeline.warehouse import ReadSession


@dataclass(slots=True)
class StepChecks:
    """
    The checks of all workspaces that a step was run for.

    Of one that failed as far as that says something; one that has never connected the
    integration has none. `workspaces_are_fresh` is included where a step that fails has it
    planned: Dagster then runs no step of its own for it, and shows what was planned as failed.
    """

    context: dg.AssetExecutionContext
    plugin: IntegrationPlugin
    checks: Checks
    connections: Connections
    failures: dict[str, Failed]
    held: list[str]
    rows: Rows | None
    fresh_keys: list[dg.AssetKey]
    findings: dict[dg.AssetKey, list[Finding]] = field(default_factory=dict)
    freshness: dict[dg.AssetKey, Freshness] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        context: dg.AssetExecutionContext,
        plugin: IntegrationPlugin,
        checks: Checks,
        outcomes: Sequence[Outcome],
        connections: Connections,
    ) -> "StepChecks | None":
        """
        Prepare the checks of a step; None where there is nothing to check.

        The OAuth service is asked once for the state of the connections.

        Args:
            context: Of the step, its materializations logged.
            plugin: The integration.
            checks: What the figures are held to.
            outcomes: Of its workspaces.
            connections: Asked for the state of the connections.
        """
        failures = {item.workspace_id: item for item in outcomes if isinstance(item, Failed)}
        held = [
            item.workspace_id
            for item in outcomes
            if isinstance(item, Landed) or (isinstance(item, NotConnected) and item.kept)
        ]
        if not held and not failures:
            return None
        fresh_keys = planned_freshness(context) if failures else []
        involved = [*held, *failures]
        only = involved[0] if len(involved) == 1 and not fresh_keys else None
        rows = listed(connections, plugin, context.log.warning, workspace_id=only)
        return cls(context, plugin, checks, connections, failures, held, rows, fresh_keys)

    def find(self, session: "ReadSession") -> None:
        """
        Evaluate the checks against the published copy.

        Raises:
            WarehouseError: If the published copy cannot be read.
        """
        self.findings = find(
            session,
            self.plugin,
            self.checks,
            [*self.held, *self.failures],
            rows=self.rows,
            connections=self.connections,
            links={workspace: item.connect_url for workspace, item in self.failures.items()},
        )
        self.freshness = freshness_by_asset(
            session,
            self.plugin,
            self.fresh_keys,
            self.checks.stale_after_days,
            today=self.connections.today(),
            rows=self.rows,
        )

    def log(self) -> None:
        """Log the results, each for the newest materialization of its workspace."""
        refusals = {
            workspace: item
            for workspace, item in self.failures.items()
            if isinstance(item.error, PayloadError)
        }
        for key in sorted(self.context.selected_asset_keys):
            findings = [
                item
                for item in self.findings[key]
                if item.check != PROVEN or item.workspace_id not in refusals
            ]
            findings += [refused(workspace, item.reason) for workspace, item in refusals.items()]
            log_findings(self.context, key, findings, self.checks)
        for key, state in self.freshness.items():
            days = self.checks.stale_after_days
            log_freshness(self.context, self.plugin, key, state, days, self.rows)
