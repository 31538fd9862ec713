"""A made-up provider whose error answers have a shape of their own, which its plugin describes."""

import logging
from collections.abc import Iterable

import pytest
from support.http_rig import a_rig
from support.scripted_server import Reply

from integrations.contracts import (
    AccessDeniedError,
    IntegrationError,
    ReconnectRequiredError,
    RefusalReader,
    RefusedAnswer,
    RequestRefusedError,
)

OWN_FIELDS = RefusalReader(message_paths=("Problem.Lines[].Text|Code", "Problem.Summary"))


class Flagged(RefusalReader):
    """An API that answers `{"ok": false, "why": [code, text], "needs": scope}`."""

    def messages(self, refused: RefusedAnswer) -> Iterable[str]:
        code, text = refused.payload["why"]
        return (f"{text} [{code}, {refused.status}]",)

    def missing_scope(self, refused: RefusedAnswer) -> str | None:
        return (refused.payload or {}).get("needs")


async def refusal(reply: Reply, refusals: RefusalReader) -> tuple[IntegrationError, int, int]:
    """Return the error, the requests sent and the tokens asked for."""
    async with a_rig(refusals=refusals) as rig:
        rig.server.answer("/r", reply)
        with pytest.raises(IntegrationError) as caught:
            await rig.client.get("r")
        return caught.value, rig.client.calls, len(rig.tokens.asked)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"Problem": {"Lines": [{"Text": "No date", "Code": "7"}, {"Code": "8"}]}}, "No date; 8"),
        ({"problem": {"lines": [{"text": "No date"}]}}, "No date"),
        ({"Problem": {"Lines": [], "Summary": "Not valid"}}, "Not valid"),
        ({"Problem": {"Lines": {"Text": "s3cret"}}, "message": "Not valid"}, "Not valid"),
        ({"Problem": ["s3cret"], "detail": "Not valid"}, "Not valid"),
    ],
)
async def test_paths_of_the_plugin_are_read_before_the_standard_ones(body, said):
    error, _, _ = await refusal(Reply(400, body), OWN_FIELDS)

    assert type(error) is RequestRefusedError
    assert str(error) == f"Ledgerly: GET r: the provider refuses the request (400): {said}"


async def test_plugin_reads_a_shape_that_no_path_expresses():
    body = {"ok": False, "why": [17, "token-1 is for\nsomething else"]}
    error, _, _ = await refusal(Reply(422, body), Flagged())

    assert str(error) == (
        "Ledgerly: GET r: the provider refuses the request (422): *** is for something else [17, 422]"
    )


@pytest.mark.parametrize("status", [401, 403])
async def test_plugin_recognizes_a_missing_scope_and_no_token_is_refreshed_for_it(status):
    body = {"ok": False, "why": [3, "Not allowed"], "needs": "reports.read"}
    error, calls, asked = await refusal(Reply(status, body), Flagged())

    assert type(error) is AccessDeniedError
    assert str(error) == (
        "Ledgerly: GET r: the connection lacks a scope 'reports.read' that this request needs; "
        f"add it to the app's scopes and connect again ({status}): Not allowed [3, {status}]"
    )
    assert (calls, asked) == (1, 1)


@pytest.mark.parametrize("body", [b"", {"why": "s3cret"}, {"why": [1, 2, "s3cret"]}, {"needs": 5}])
async def test_faulty_reader_does_not_hide_the_refusal(body, caplog):
    with caplog.at_level(logging.WARNING):
        error, calls, asked = await refusal(Reply(401, body), Flagged())

    assert type(error) is ReconnectRequiredError
    assert str(error) == (
        "Ledgerly: GET r: the provider refuses a token that was just refreshed (401); connect again"
    )
    assert (calls, asked) == (2, 2)
    assert "Flagged could not read an error answer" in caplog.text
    assert "s3cret" not in caplog.text


async def test_texts_without_end_are_cut():
    class Endless(RefusalReader):
        def messages(self, refused: RefusedAnswer) -> Iterable[str]:
            while True:
                yield "again"

    error, _, _ = await refusal(Reply(400, {}), Endless())

    assert str(error).endswith("(400): again")
