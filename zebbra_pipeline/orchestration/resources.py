"""Dagster resources: the connections (and through them every `FetchAdapter`) and the warehouse."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, SecretStr

from integrations.contracts import IntegrationPlugin
from integrations.runtime.settings import Settings, load_settings

if TYPE_CHECKING:  # imported where a run needs them: definitions load without
    from integrations.contracts import ConnectionList
    from integrations.runtime.http import HttpSession
    from integrations.runtime.token_service import OAuthService
    from zebbra_pipeline.ingest.run import OnOutcome
    from zebbra_pipeline.outcomes import Outcome
    from zebbra_pipeline.warehouse import Warehouse as DuckDBWarehouse


class Warehouse(dg.ConfigurableResource[Any]):
    """Where figures land; an empty field means the setting of the same name."""

    target: str = Field(
        default="", description="DuckDB file or attachable target; empty: ZEBBRA_WAREHOUSE."
    )
    published: str = Field(
        default="", description="The read-only copy for people and BI; empty: ZEBBRA_PUBLISHED."
    )

    def open(self, history: dg.DagsterInstance | None = None) -> "DuckDBWarehouse":
        """
        Return the warehouse; it holds no connection between its sessions.

        Args:
            history: Asked whether figures have landed if there is no file: the warehouse is
                then missing, and no new one is made.
        """
        from zebbra_pipeline.orchestration.landed_history import landed_in_history
        from zebbra_pipeline.warehouse import Warehouse as DuckDBWarehouse

        settings = load_settings()
        return DuckDBWarehouse(
            self.target or settings.warehouse,
            published=Path(self.published) if self.published else settings.published,
            landed_before=partial(landed_in_history, history) if history else tuple,
        )


class Connections(dg.ConfigurableResource[Any]):
    """
    The workspaces' connections, as the OAuth service hands them out.

    Access tokens are fetched inside a run, a workspace at a time, and are never shown.
    """

    oauth_url: str = Field(
        default="", description="Where the OAuth service is reached; empty: ZEBBRA_OAUTH_URL."
    )
    service_key: str = Field(
        default="",
        description="Feed it with dg.EnvVar; empty: ZEBBRA_SERVICE_KEY or the generated key file.",
    )
    as_of: str = Field(
        default="",
        description="Fetch as if today were this day (YYYY-MM-DD), for repeatable runs; "
        "empty: the real day.",
    )

    def connection_page(self, workspace_id: str, slug: str) -> str:
        """Return the operator's page of a connection; no request is made."""
        from integrations.runtime.token_service import connection_page

        return connection_page(self.oauth_url or load_settings().oauth_url, workspace_id, slug)

    async def fetch(
        self,
        plugin: IntegrationPlugin,
        workspace_ids: Sequence[str],
        assets: tuple[str, ...],
        *,
        warehouse: "DuckDBWarehouse",
        full: bool,
        run_id: str,
        on_outcome: "OnOutcome",
        warn: "Callable[[str], None]",
    ) -> "list[Outcome]":
        """
        Fetch and land workspaces concurrently, each by itself; see `ingest.run.fetch_workspaces`.

        Raises:
            ConfigurationError: If a setting is malformed.
            WarehouseError: If nothing can be landed at all.
        """
        from zebbra_pipeline.ingest.run import fetch_workspaces

        settings = load_settings()
        async with self.session() as http:
            return await fetch_workspaces(
                plugin,
                workspace_ids,
                assets,
                http=http,
                service=self.service(http, settings, request_id=run_id),
                settings=settings,
                warehouse=warehouse,
                full=full,
                today=self.today(),
                run_id=run_id,
                on_outcome=on_outcome,
                warn=warn,
            )

    def list_connections(
        self, changed_since: str | None = None, *, workspace_id: str | None = None
    ) -> "ConnectionList":
        """
        Ask the OAuth service for connections; see `OAuthService.connections`.

        Raises:
            IntegrationError: If the service does not answer or refuses the key.
        """
        return asyncio.run(self._list_connections(changed_since, workspace_id))

    async def _list_connections(
        self, changed_since: str | None, workspace_id: str | None
    ) -> "ConnectionList":
        from integrations.runtime.http import HttpSession

        async with HttpSession() as http:
            service = self.service(http, load_settings())
            return await service.connections(changed_since, workspace_id=workspace_id)

    def session(self) -> "HttpSession":
        """Return the HTTP session of a run, unopened; a subclass may give it other clocks."""
        from integrations.runtime.http import HttpSession

        return HttpSession()

    def service(
        self, http: "HttpSession", settings: Settings, *, request_id: str | None = None
    ) -> "OAuthService":
        """Return a client of the OAuth service, whose log shows *request_id*."""
        from integrations.runtime.token_service import OAuthService

        key = SecretStr(self.service_key) if self.service_key else settings.service_key()
        return OAuthService(http, self.oauth_url or settings.oauth_url, key, request_id=request_id)

    def today(self) -> date:
        """Return the day of the fetch."""
        from zebbra_pipeline.ingest.fetch import day_of_fetch

        return day_of_fetch(self.as_of)
