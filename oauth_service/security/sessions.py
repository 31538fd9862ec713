"""Links for customers and for the operator, and the browser sessions that they open. None is stored."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from urllib.parse import urlencode

from integrations.contracts import check_workspace_id
from oauth_service.security.crypto import ExpiredError, ForgedError, Sealer
from oauth_service.security.keyring import Keys

LINK_LIFETIME = timedelta(minutes=30)
SESSION_LIFETIME = timedelta(hours=2)
HANDOFF_LIFETIME = timedelta(minutes=2)
"""How long the operator's page repeats what was done, or shows a connect link."""


@dataclass(frozen=True, slots=True)
class Link:
    """A URL that opens a page until it expires."""

    url: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """
    A browser that has opened a link.

    Attributes:
        session_id: What is under way, such as a login state, is bound to it.
        csrf_token: What its forms must send back.
    """

    session_id: str
    csrf_token: str = field(repr=False)

    def sent_by_its_own_form(self, csrf_token: str) -> bool:
        """Return whether *csrf_token* is this session's."""
        return compare_digest(self.csrf_token.encode(), csrf_token.encode())


@dataclass(frozen=True, slots=True)
class Session(BrowserSession):
    """
    A browser that has opened a connect link.

    Attributes:
        workspace_id: The only workspace that it may see and change.
    """

    workspace_id: str


@dataclass(frozen=True, slots=True)
class AdminSession(BrowserSession):
    """A browser that has opened an operator's link; it may see and change all workspaces."""


class ConnectLinks:
    """
    Makes and opens connect links.

    Args:
        keys: Encryption keys, newest first, or what returns them.
        oauth_url: Base of the links.
        clock: Timezone-aware now.
    """

    def __init__(self, keys: Keys, oauth_url: str, clock: Callable[[], datetime]) -> None:
        self._sealer = Sealer(keys, "connect link")
        self._oauth_url = oauth_url
        self._clock = clock

    def create(self, workspace_id: str) -> Link:
        """
        Return a link for one workspace.

        Raises:
            ValueError: If the id is malformed.
        """
        expires_at = (self._clock() + LINK_LIFETIME).replace(microsecond=0)
        sealed = self._sealer.seal(
            {"workspace_id": check_workspace_id(workspace_id)}, expires_at=expires_at
        )
        return Link(f"{self._oauth_url}/connect?{urlencode({'session': sealed})}", expires_at)

    def workspace_of(self, sealed: str) -> str:
        """
        Return the workspace that a link's token stands for.

        Raises:
            ForgedError: If we did not make it.
            ExpiredError: If it is too old.
        """
        return self._sealer.open(sealed, now=self._clock())["workspace_id"]


class Sessions:
    """Makes and reads session cookies."""

    def __init__(self, keys: Keys, clock: Callable[[], datetime]) -> None:
        self._sealer = Sealer(keys, "session")
        self._clock = clock

    def start(self, workspace_id: str, current: Session | None) -> Session:
        """Return a session for *workspace_id*: *current* if it is for the same one."""
        if current is not None and current.workspace_id == workspace_id:
            return current
        return Session(secrets.token_urlsafe(24), secrets.token_urlsafe(24), workspace_id)

    def cookie_value(self, session: Session) -> str:
        """Return what the browser keeps."""
        return self._sealer.seal(
            {
                "session_id": session.session_id,
                "workspace_id": session.workspace_id,
                "csrf_token": session.csrf_token,
            },
            expires_at=self._clock() + SESSION_LIFETIME,
        )

    def read(self, cookie_value: str | None) -> Session | None:
        """Return the session of a cookie; None if it is missing, forged or too old."""
        if not cookie_value:
            return None
        try:
            return Session(**self._sealer.open(cookie_value, now=self._clock()))
        except (ForgedError, ExpiredError):
            return None


class AdminAccess:
    """
    Makes and opens the operator's links, sessions and handoffs.

    Each has a purpose of its own: a connect link or a workspace's cookie opens nothing here,
    and none of these opens a workspace.

    Args:
        keys: Encryption keys, newest first, or what returns them.
        oauth_url: Base of the links.
        clock: Timezone-aware now.
    """

    def __init__(self, keys: Keys, oauth_url: str, clock: Callable[[], datetime]) -> None:
        self._links = Sealer(keys, "admin link")
        self._sessions = Sealer(keys, "admin session")
        self._handoffs = Sealer(keys, "admin handoff")
        self._oauth_url = oauth_url
        self._clock = clock

    def create_link(self) -> Link:
        """Return a link to the operator's page."""
        expires_at = (self._clock() + LINK_LIFETIME).replace(microsecond=0)
        sealed = self._links.seal({}, expires_at=expires_at)
        return Link(f"{self._oauth_url}/admin?{urlencode({'session': sealed})}", expires_at)

    def start(self, sealed_link: str, current: AdminSession | None) -> AdminSession:
        """
        Return a session for whoever shows a link's token: *current* if there is one.

        Raises:
            ForgedError: If we did not make it.
            ExpiredError: If it is too old.
        """
        self._links.open(sealed_link, now=self._clock())
        return current or AdminSession(secrets.token_urlsafe(24), secrets.token_urlsafe(24))

    def cookie_value(self, session: AdminSession) -> str:
        """Return what the browser keeps."""
        return self._sessions.seal(
            {"session_id": session.session_id, "csrf_token": session.csrf_token},
            expires_at=self._clock() + SESSION_LIFETIME,
        )

    def read(self, cookie_value: str | None) -> AdminSession | None:
        """Return the session of a cookie; None if it is missing, forged or too old."""
        if not cookie_value:
            return None
        try:
            return AdminSession(**self._sessions.open(cookie_value, now=self._clock()))
        except (ForgedError, ExpiredError):
            return None

    def hand_over(self, session: AdminSession, message: Mapping[str, str]) -> str:
        """Return text that carries *message* from a form's answer to the page that follows."""
        return self._handoffs.seal(
            {"for": session.session_id, **message}, expires_at=self._clock() + HANDOFF_LIFETIME
        )

    def handed_over(self, session: AdminSession, sealed: str) -> Mapping[str, str] | None:
        """Return the message; None if it is not this session's, or its time is over."""
        try:
            message = self._handoffs.open(sealed, now=self._clock())
        except (ForgedError, ExpiredError):
            return None
        own = compare_digest(message.pop("for"), session.session_id)
        return message if own else None
