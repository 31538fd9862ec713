"""What the operator is told when a page cannot be shown: what happened, and what to do."""

from http import HTTPStatus

from oauth_service.web.connect.errors import PersonError


def no_session() -> PersonError:
    return PersonError(
        HTTPStatus.UNAUTHORIZED,
        "This page is for whoever runs the service",
        "This browser has no open operator's session. It may have ended, or this browser opened "
        "a connect link, which opens the page of one workspace and nothing else.",
        "On a machine with the service key, run “zebbra admin” and open the link that it prints, "
        "in this browser. To connect a workspace, open its connect link.",
    )


def expired_link() -> PersonError:
    return PersonError(
        HTTPStatus.GONE,
        "This operator's link has expired",
        "Operator's links work for 30 minutes, so that one found later opens nothing.",
        "Make a new one with “zebbra admin”.",
    )


def forged_link() -> PersonError:
    return PersonError(
        HTTPStatus.BAD_REQUEST,
        "This operator's link is not valid",
        "We did not make this link as it stands. Part of it may have been lost in copying, or it "
        "is a connect link, which opens the page of one workspace and nothing else.",
        "Copy the whole link again, or make a new one with “zebbra admin”.",
    )


def unknown_connection(workspace_id: str, slug: str) -> PersonError:
    return PersonError(
        HTTPStatus.NOT_FOUND,
        "There is no such connection",
        f"Workspace “{workspace_id[:64]}” has never connected “{slug[:40]}”.",
        "Choose one from the operator's page.",
        back=True,
    )


def not_installed(slug: str) -> PersonError:
    return PersonError(
        HTTPStatus.CONFLICT,
        "That integration is not installed",
        f"Nothing called “{slug[:40]}” is installed here, so its provider cannot be asked. Nothing "
        "was changed.",
        "Install its package where the service runs and start the service again.",
        back=True,
    )


def malformed(what: str) -> PersonError:
    return PersonError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "That cannot be used",
        f"{what}. Nothing was changed.",
        "Go back and enter another.",
        back=True,
    )


def link_no_longer_shown() -> PersonError:
    return PersonError(
        HTTPStatus.GONE,
        "The connect link is no longer shown here",
        "A new connect link is shown for two minutes to the browser that made it. One that was "
        "copied works for 30 minutes.",
        "Make another one.",
        back=True,
    )


def no_such_page() -> PersonError:
    return PersonError(
        HTTPStatus.NOT_FOUND,
        "There is no such page",
        "Nothing is at this address.",
        "Choose from the operator's page.",
        back=True,
    )
