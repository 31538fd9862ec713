"""`ZebbraPipelineComponent`: `build_definitions`, configured in a project's `defs.yaml`."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import dagster as dg
from dagster.components import scaffold_component
from pydantic import ConfigDict, Field, field_validator

from integrations.contracts import IntegrationPlugin
from integrations.runtime.registry import load_registry
from zebbra_pipeline.orchestration.building import Checks, RefreshSchedule, build_definitions
from zebbra_pipeline.orchestration.resources import Connections, Warehouse

_DEFS_YAML = """\
type: {type_name}

# Everything may be left out; what is shown is the default.
attributes:
  # integrations: [Xero, Gusto]   # all that are installed
  # workspaces_per_run: 50        # the setting ZEBBRA_WORKSPACES_PER_RUN

  # connections:                  # the settings ZEBBRA_OAUTH_URL and ZEBBRA_SERVICE_KEY
  #   oauth_url: http://localhost:8765
  #   service_key: "{{{{ env.ZEBBRA_SERVICE_KEY }}}}"

  # warehouse:                    # the settings ZEBBRA_WAREHOUSE and ZEBBRA_PUBLISHED
  #   target: .zebbra/warehouse.duckdb
  #   published: .zebbra/published.duckdb

  schedule:                       # null: none
    # cron: "0 6 * * *"           # the setting ZEBBRA_REFRESH_CRON
    # full_cron: "0 3 * * 0"      # the setting ZEBBRA_FULL_CRON: the whole history; "": never
    # check_cron: "30 7 * * *"    # the setting ZEBBRA_CHECK_CRON: no provider call; "": never
    # timezone: UTC               # the setting ZEBBRA_TIMEZONE
    running: false                # true: runs without anybody turning it on

  checks:                         # null: none
    stale_after_days: 3
    # every_result_up_to: null    # 50: runs of more workspaces log only what fails or failed before
"""


class PipelineScaffolder(dg.Scaffolder[Any]):
    """Writes a `defs.yaml` that shows every attribute with its default."""

    def scaffold(self, request: dg.ScaffoldRequest[Any]) -> None:
        if request.scaffold_format == "python":
            scaffold_component(request)
            return
        text = _DEFS_YAML.format(type_name=request.type_name)
        if request.append:
            with request.target_path.open("a") as file:
                file.write(f"---\n{text}")
        else:
            (request.target_path / "defs.yaml").write_text(text)


_ENV_REFERENCE = re.compile(
    r"\{\{\s*env(?:\.(\w+)|\(\s*'(\w+)'\s*\)|\(\s*\"(\w+)\"\s*\))\s*\}\}", re.ASCII
)


def _read_when_run(_context: dg.ResolutionContext, reference: str | None) -> dg.EnvVar | None:
    """
    Keep the variable's name, not its value: Dagster shows and stores what a resource is given.

    Raises:
        ValueError: If *reference* is not `{{ env.NAME }}`.
    """
    if reference is None:
        return None
    found = _ENV_REFERENCE.fullmatch(reference.strip())
    if found is None:
        raise ValueError("service_key: expected '{{ env.NAME }}', found text that names none")
    return dg.EnvVar(next(name for name in found.groups() if name))


class ConnectionsAttributes(dg.Model, dg.Resolvable):
    """How the OAuth service is reached."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    oauth_url: str = Field(default="", description="Its URL; empty: ZEBBRA_OAUTH_URL.")
    service_key: Annotated[
        dg.EnvVar | None,
        dg.Resolver(
            _read_when_run,
            model_field_type=str,
            inject_before_resolve=False,
            description=(
                "A reference to an environment variable, which is read when a run starts. "
                "Left out: ZEBBRA_SERVICE_KEY or the generated key file."
            ),
            examples=["{{ env.ZEBBRA_SERVICE_KEY }}"],
        ),
    ] = None

    def resource(self) -> Connections:
        """Return the Dagster resource."""
        if self.service_key is None:
            return Connections(oauth_url=self.oauth_url)
        return Connections(oauth_url=self.oauth_url, service_key=self.service_key)


class WarehouseAttributes(dg.Model, dg.Resolvable):
    """Where figures land."""

    target: str = Field(
        default="", description="DuckDB file or attachable target; empty: ZEBBRA_WAREHOUSE."
    )
    published: str = Field(
        default="", description="The read-only copy for people and BI; empty: ZEBBRA_PUBLISHED."
    )

    def resource(self) -> Warehouse:
        """Return the Dagster resource."""
        return Warehouse(target=self.target, published=self.published)


@dg.scaffold_with(PipelineScaffolder)
class ZebbraPipelineComponent(dg.Component, dg.Model, dg.Resolvable):
    """
    Your customers' books in their financial models: assets partitioned by workspace.

    Each integration becomes an asset family (`xero/profit_and_loss`, ...), with `merged_model`
    downstream, jobs, a schedule, sensors and freshness checks: the same definitions that
    `zebbra_pipeline.orchestration.building.build_definitions` gives.
    """

    integrations: list[str] | None = Field(
        default=None,
        description="Names of integrations, e.g. [Xero, Gusto]. Left out: all installed ones.",
        min_length=1,
    )
    workspaces_per_run: int | None = Field(
        default=None,
        ge=1,
        description="The most workspaces in one run. Left out: ZEBBRA_WORKSPACES_PER_RUN.",
    )
    connections: ConnectionsAttributes | None = Field(
        default=None, description="How the OAuth service is reached. Left out: by the settings."
    )
    warehouse: WarehouseAttributes | None = Field(
        default=None, description="Where figures land. Left out: by the settings."
    )
    schedule: RefreshSchedule | None = Field(
        default_factory=RefreshSchedule,
        description="The refreshes of all workspaces. null: no schedules.",
    )
    checks: Checks | None = Field(
        default_factory=Checks,
        description="What the landed figures are held to. null: no checks.",
    )

    @field_validator("integrations")
    @classmethod
    def _are_installed(cls, names: list[str] | None) -> list[str] | None:
        _plugins(names)
        return names

    @classmethod
    def get_spec(cls) -> dg.ComponentTypeSpec:
        return dg.ComponentTypeSpec(
            description=cls.__doc__,
            tags=["accounting", "payroll", "duckdb"],
            produces=["asset", "asset_check", "job", "schedule", "sensor", "resource"],
        )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:  # noqa: ARG002 -- Dagster's signature
        """Build the same definitions as `build_definitions`; no network call is made."""
        return build_definitions(
            _plugins(self.integrations),
            connections=self.connections.resource() if self.connections else None,
            warehouse=self.warehouse.resource() if self.warehouse else None,
            workspaces_per_run=self.workspaces_per_run,
            schedule=self.schedule,
            checks=self.checks,
        )


def _plugins(names: Sequence[str] | None) -> list[IntegrationPlugin] | None:
    """
    Return the plugins of these names, each once; None for all installed ones.

    Raises:
        ValueError: If one is not installed, listing those that are.
    """
    if names is None:
        return None
    registry = load_registry()
    try:
        found = {plugin.slug: plugin for plugin in map(registry.get, names)}
    except LookupError as exc:
        raise ValueError(str(exc)) from None
    return list(found.values())
