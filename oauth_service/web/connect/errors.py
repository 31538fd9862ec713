"""What a person is told when connecting does not work: what happened, and what to do."""

from dataclasses import dataclass
from http import HTTPStatus

from integrations.contracts import IntegrationPlugin
from oauth_service.store import StateProblem


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


def not_configured(plugin: IntegrationPlugin) -> PersonError:
    prefix = plugin.slug.upper()
    return PersonError(
        HTTPStatus.CONFLICT,
        f"{plugin.name} is not set up yet",
        f"Whoever runs this service has not registered an app at {plugin.name}.",
        f"Ask them to set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET.",
        back=True,
    )


def bad_state(plugin: IntegrationPlugin, problem: StateProblem) -> PersonError:
    title, text = {
        StateProblem.UNKNOWN: (
            "We did not ask for this answer",
            (
                f"This page was opened as if you came back from {plugin.name}, but nobody left for it "
                "from here, or too long ago. For your safety it was not used."
            ),
        ),
        StateProblem.EXPIRED: (
            "That took too long",
            f"An answer from {plugin.name} is accepted for 15 minutes after you leave for it.",
        ),
        StateProblem.USED: (
            "This answer was already used",
            (
                f"Each answer from {plugin.name} works once. If you went back in the browser or "
                "reloaded the page, the first time may have worked."
            ),
        ),
        StateProblem.OTHER_SESSION: (
            "This was started in another browser",
            f"The answer from {plugin.name} must arrive in the browser that left for it.",
        ),
    }[problem]
    todo = (
        f"This time nothing was changed. Go back to the connect page; if {plugin.name} is not "
        "shown as connected, start again."
    )
    return PersonError(HTTPStatus.BAD_REQUEST, title, text, todo, back=True)


def denied(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.FORBIDDEN,
        "You did not allow access",
        f"{plugin.name} tells us that access was not granted. Nothing was changed.",
        "If that was a mistake, go back and connect again. If you may not grant access "
        "yourself, ask an administrator of your organisation to open the connect link.",
        back=True,
    )


def refused_at_consent(plugin: IntegrationPlugin, code: str) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_GATEWAY,
        f"{plugin.name} did not complete the connection",
        f"It answered “{code}”. Nothing was changed.",
        "Try again in a few minutes. If the same happens again, tell whoever runs this service.",
        back=True,
    )


def no_code(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_REQUEST,
        "The answer is incomplete",
        f"{plugin.name} sent neither a code nor an error. Nothing was changed.",
        "Go back to the connect page and start again.",
        back=True,
    )


def code_refused(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_GATEWAY,
        f"{plugin.name} no longer accepts its own answer",
        "The permission that it sent along with you works once, and for a few minutes only. It "
        "says that this one was used before or is too old. Nothing was changed here.",
        "Go back to the connect page and connect again. If the same happens again, tell whoever "
        "sent you the connect link.",
        back=True,
    )


def app_refused(plugin: IntegrationPlugin, detail: str, settings: str) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_GATEWAY,
        f"Our app at {plugin.name} has a problem",
        f"{plugin.name} refuses the app that this service uses ({detail}). You did nothing wrong.",
        f"Tell whoever runs this service to check {settings}.",
        back=True,
    )


def unavailable(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"{plugin.name} does not answer at the moment",
        "The connection could not be completed because of a problem there.",
        "Go back to the connect page and try again in a few minutes.",
        back=True,
    )


def no_refresh_token(plugin: IntegrationPlugin) -> PersonError:
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


def tenants_not_found(plugin: IntegrationPlugin, reason: str) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_GATEWAY,
        f"We could not find your organisation at {plugin.name}",
        f"Access was granted, but asking {plugin.name} for what it covers failed: {reason}.",
        "Go back to the connect page and connect again. If the same happens again, tell whoever "
        "runs this service.",
        back=True,
    )


def no_tenants(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.CONFLICT,
        "No organisation was chosen",
        f"The access that you granted covers no organisation at {plugin.name}.",
        f"Connect again and choose one on {plugin.name}'s page, with a user who may see its reports.",
        back=True,
    )


def other_organisation(plugin: IntegrationPlugin, pinned: str, chosen: str) -> PersonError:
    return PersonError(
        HTTPStatus.CONFLICT,
        "This workspace is connected to another organisation",
        f"It takes its {plugin.name} figures from “{pinned}”, and you chose “{chosen}”. A workspace "
        f"has one organisation at {plugin.name}. Nothing was changed.",
        f"If you meant “{pinned}”, connect again and choose it. To use “{chosen}” instead, "
        "disconnect on the connect page first: its figures then take the place of those fetched "
        "before. To have both, ask for a connect link of a second workspace.",
        back=True,
    )


def choice_is_over(plugin: IntegrationPlugin) -> PersonError:
    return PersonError(
        HTTPStatus.BAD_REQUEST,
        "There is nothing to choose any more",
        f"This choice was made already, or {plugin.name}'s answer is too old.",
        f"Go back to the connect page; if {plugin.name} is not shown as connected, start again.",
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
