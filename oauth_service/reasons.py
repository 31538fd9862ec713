"""Why a provider no longer accepts a grant, in words for people."""

from datetime import datetime

from integrations.contracts import IntegrationPlugin
from oauth_service.store import Connection


def why_refused(
    plugin: IntegrationPlugin, connection: Connection, *, now: datetime, answer_lost: bool
) -> str:
    """
    Return the likeliest reason for `invalid_grant`.

    Args:
        plugin: The provider.
        connection: As it was before.
        now: Timezone-aware.
        answer_lost: An answer to an earlier refresh with the same token never arrived.
    """
    limit = plugin.oauth.idle_limit
    last = connection.last_worked_at or connection.connected_at
    if limit is not None and now - last >= limit:
        return f"{plugin.name} ended the access because it was not used for {limit.days} days"
    if answer_lost:
        return (
            f"an answer of {plugin.name} was lost on its way, and the time within which it "
            "would have repeated it is over"
        )
    return (
        f"{plugin.name} no longer accepts our access: it was withdrawn there, or the app's "
        "secret was changed"
    )
