"""Names on the pages of the OAuth service, in its API and its log."""

import json
import logging
from html import unescape

import pytest
from hypothesis import example, given
from support.names import FEW, FOUND_BEFORE, MANY, Page, any_text, is_printable, names, squeezed
from support.oauth_rig import Rig, running_rig
from support.operator import operator

from integrations.contracts.display import printable
from oauth_service.ops.logs import JsonLines, TextLines


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory):
    with running_rig(tmp_path_factory.mktemp("names")) as running:
        running.connect("acme")
        yield running


def pages(rig: Rig) -> dict[str, str]:
    person, boss = rig.new_person(), operator(rig)
    shown = {"connect": person.open(rig.pipeline.link("acme", None)).text}
    for path in (
        "/admin",
        *(f"/admin/connections/acme/toybooks{end}" for end in ("", "/disconnect")),
    ):
        answer = boss.http.get(path)
        assert answer.status_code == 200, path
        shown[path] = answer.text
    for client in (person, boss):
        client.http.close()
    return shown


@FEW
@example(name=FOUND_BEFORE[0])
@example(name="\x1b[2J<script>\u202e</script>\n[x](javascript:y)")
@given(name=names)
def test_a_page_has_the_same_elements_whatever_a_name_is(rig: Rig, name: str) -> None:
    rig.call_everything("Plain", state="requires_reconnect")
    plain = {path: Page(text).shape for path, text in pages(rig).items()}
    rig.call_everything(name, state="requires_reconnect")

    for path, text in pages(rig).items():
        page = Page(text)
        assert page.shape == plain[path], path
        assert squeezed(printable(name)) in squeezed(page.text), path
        assert is_printable(text.replace("\r\n", "\n")), path


@FEW
@given(name=any_text)
def test_a_workspace_name_is_kept_or_refused(rig: Rig, name: str) -> None:
    body = json.dumps({"workspace_id": "named", "workspace_name": name})
    answer = rig.pipeline.http.post(
        "/api/connect-links", content=body, headers={"Content-Type": "application/json"}
    )
    kept = {
        item["workspace_id"]: item["workspace_name"]
        for item in rig.pipeline.http.get("/api/workspaces").json()["workspaces"]
    }

    assert answer.status_code in {200, 422}
    if answer.status_code == 200 and name.strip():
        assert kept["named"].strip() == name.strip()


def test_the_api_gives_a_name_as_it_is(rig: Rig) -> None:
    for name in (*FOUND_BEFORE, "\x1b[2J\u202e\n"):
        rig.call_everything(name, state="requires_reconnect")
        assert rig.pipeline.connection()["tenant_name"] == name


def test_a_search_is_repeated_as_text(rig: Rig) -> None:
    page = operator(rig).http.get("/admin", params={"text": '"><script>x</script>'}).text

    assert ("script",) not in Page(page).shape
    assert '"><script>x</script>' in unescape(page)  # what the form sends again is unchanged


def test_a_name_that_reads_from_right_to_left_turns_nothing_beside_it(rig: Rig) -> None:
    rig.call_everything("שלום", state="requires_reconnect")

    for path, text in pages(rig).items():
        _, _, body = text.partition("</title>")
        assert body.count("שלום") == body.count("<bdi>שלום</bdi>") > 0, path


@MANY
@given(any_text)
def test_a_log_entry_is_one_printable_line(name: str) -> None:
    record = logging.LogRecord("there", logging.INFO, __file__, 1, "org %s", (name,), None)
    text, in_json = TextLines().format(record), JsonLines().format(record)

    assert is_printable(text)
    assert is_printable(in_json)
    assert len(text.splitlines()) == len(in_json.splitlines()) == 1
    assert json.loads(in_json)["message"] == f"org {name}"


@MANY
@given(any_text)
def test_an_error_in_the_log_cannot_look_like_an_entry(name: str) -> None:
    error = LookupError(name)
    record = logging.LogRecord(
        "there", logging.ERROR, __file__, 1, "failed", (), (LookupError, error, None)
    )
    text = TextLines().format(record)

    assert is_printable(text)
    assert len(text.splitlines()) == 2
