"""Which error each built-in plugin's error answers become, word by word."""

import ast
import json
from pathlib import Path

import pytest

import integrations.contracts
import integrations.runtime
import oauth_service
from integrations.gusto import PLUGIN as GUSTO
from integrations.quickbooks import PLUGIN as QUICKBOOKS
from integrations.runtime.answers import RawAnswer
from integrations.runtime.errors_by_status import error_for
from integrations.runtime.registry import load_registry
from integrations.xero import PLUGIN as XERO

REFUSED = "RequestRefusedError: W: the provider refuses the request"
DENIED = "AccessDeniedError: W: the provider denies access"
RECONNECT = (
    "ReconnectRequiredError: W: the provider refuses a token that was just refreshed (401); "
    "connect again"
)
LACKS = (
    "AccessDeniedError: W: the connection lacks a scope{} that this request needs; add it to the "
    "app's scopes and connect again"
)
OUTDATED = (
    "ConfigurationError: W: the provider no longer serves the API version or format that this "
    "integration asks for (406); update the integration"
)
SLOW_DOWN = "ProviderUnavailableError: W: the provider throttles us (429)"


def error(plugin, status, body, **headers):
    """Return the error's class and text."""
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = RawAnswer(status, names, content, "https://api.invalid/r")
    found = error_for(answer, "W", plugin.api)
    return f"{type(found).__name__}: {found}"


def problem(title, status, detail):
    return {"Type": None, "Title": title, "Status": status, "Detail": detail, "Extensions": {}}


def validation(*elements):
    errors = [{"ValidationErrors": [{"Message": text} for text in texts]} for texts in elements]
    message = "A validation exception occurred"
    return {
        "ErrorNumber": 10,
        "Type": "ValidationException",
        "Message": message,
        "Elements": errors,
    }


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, problem("Unauthorized", 401, "TokenExpired: token expired at 03/02/2026 05:16:59"),
         f"{RECONNECT}: TokenExpired: token expired at 03/02/2026 05:16:59"),
        (403, problem("Forbidden", 403, "AuthenticationUnsuccessful"),
         f"{DENIED} (403): AuthenticationUnsuccessful"),
        (400, validation(["The fromDate is not valid"]), f"{REFUSED} (400): The fromDate is not valid"),
        (400, validation(["a", "b"], ["c", "a"], []), f"{REFUSED} (400): a; b; c"),
        (400, validation(), f"{REFUSED} (400): A validation exception occurred"),
        (400, {"type": "invalid-request", "title": "InvalidRequest", "status": 400,
               "detail": "Organisation does not exist"},
         f"{REFUSED} (400): Organisation does not exist"),
        (404, "The resource you're looking for cannot be found", f"{REFUSED} (404)"),
        (429, "", SLOW_DOWN),
        (503, {"title": "ServiceUnavailable", "detail": "Not at this time."},
         "ProviderUnavailableError: W: the provider is down or faulty (503): Not at this time."),
    ],
)  # fmt: skip
def test_xero(status, body, said):
    assert error(XERO, status, body) == said


def test_xero_misspells_the_missing_scope():
    body = problem("Unauthorized", 401, "AuthorizationUnsuccessful")
    found = error(XERO, 401, body, www_authenticate="insufficent_scope")

    assert found == f"{LACKS.format('')} (401): AuthorizationUnsuccessful"
    assert error(GUSTO, 401, "", www_authenticate="insufficent_scope") == RECONNECT


def gusto(*errors):
    return {"errors": [*errors]}


def nested(depth):
    inner = {"errors": [nested(depth - 1)]} if depth else {}
    return {"category": f"level_{depth}", **inner}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, gusto({"error_key": "request", "category": "not_found", "message": "Not found."}),
         f"{REFUSED} (404): Not found. (not_found)"),
        (422, gusto({"error_key": "first_name", "category": "invalid", "message": "Is required"},
                    {"error_key": "birthday", "category": "invalid", "message": "Is no date"}),
         f"{REFUSED} (422): Is required (invalid); Is no date (invalid)"),
        (422, gusto({"error_key": "pay", "category": "nested_errors", "errors": [
                        {"error_key": "hours", "category": "invalid", "message": "Fixed wage"}]},
                    {"error_key": "pay", "category": "nested_errors", "errors": [
                        {"error_key": "wage", "category": "invalid", "message": "Paid hourly"}]}),
         f"{REFUSED} (422): nested_errors; Fixed wage (invalid); Paid hourly (invalid)"),
        (422, gusto(nested(6)),
         f"{REFUSED} (422): level_6; level_5; level_4; level_3; level_2"),
        (422, gusto({"error_key": "base"}), f"{REFUSED} (422): base"),
        (429, gusto({"error_key": "base", "category": "limit", "message": "Too many requests."}),
         f"{SLOW_DOWN}: Too many requests. (limit)"),
        (403, gusto({"category": "missing_oauth_scopes", "message": "You are missing scopes",
                     "metadata": {"missing_scope_name": "payrolls:read"}}),
         LACKS.format(" 'payrolls:read'")
         + " (403): You are missing scopes (missing_oauth_scopes)"),
        (403, gusto({"category": "missing_oauth_scopes"}),
         f"{LACKS.format('')} (403): missing_oauth_scopes"),
        (406, gusto({"category": "invalid_api_version", "message": "Version is retired"}),
         f"{OUTDATED}: Version is retired (invalid_api_version)"),
        (401, "", RECONNECT),
        (400, {"errors": "s3cret", "message": "Not valid"}, f"{REFUSED} (400): Not valid"),
        (400, {"errors": ["s3cret", None, 7]}, f"{REFUSED} (400)"),
        (400, {"errors": [{"message": {"a": "s3cret"}, "category": 7}]}, f"{REFUSED} (400)"),
        (403, gusto({"category": "missing_oauth_scopes", "metadata": ["s3cret"]}),
         f"{LACKS.format('')} (403): missing_oauth_scopes"),
    ],
)  # fmt: skip
def test_gusto(status, body, said):
    assert error(GUSTO, status, body) == said


def upper(*errors):
    return {"Fault": {"Error": list(errors), "type": "ValidationFault"}, "time": "2026-03-10"}


def lower(message, detail):
    error = {"message": message, "detail": detail, "code": "3200", "element": None}
    return {"warnings": None, "fault": {"error": [error], "type": "AUTHENTICATION"}, "report": None}


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (401, lower("message=AuthenticationFailed; errorCode=003200", "Malformed bearer token"),
         f"{RECONNECT}: Malformed bearer token"),
        (403, lower("message=AuthorizationFailed; errorCode=003100; statusCode=403", None),
         f"{DENIED} (403): message=AuthorizationFailed; errorCode=003100; statusCode=403"),
        (400, upper({"Message": "Object Not Found", "Detail": "No such object", "code": "610"},
                    {"Message": "Another"}),
         f"{REFUSED} (400): No such object; Another"),
        (429, upper({"Message": "message=ThrottleExceeded", "Detail": None, "code": "3001"}),
         f"{SLOW_DOWN}: message=ThrottleExceeded"),
        (401, "<IntuitResponse><Fault><Error><Detail>s3cret</Detail></Error></Fault></IntuitResponse>",
         RECONNECT),
        (504, "upstream request timeout",
         "TooSlowError: W: the provider is down or faulty (504)"),
        (400, {"Fault": []}, f"{REFUSED} (400)"),
    ],
)  # fmt: skip
def test_quickbooks(status, body, said):
    assert error(QUICKBOOKS, status, body) == said


@pytest.mark.parametrize("package", [integrations.contracts, integrations.runtime, oauth_service])
def test_nothing_outside_the_plugins_depends_on_a_provider(package):
    slugs = {plugin.slug for plugin in load_registry()} | {"intuit"}
    (folder,) = package.__path__
    found = [
        f"{path.name}: {text}"
        for path in sorted(Path(folder).rglob("*.py"))
        for text in _names_and_texts(ast.parse(path.read_text("utf-8")))
        if any(slug in text.lower() for slug in slugs) and "such as" not in text
    ]

    assert len(slugs) >= 4
    assert found == []


def _names_and_texts(tree):
    """Yield identifiers and texts of the code, without its docstrings."""
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value
        yield from (
            value
            for name in ("id", "attr", "arg", "name", "module")
            if isinstance(value := getattr(node, name, None), str)
        )
