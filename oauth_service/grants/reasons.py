"""Why a provider rejects a grant: a cause for the history and a sentence for users."""

from datetime import datetime
from enum import StrEnum

from integrations.contracts import IntegrationPlugin
from oauth_service.store import Connection


class Cause(StrEnum):
    """
    The likeliest cause of a grant's end; a provider only returns `invalid_grant`.

    Attributes:
        RESTORED: The connection was restored from a backup, and its tokens were spent after that backup.
        SUPERSEDED: The provider issued another pair, and the answer with it was lost.
        IDLE: The grant was not used for the provider's idle limit.
        REVOKED: It ended before its access token expired, which only a revocation does.
        UNKNOWN: None of these is known.
    """

    RESTORED = "restored from an older backup"
    SUPERSEDED = "superseded"
    IDLE = "idle too long"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


def why_refused(
    plugin: IntegrationPlugin,
    connection: Connection,
    *,
    now: datetime,
    answer_lost: bool,
    refused_early: bool,
) -> Cause:
    """
    Return the likeliest cause of `invalid_grant`.

    Args:
        plugin: The provider.
        connection: The connection before the refresh.
        now: Timezone-aware.
        answer_lost: Whether the answer to an earlier refresh with the same token was lost.
        refused_early: Whether the provider rejected the access token before its expiry.
    """
    if connection.unchecked:
        return Cause.RESTORED
    limit = plugin.oauth.idle_limit
    last = connection.last_worked_at or connection.connected_at
    if limit is not None and now - last >= limit:
        return Cause.IDLE
    if answer_lost:
        return Cause.SUPERSEDED
    return Cause.REVOKED if refused_early else Cause.UNKNOWN


def not_checked(name: str) -> str:
    """Return why a restored connection does not count as connected yet."""
    return (
        f"it was restored from a backup, and {name} has not been asked yet whether it still works"
    )


def in_words(cause: Cause, plugin: IntegrationPlugin) -> str:
    """Return the sentence about *cause* for the user who must reconnect."""
    match cause:
        case Cause.IDLE:
            limit = plugin.oauth.idle_limit
            unused = "too long" if limit is None else f"{limit.days} days"
            return f"{plugin.name} ended the access because it was not used for {unused}"
        case Cause.RESTORED:
            return (
                "it was restored from a backup older than its last refresh, so that "
                f"{plugin.name} no longer accepts its tokens"
            )
        case Cause.SUPERSEDED:
            return (
                f"an answer of {plugin.name} was lost on its way, and the time within which it "
                "would have repeated it is over"
            )
        case Cause.REVOKED:
            return f"{plugin.name} no longer accepts our access: it was withdrawn there"
        case Cause.UNKNOWN:
            return (
                f"{plugin.name} no longer accepts our access: it was withdrawn there, or the "
                "app's secret was changed"
            )
