"""Why a provider no longer accepts a grant, as a word for the history and in words for people."""

from datetime import datetime
from enum import StrEnum

from integrations.contracts import IntegrationPlugin
from oauth_service.store import Connection


class Cause(StrEnum):
    """
    What is known of a grant's end; a provider only says `invalid_grant`.

    `RESTORED`: the connection came out of a backup, and its tokens have been spent since.

    `SUPERSEDED`: the provider has put another pair in the place of ours, and the answer that
    held it never arrived. `IDLE`: nobody used the grant for the provider's idle limit.
    `REVOKED`: it ended before its access token did, which nothing but a withdrawal does.
    `UNKNOWN`: none of these can be told.
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
        connection: As it was before.
        now: Timezone-aware.
        answer_lost: An answer to an earlier refresh with the same token never arrived.
        refused_early: The provider refused the access token though it had not ended.
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
    """Say why a restored connection is not called connected yet."""
    return (
        f"it was restored from a backup, and {name} has not been asked yet whether it still works"
    )


def in_words(cause: Cause, plugin: IntegrationPlugin) -> str:
    """Say *cause* to the person who must reconnect."""
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
