"""What the operator does to one connection, and what is told of it."""

import logging
from collections.abc import Mapping

from integrations.contracts import (
    ConfigurationError,
    IntegrationError,
    IntegrationPlugin,
    NotConnectedError,
    ProviderUnavailableError,
    ReconnectRequiredError,
)
from oauth_service.security.sessions import AdminSession
from oauth_service.store import Connection
from oauth_service.web.services import Services

Notice = Mapping[str, str]
"""`tone` and `text` of what is told."""

_log = logging.getLogger(__name__)


def note(session: AdminSession, action: str, *where: str) -> None:
    """Log what the operator does; sessions are told apart by a part of their id."""
    _log.info("operator %s: %s: %s", session.session_id[:8], action, "/".join(where) or "-")


async def refresh(services: Services, connection: Connection, plugin: IntegrationPlugin) -> Notice:
    """Refresh a connection now, however fresh its token is, and say how it went."""
    name = plugin.name
    try:
        await services.refresher.renew(connection, plugin)
    except ReconnectRequiredError as exc:
        todo = "Make a connect link and send it to the customer."
        return _notice("attention", f"{exc}. {todo}")
    except NotConnectedError:
        return _notice("attention", f"{name} is not connected, so there is nothing to refresh.")
    except ProviderUnavailableError as exc:
        kept = "The connection is kept, and the service goes on trying when tokens are asked for."
        return _notice("attention", f"Not refreshed. {exc}. {kept}")
    except ConfigurationError as exc:
        kept = "The customer need not do anything; the connection is kept."
        return _notice("attention", f"Not refreshed, for a fault on our side. {exc}. {kept}")
    except IntegrationError as exc:
        return _notice("attention", f"Not refreshed. {exc}. The connection is kept.")
    return _notice("good", f"{name} is refreshed.")


async def disconnect(
    services: Services, connection: Connection, plugin: IntegrationPlugin
) -> Notice:
    """End a connection at the provider and here, and say how it went."""
    name = plugin.name
    try:
        confirmed = await services.disconnector.disconnect(connection.workspace_id, plugin)
    except ProviderUnavailableError as exc:
        return _notice("attention", f"Not disconnected. {exc}. Try again in a minute.")
    if confirmed:
        return _notice("neutral", f"{name} is disconnected. Its history is kept.")
    return _notice(
        "attention",
        f"Our tokens are forgotten, but {name} did not confirm the end of the access; to be sure, "
        f"let the customer remove the app in {name}'s settings too.",
    )


def _notice(tone: str, text: str) -> Notice:
    return {"tone": tone, "text": text}
