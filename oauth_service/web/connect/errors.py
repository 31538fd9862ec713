"""What a person is told when connecting does not work: what happened, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import NamedTuple

from integrations.contracts import IntegrationPlugin
from oauth_service.grants.errors import ConsentError, ConsentProblem


@dataclass
class PersonError(Exception):
    """
    Ends a request with a page.

    Attributes:
        title: What happened, as a heading.
        text: What happened, in a sentence or two.
        todo: What the person can do.
        back: Whether the page links back to the connect page.
    """

    status: HTTPStatus
    title: str
    text: str
    todo: str
    back: bool = False


class _Message(NamedTuple):
    """A page with places for names."""

    status: HTTPStatus
    title: str
    text: str
    todo: str


def no_session() -> PersonError:
    return PersonError(
        HTTPStatus.UNAUTHORIZED,
        "Please open your connect link again",
        "This browser has no open session here. It may have ended, or the link was opened in "
        "another browser.",
        "Open the connect link that you were sent, in this browser. If it is older than "
        "30 minutes, ask for a new one.",
    )


def expired_link() -> PersonError:
    return PersonError(
        HTTPStatus.GONE,
        "This connect link has expired",
        "Connect links work for 30 minutes, so that one found later opens nothing.",
        "Ask whoever sent it for a new one.",
    )


def forged_link() -> PersonError:
    return PersonError(
        HTTPStatus.BAD_REQUEST,
        "This connect link is not valid",
        "We did not make this link as it stands. Part of it may have been lost in copying.",
        "Copy the whole link again, or ask for a new one.",
    )


def other_workspace() -> PersonError:
    return PersonError(
        HTTPStatus.FORBIDDEN,
        "This link is for another workspace",
        "A connect link opens one workspace only, and this browser last opened one for another.",
        "Open the connect link of the workspace that you want to connect.",
        back=True,
    )


def not_a_visit() -> PersonError:
    return PersonError(
        HTTPStatus.FORBIDDEN,
        "This page opens in a window of its own only",
        "The browser asked for it inside another page, or before anyone opened it. Nothing was "
        "changed.",
        "Open the connect link that you were sent, in a window of its own.",
    )


def stale_form() -> PersonError:
    return PersonError(
        HTTPStatus.FORBIDDEN,
        "That form is out of date",
        "It was not sent from the page that this browser has open, so nothing was changed.",
        "Go back and try again.",
        back=True,
    )


def unknown_integration(slug: str) -> PersonError:
    return PersonError(
        HTTPStatus.NOT_FOUND,
        "There is no such integration",
        f"Nothing called “{slug[:40]}” is installed here.",
        "Choose one from the connect page.",
        back=True,
    )


def of_consent(error: ConsentError) -> PersonError:
    """Return the page of a consent that ended without a connection."""
    plugin = error.plugin
    if error.problem is ConsentProblem.NO_REFRESH_TOKEN:
        return _no_refresh_token(plugin)
    message = _CONSENT[error.problem]
    values = {"name": plugin.name, "prefix": plugin.slug.upper(), **error.details}
    return PersonError(
        message.status,
        message.title.format_map(values),
        message.text.format_map(values),
        message.todo.format_map(values),
        back=True,
    )


def unavailable(plugin: IntegrationPlugin) -> PersonError:
    return of_consent(ConsentError(ConsentProblem.UNAVAILABLE, plugin))


def _no_refresh_token(plugin: IntegrationPlugin) -> PersonError:
    scope = "offline_access"
    missing = (
        f"the scope “{scope}” is missing from the app or from {plugin.slug.upper()}_SCOPES"
        if scope in plugin.oauth.scopes
        else f"{plugin.name} gave no refresh token, see the settings of the app there"
    )
    return PersonError(
        HTTPStatus.BAD_GATEWAY,
        "This access would end within the hour",
        f"{plugin.name} gave access for a short time only, so your figures would soon stop being "
        "updated. You did nothing wrong, and nothing was stored.",
        f"Send this to whoever sent you the connect link: “{missing}”. Once they have repaired "
        "it, connect again.",
        back=True,
    )


def of_status(status: HTTPStatus) -> PersonError:
    """Return the page of a bare HTTP status."""
    if status is HTTPStatus.TOO_MANY_REQUESTS:
        return PersonError(
            status,
            "Too many requests",
            "More requests came from your network than this service answers at once.",
            "Wait a minute, then try again.",
            back=True,
        )
    missing = status is HTTPStatus.NOT_FOUND
    return PersonError(
        status,
        "There is no such page" if missing else status.phrase,
        status.description or status.phrase,
        "Open the connect link that you were sent.",
        back=True,
    )


def internal() -> PersonError:
    return PersonError(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong here",
        "This is our fault, not yours. What happened has been noted.",
        "Try again in a few minutes. If the same happens again, tell whoever runs this service.",
        back=True,
    )


_AGAIN = (
    "This time nothing was changed. Go back to the connect page; if {name} is not shown as "
    "connected, start again."
)
_CONSENT: Mapping[ConsentProblem, _Message] = {
    ConsentProblem.NOT_CONFIGURED: _Message(
        HTTPStatus.CONFLICT,
        "{name} is not set up yet",
        "Whoever runs this service has not registered an app at {name}.",
        "Ask them to set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET.",
    ),
    ConsentProblem.STATE_UNKNOWN: _Message(
        HTTPStatus.BAD_REQUEST,
        "We did not ask for this answer",
        "This page was opened as if you came back from {name}, but nobody left for it from here, "
        "or too long ago. For your safety it was not used.",
        _AGAIN,
    ),
    ConsentProblem.STATE_EXPIRED: _Message(
        HTTPStatus.BAD_REQUEST,
        "That took too long",
        "An answer from {name} is accepted for 15 minutes after you leave for it.",
        _AGAIN,
    ),
    ConsentProblem.STATE_USED: _Message(
        HTTPStatus.BAD_REQUEST,
        "This answer was already used",
        "Each answer from {name} works once. If you went back in the browser or reloaded the "
        "page, the first time may have worked.",
        _AGAIN,
    ),
    ConsentProblem.STATE_OF_OTHER_SESSION: _Message(
        HTTPStatus.BAD_REQUEST,
        "This was started in another browser",
        "The answer from {name} must arrive in the browser that left for it.",
        _AGAIN,
    ),
    ConsentProblem.DENIED: _Message(
        HTTPStatus.FORBIDDEN,
        "You did not allow access",
        "{name} tells us that access was not granted. Nothing was changed.",
        "If that was a mistake, go back and connect again. If you may not grant access yourself, "
        "ask an administrator of your organisation to open the connect link.",
    ),
    ConsentProblem.REFUSED: _Message(
        HTTPStatus.BAD_GATEWAY,
        "{name} did not complete the connection",
        "It answered “{code}”. Nothing was changed.",
        "Try again in a few minutes. If the same happens again, tell whoever runs this service.",
    ),
    ConsentProblem.NO_CODE: _Message(
        HTTPStatus.BAD_REQUEST,
        "The answer is incomplete",
        "{name} sent neither a code nor an error. Nothing was changed.",
        "Go back to the connect page and start again.",
    ),
    ConsentProblem.CODE_REFUSED: _Message(
        HTTPStatus.BAD_GATEWAY,
        "{name} rejected the authorization code",
        "The code that it sent along with you works once, and for a few minutes only. It says "
        "that this one was used before or is too old. Nothing was changed here.",
        "Go back to the connect page and connect again. If the same happens again, tell whoever "
        "sent you the connect link.",
    ),
    ConsentProblem.APP_REFUSED: _Message(
        HTTPStatus.BAD_GATEWAY,
        "Our app at {name} has a problem",
        "{name} refuses the app that this service uses ({detail}). You did nothing wrong.",
        "Tell whoever runs this service to check {settings}.",
    ),
    ConsentProblem.UNAVAILABLE: _Message(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "{name} does not answer at the moment",
        "The connection could not be completed because of a problem there.",
        "Go back to the connect page and try again in a few minutes.",
    ),
    ConsentProblem.TENANTS_NOT_FOUND: _Message(
        HTTPStatus.BAD_GATEWAY,
        "We could not find your organisation at {name}",
        "Access was granted, but asking {name} for what it covers failed: {reason}.",
        "Go back to the connect page and connect again. If the same happens again, tell whoever "
        "runs this service.",
    ),
    ConsentProblem.NO_TENANTS: _Message(
        HTTPStatus.CONFLICT,
        "No organisation was chosen",
        "The access that you granted covers no organisation at {name}.",
        "Connect again and choose one on {name}'s page, with a user who may see its reports.",
    ),
    ConsentProblem.OTHER_ORGANISATION: _Message(
        HTTPStatus.CONFLICT,
        "This workspace is connected to another organisation",
        "It takes its {name} figures from “{pinned}”, and you chose “{chosen}”. A workspace has "
        "one organisation at {name}. Nothing was changed.",
        "If you meant “{pinned}”, connect again and choose it. To use “{chosen}” instead, "
        "disconnect on the connect page first: its figures then take the place of those fetched "
        "before. To have both, ask for a connect link of a second workspace.",
    ),
    ConsentProblem.CHOICE_IS_OVER: _Message(
        HTTPStatus.BAD_REQUEST,
        "There is nothing to choose any more",
        "This choice was made already, or {name}'s answer is too old.",
        "Go back to the connect page; if {name} is not shown as connected, start again.",
    ),
}
"""Pages of a consent that ended; names in braces are texts of `ConsentError`."""
