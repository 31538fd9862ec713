"""Takes a provider's own words out of a refusal, shortened and without the access token."""

import logging
from itertools import islice

from pydantic import SecretStr

from integrations.contracts.display import printable
from integrations.contracts.errors import PayloadError
from integrations.contracts.refusals import RefusalReader, RefusedAnswer
from integrations.runtime.answers import RawAnswer, parse_json

_MOST_CHARACTERS = 200
_MOST_TEXTS = 1000
"""More would not fit into the characters, unless most of them are empty or equal."""

_log = logging.getLogger(__name__)


def provider_message(
    reader: RefusalReader, answer: RawAnswer, token: SecretStr | None = None
) -> str:
    """
    Return what the provider says is wrong, in at most 200 characters; empty if nothing.

    Args:
        reader: Knows the provider's error answers.
        answer: Any answer that is no success.
        token: Replaced by `***` where the provider repeats it.
    """
    try:
        read = islice(reader.messages(_refused(answer)), _MOST_TEXTS)
        texts = dict.fromkeys(one_line(_without(token, text)) for text in read)
    except Exception as exc:  # noqa: BLE001 -- a faulty reader must not hide the refusal itself
        _log_faulty(reader, exc)
        return ""
    return one_line("; ".join(filter(None, texts)))


def missing_scope(
    reader: RefusalReader, answer: RawAnswer, token: SecretStr | None = None
) -> str | None:
    """
    Return the scope that a 401 or 403 says is missing; None if it is another refusal.

    Empty if the scope is not named. The arguments are those of `provider_message`.
    """
    try:
        scope = reader.missing_scope(_refused(answer))
        return None if scope is None else one_line(_without(token, scope))
    except Exception as exc:  # noqa: BLE001 -- as above
        _log_faulty(reader, exc)
        return None


def one_line(text: str, most: int = _MOST_CHARACTERS) -> str:
    """Return *text* with single spaces, other control characters as escapes, cut to length."""
    plain = printable(" ".join(text.split()))
    return plain if len(plain) <= most else f"{plain[: most - 3]}..."


def _refused(answer: RawAnswer) -> RefusedAnswer:
    try:
        payload = parse_json(answer, answer.url)
    except PayloadError:
        payload = None
    return RefusedAnswer(answer.status, answer.headers, payload)


def _without(token: SecretStr | None, text: str) -> str:
    secret = token.get_secret_value() if token else ""
    return text.replace(secret, "***") if secret else text


def _log_faulty(reader: RefusalReader, exc: Exception) -> None:
    # Without the exception's text, which may repeat what the answer holds.
    kind = f"{type(reader).__module__}.{type(reader).__qualname__}"
    _log.warning("%s could not read an error answer: %s", kind, type(exc).__name__)
