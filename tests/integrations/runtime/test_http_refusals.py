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

FORBIDDEN = {"Title": "Forbidden", "Status": 403, "Detail": "AuthenticationUnsuccessful"}


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
        ({"Message": "A validation exception occurred"}, "A validation exception occurred"),
        ({"Detail": "No such report", "Message": "other"}, "No such report"),
        ({"title": "Not Found", "detail": "No such report", "status": 404}, "No such report"),
        ({"title": "Not Found", "detail": None}, "Not Found"),
        ({"error": "invalid_request", "error_description": "No date"}, "No date"),
        ({"error": {"code": 7, "message": "No date"}}, "No date"),
        ({"errors": [{"message": "a"}, {"detail": "b"}, {"title": "c"}, {"message": "a"}]}, "a; b; c"),
        ({"errors": [{"message": " "}, {"code": "x"}], "message": "The date is\nnot valid"},
         "The date is not valid"),
        ({"Message": "x" * 300}, "x" * 197 + "..."),
        ({"errors": [{"message": "y" * 150}, {"message": "z" * 150}]},
         "y" * 150 + "; " + "z" * 45 + "..."),
    ],
)  # fmt: skip
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


async def test_token_is_hidden_where_the_message_is_cut():
    error = await refusal(Reply(400, {"Message": "x" * 193 + "token-1 is not for this host"}))

    assert str(error).endswith(f"(400): {'x' * 193}*** ...")


async def test_403_is_denied_access_with_the_providers_reason():
    error = await refusal(Reply(403, FORBIDDEN))

    assert type(error) is AccessDeniedError
    assert str(error) == (
        "Ledgerly: GET v1/r: the provider denies access (403): AuthenticationUnsuccessful"
    )


async def test_403_challenge_names_the_scope_as_the_standard_has_it():
    challenge = 'Bearer error="insufficient_scope", scope="reports.read"'
    error = await refusal(Reply(403, b"", {"WWW-Authenticate": challenge}))

    assert "lacks a scope 'reports.read'" in str(error)


async def test_406_is_a_retired_api_version_for_the_operator():
    error = await refusal(Reply(406, {"errors": [{"message": "Version is retired"}]}))

    assert type(error) is ConfigurationError
    assert str(error).endswith("(406); update the integration: Version is retired")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_refused_without_showing_where_it_leads(status):
    error = await refusal(Reply(status, "", {"Location": "https://elsewhere.example/?t=s3cret"}))

    assert isinstance(error, RequestRefusedError)
    assert error.status == status
    assert "elsewhere" not in str(error)
    assert "not followed" in str(error)
