"""Answers that no repeat can mend: which error, and which of the provider's words it carries."""

import pytest
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import (
    AccessDeniedError,
    ConfigurationError,
    IntegrationError,
    RequestRefusedError,
)

XERO_VALIDATION = {
    "ErrorNumber": 10,
    "Type": "ValidationException",
    "Message": "A validation exception occurred",
    "Elements": [
        {"ValidationErrors": [{"Message": "The date is\nnot valid"}, {"Message": "No such id"}]}
    ],
}
XERO_FORBIDDEN = {
    "Type": None,
    "Title": "Forbidden",
    "Status": 403,
    "Detail": "AuthenticationUnsuccessful",
}
GUSTO_SCOPE = {
    "errors": [
        {
            "error_key": "request",
            "category": "missing_oauth_scopes",
            "message": "You are missing scopes",
            "metadata": {"missing_scope_name": "payrolls:read"},
        }
    ]
}
GUSTO_NESTED = {
    "errors": [
        {
            "category": "nested_errors",
            "errors": [{"error_key": "end_date", "category": "invalid_parameter",
                        "message": "range over a year"}],
        }
    ]
}  # fmt: skip
QUICKBOOKS_UPPER = {
    "Fault": {
        "Error": [{"Message": "Object Not Found", "Detail": "Something you're trying to use",
                   "code": "610"}],
        "type": "ValidationFault",
    },
    "time": "2026-03-10",
}  # fmt: skip
QUICKBOOKS_LOWER = {
    "warnings": None,
    "fault": {
        "error": [{"message": "message=ApplicationAuthorizationFailed; errorCode=003100",
                   "detail": None, "code": "3100"}],
        "type": "SERVICE",
    },
}  # fmt: skip


async def refusal(reply: Reply, **facts) -> IntegrationError:
    async with a_rig(**facts) as rig:
        rig.server.answer("/v1/r", reply)
        with pytest.raises(IntegrationError) as caught:
            await rig.client.get("v1/r", {"secret": "s3cret"})
    assert rig.client.calls == 1
    assert rig.timing.slept == []
    assert "s3cret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("status", [400, 404, 409, 410, 412, 422, 501])
async def test_request_that_the_provider_calls_wrong_is_refused_with_its_status(status):
    error = await refusal(Reply(status, {"salary": "s3cret"}))

    assert isinstance(error, RequestRefusedError)
    assert error.status == status
    assert str(error) == f"Ledgerly: GET v1/r: the provider refuses the request ({status})"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (XERO_VALIDATION, "The date is not valid; No such id"),
        ({"Message": "A validation exception occurred"}, "A validation exception occurred"),
        ({"Detail": "No such report", "Message": "other"}, "No such report"),
        (GUSTO_NESTED, "nested_errors; range over a year (invalid_parameter)"),
        ({"errors": [{"error_key": "base"}]}, "base"),
        (QUICKBOOKS_UPPER, "Something you're trying to use"),
        (QUICKBOOKS_LOWER, "message=ApplicationAuthorizationFailed; errorCode=003100"),
        ({"Message": "x" * 300}, "x" * 197 + "..."),
    ],
)
async def test_the_providers_own_words_are_repeated_from_well_known_fields(body, said):
    error = await refusal(Reply(400, body, {"X-Trace": "t-1"}), trace_header="X-Trace")

    assert str(error) == (
        f"Ledgerly: GET v1/r: the provider refuses the request (400): {said} (X-Trace: t-1)"
    )


@pytest.mark.parametrize(
    "body",
    [
        "<html>s3cret</html>",
        '{"Message": "s3cret',
        ["s3cret"],
        {"Message": {"a": "s3cret"}, "Elements": "s3cret", "errors": ["s3cret"], "Fault": []},
        {"hint": "s3cret"},
        "null",
    ],
)
async def test_other_content_of_a_refusal_is_not_repeated(body):
    error = await refusal(Reply(422, body))

    assert str(error) == "Ledgerly: GET v1/r: the provider refuses the request (422)"


async def test_token_repeated_by_the_provider_is_hidden():
    error = await refusal(Reply(400, {"Message": "token-1 is not for this host"}))

    assert str(error).endswith("(400): *** is not for this host")


async def test_403_is_denied_access_with_the_providers_reason():
    error = await refusal(Reply(403, XERO_FORBIDDEN))

    assert type(error) is AccessDeniedError
    assert str(error) == (
        "Ledgerly: GET v1/r: the provider denies access (403): AuthenticationUnsuccessful"
    )


async def test_403_for_a_missing_scope_names_the_scope():
    error = await refusal(Reply(403, GUSTO_SCOPE))

    assert type(error) is AccessDeniedError
    assert str(error).startswith(
        "Ledgerly: GET v1/r: the connection lacks a scope 'payrolls:read' that this request needs"
    )


async def test_403_challenge_names_the_scope_as_the_standard_has_it():
    challenge = 'Bearer error="insufficient_scope", scope="reports.read"'
    error = await refusal(Reply(403, b"", {"WWW-Authenticate": challenge}))

    assert "lacks a scope 'reports.read'" in str(error)


async def test_406_is_a_retired_api_version_for_the_operator():
    body = {"errors": [{"category": "invalid_api_version", "message": "Version is retired"}]}
    error = await refusal(Reply(406, body))

    assert type(error) is ConfigurationError
    assert str(error).endswith(
        "(406); update the integration: Version is retired (invalid_api_version)"
    )


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_refused_without_showing_where_it_leads(status):
    error = await refusal(Reply(status, "", {"Location": "https://elsewhere.example/?t=s3cret"}))

    assert isinstance(error, RequestRefusedError)
    assert error.status == status
    assert "elsewhere" not in str(error)
    assert "not followed" in str(error)
