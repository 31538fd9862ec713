"""Foreign text as data: what `printable` and the rules of each sink keep, for any text at all."""

import csv
import io
import json
import re

import pytest
from hypothesis import given
from support.names import (
    FOUND_BEFORE,
    MANY,
    Rendered,
    any_text,
    is_printable,
    names,
    squeezed,
)

from integrations.contracts.display import printable, spreadsheet_cell
from integrations.runtime.answers import RawAnswer
from zebbra_pipeline.cli.output import print_json, print_traceback
from zebbra_pipeline.orchestration.metadata import markdown
from zebbra_pipeline.orchestration.metadata.tables import bars

PERSIAN = "\u0645\u06cc\u200c\u062e\u0648"
EVIL = "https://evil.example/"


@pytest.mark.parametrize(
    "name",
    [
        *FOUND_BEFORE,
        "Café & Söhne",
        "株式会社",
        "מסעדה",
        "👩\u200d💻 Ltd",
        PERSIAN,
        "A\u00a0B",
        "A\\B",
    ],
)
def test_an_ordinary_name_is_shown_as_it_is(name):
    assert printable(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b[2Jb\x07", r"a\x1b[2Jb\x07"),
        ("a\r\nb\tc", r"a\r\nb\tc"),
        ("\x9b31m", r"\x9b31m"),
        ("\u202eltd.evil", r"\u202eltd.evil"),
        ("Ac\u200dme", r"Ac\u200dme"),
        ("\u200c", r"\u200c"),
        ("\u3164\ufeff", r"\u3164\ufeff"),
        ("\ud800\U000e0041", r"\ud800\U000e0041"),
    ],
)
def test_what_cannot_be_seen_is_shown_as_an_escape(name, shown):
    assert printable(name) == shown


@MANY
@given(any_text)
def test_any_text_is_one_printable_line_and_stays_so(text):
    shown = printable(text)

    assert len(shown.splitlines()) <= 1
    assert is_printable(shown)
    assert printable(shown) == shown
    assert shown.encode().decode() == shown  # no half of a surrogate pair


@MANY
@given(any_text)
def test_markdown_shows_any_text_and_nothing_else(text):
    for rendered in (Rendered(markdown.escaped(text)), Rendered(f"- {markdown.escaped(text)}")):
        assert rendered.text == squeezed(printable(text))
        assert rendered.kinds - {"bullet_list", "list_item"} <= {
            "paragraph",
            "inline",
            "text",
            "code_inline",
        }
        assert rendered.urls == []


@MANY
@given(any_text)
def test_what_is_shown_both_ways_is_the_same_text_in_both(text):
    quoted = markdown.quoted(text)
    rendered = Rendered(quoted)

    assert rendered.is_inert
    assert rendered.text.replace("\\|", "|") == squeezed(printable(text)).replace("\\|", "|")
    assert is_printable(quoted)
    assert markdown.quoted("fetch profit_and_loss of ws_1 again") == (
        "fetch profit_and_loss of ws_1 again"
    )


@MANY
@given(any_text)
def test_a_cell_of_a_markdown_table_stays_one_cell(text):
    rendered = Rendered(f"| a | b |\n| --- | --- |\n| {markdown.escaped(text)} | 1 |")

    assert rendered.text == squeezed(f"a b {printable(text)} 1")
    assert rendered.kinds <= {
        *("table", "thead", "tbody", "tr", "th", "td"),
        *("inline", "text", "code_inline"),
    }


@MANY
@given(any_text)
def test_code_shows_any_text(text):
    rendered = Rendered(f"x {markdown.code(text)} x")

    assert rendered.is_inert
    assert rendered.text == squeezed(f"x {printable(text)} x")


@MANY
@given(any_text)
def test_a_link_leads_where_it_should_whatever_it_is_called(text):
    rendered = Rendered(markdown.link(text, "https://good.example/a?b=(1)&copy=2"))

    assert rendered.text == squeezed(printable(text))
    assert rendered.urls == ["https://good.example/a?b=%281%29&copy=2"]


@MANY
@given(any_text)
def test_an_address_cannot_leave_its_link(text):
    rendered = Rendered(markdown.link("report", f"https://good.example/{text}"))

    assert rendered.text == "report"
    assert len(rendered.urls) == 1
    assert rendered.urls[0].startswith("https://good.example/")


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "http://[x"])
def test_a_link_to_anything_but_the_web_is_text(url):
    assert markdown.link("report", url) == "report"


@MANY
@given(names)
def test_a_chart_is_one_image_whatever_it_is_called(name):
    rendered = Rendered(bars([1, 2], ["Jan", "Feb"], name=name))

    assert rendered.text == squeezed(printable(name))
    assert [url.partition(",")[0] for url in rendered.urls] == ["data:image/svg+xml"]


@MANY
@given(any_text)
def test_a_spreadsheet_runs_no_cell(text):
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerow([spreadsheet_cell(text), "next"])
    ((cell, following),) = csv.reader(io.StringIO(file.getvalue()))

    assert following == "next"
    assert cell.removeprefix("'") == printable(text).removeprefix("'")
    assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell)


@MANY
@given(any_text)
def test_json_is_raw_data_and_does_nothing_to_a_terminal(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", file := io.StringIO())
        print_json({"name": text})

    assert json.loads(file.getvalue()) == {"name": text}
    assert is_printable(file.getvalue())


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_json_is_json_in_any_encoding(encoding, monkeypatch):
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", file)
    print_json(["Café", "株", "\x9b", "👩"])
    file.flush()

    assert json.loads(file.buffer.getvalue().decode(encoding)) == ["Café", "株", "\x9b", "👩"]


def test_an_unexpected_error_does_nothing_to_a_terminal(capsys):
    with pytest.raises(LookupError) as raised:
        {}["Acme \x1b[2J\u202e [/b]"]
    print_traceback(LookupError, LookupError("Acme \x1b[2J\u202e [/b]"), raised.tb)
    shown = capsys.readouterr().err

    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("LookupError: Acme \\x1b[2J\\u202e [/b]\n")


@MANY
@given(any_text)
def test_a_providers_answer_holds_only_what_can_be_stored(text):
    sent = {"names": [text], "nested": {"name": text}}
    for body in (
        json.dumps(sent).encode(),
        json.dumps(sent, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        json.dumps(sent).encode("utf-16"),
    ):
        answer = RawAnswer(200, {}, body, EVIL).json()

        kept = re.sub("[\0\ud800-\udfff]", "\ufffd", text)
        assert answer == {"names": [kept], "nested": {"name": kept}}
