"""The service's log on stderr: one line for each event, as text or as JSON."""

import json
import logging
import re
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from integrations.contracts.display import printable
from oauth_service.ops.request_context import RequestContext, current

_MASK = "[…]"
_MASKED = (
    (re.compile(r"//[^/\s@]+@"), f"//{_MASK}@"),  # user and password of a URL
    (re.compile(r"\?[^\s'\"<>]+"), f"?{_MASK}"),  # a query has links, codes and states
    (re.compile(r"input_value=.*?(?=, input_type=|\]|$)", re.DOTALL), f"input_value={_MASK}"),
    (re.compile(r"[\w\-+=~%]{20,}", re.ASCII), _MASK),  # tokens, codes and keys
    (
        re.compile(
            r"(?i)(\w{0,30}(?:token|secret|code|verifier|password|state|session|key)"
            r"(?:['\"]?\s*=\s*|['\"]\s*:\s*)['\"]?)[^\s,;&'\"]+"
        ),
        rf"\1{_MASK}",
    ),
    (re.compile(r"(?i)\b(bearer|basic) +\S+"), rf"\1 {_MASK}"),
)
_NOBODY = RequestContext()


def configure(log_format: str) -> None:
    """
    Write everything that is logged, uvicorn's lines and warnings included, to stderr.

    Args:
        log_format: `json`, or `text` for people.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    # Not shown, and not free: each request writes a line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


class JsonLines(logging.Formatter):
    """
    One JSON object a line.

    Always with `time` (ISO 8601, UTC), `level`, `logger`, `message`, `request_id`, `workspace` and
    `integration`; a request's own line adds `method`, `path`, `route`, `status` and `ms`, and an
    error `exception`.
    """

    def format(self, record: logging.LogRecord) -> str:
        context = current() or _NOBODY
        fields: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": context.request_id,
            "workspace": context.workspace,
            "integration": context.integration,
            **getattr(record, "request", {}),
        }
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = exception_text(record.exc_info[1])
        return json.dumps(fields)


class TextLines(logging.Formatter):
    """`<time> <level> <logger> [<request id> <workspace>/<integration>] <message>`, then errors."""

    def format(self, record: logging.LogRecord) -> str:
        where = f"{_time(record)} {record.levelname} {record.name}{_shown(current())}"
        line = printable(f"{where} {record.getMessage().rstrip()}")
        if record.exc_info and record.exc_info[1]:
            line += f"\n{exception_text(record.exc_info[1])}"
        return line


def exception_text(error: BaseException) -> str:
    """
    Return the traceback of *error* and of what led to it, the first cause first.

    Messages are masked: a library's may repeat a token, a link or what a provider answered. Each
    is one line, so that none can look like an entry of the log.
    """
    parts = []
    for each in reversed(list(_chain(error))):
        frames = "".join(traceback.format_tb(each.__traceback__))
        parts.append(f"{frames}{type(each).__qualname__}: {printable(masked(str(each)))}")
        if isinstance(each, BaseExceptionGroup):
            parts += map(exception_text, each.exceptions)
    return "\n".join(parts)


def masked(text: str) -> str:
    """Return *text* without what may be a secret: queries, named values, long random words."""
    for pattern, replacement in _MASKED:
        text = pattern.sub(replacement, text)
    return text


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        context = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or context


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def _shown(context: RequestContext | None) -> str:
    if context is None:
        return ""
    whom = "/".join(filter(None, (context.workspace, context.integration)))
    words = " ".join(filter(None, (context.request_id, whom)))
    return f" [{words}]" if words else ""
