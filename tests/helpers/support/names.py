"""Names as an attacker writes them, and what a person may see of them."""

import re
from html.parser import HTMLParser

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from integrations.contracts.display import printable

MANY = settings(deadline=None)
"""For pure rules; how long one takes is no matter on a busy machine."""
FEW = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
"""For what asks services or files; they are shared by the examples."""

FOUND_BEFORE = ("Acme [/b]", "consulting", "Sales [old]")
"""Names with which the commands once failed, or printed something else."""
_PIECES = (
    *FOUND_BEFORE,
    *("[bold red]", "[/]", "[link=https://evil.example]x[/link]", "[@click=app.bell]", ":smile:"),
    *("\x1b[2J", "\x1b]8;;https://evil.example\x07", "\x07", "\x9b31m", "\x9d0;x\x9c", "\x7f"),
    *("\n", "\r", "\t", "\x0b", "\x85", "\u2028", "\u2029", "\r\n2026-01-01 INFO forged"),
    *("\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u3164", "\U000e0041", "\u061c"),
    *("![x](https://evil.example/x.png)", "[x](javascript:alert(1))", "[x]: https://evil.example"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "</title>", "<b>"),
    *("&lt;", "&#x202e;", "|", "||", "\\|", "`", "``", "*", "**", "_", "__", "~~", "\\", "$"),
    *("https://evil.example/a|b", "www.evil.example", "a@evil.example", "mailto:a@b.example"),
    *("# ", "## ", "- ", "+ ", "1. ", "2) ", "> ", "=", "===", "---", "    ", "```", ":--"),
    *("=cmd|'/c calc'!A1", "+1", "-1", "@SUM(1)", "\uff1d1"),
    *('"', "'", " onload=x ", "{{ 7*7 }}", "{% raw %}", "%s", "%(x)s", "{0}", "${x}"),
    *(
        "مرحبا",
        "שלום",
        "a\u0301",
        "👩\u200d💻",
        "\u0645\u06cc\u200c\u062e\u0648",
        "Café & Söhne",
        "\u00a0",
    ),
)
_TEXTS = st.text(max_size=12).map(lambda text: text.replace("\0", ""))

names = st.one_of(
    st.sampled_from(_PIECES),
    st.lists(st.one_of(st.sampled_from(_PIECES), _TEXTS), min_size=1, max_size=4).map("".join),
).filter(str.strip)
"""Any text that a database can hold."""

any_text = st.one_of(
    names,
    st.text(st.characters(exclude_categories=()), max_size=20),  # surrogates and NUL too
    st.builds("{}\ud800{}\0".format, names, names),
)
"""Any text that a provider's JSON can hold."""

_LINKED_AFTER_PARSING = re.compile(
    r"(https?://|www(?=\.))([-.\w]+)([^ \t\r\n]*)|([-.\w+]+)@([-\w]+(?:\.[-\w]+)+)",
    re.IGNORECASE | re.ASCII,
)
"""What mdast-util-gfm-autolink-literal, which Dagster's UI uses, turns into links in any text."""
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_PARSER.validateLink = lambda _url: True  # strictest: any scheme counts as a link
_INERT = {"paragraph", "inline", "text", "code_inline", "softbreak"}


def is_printable(text: str) -> bool:
    """Whether a terminal shows *text* as it is, line by line."""
    return all(printable(line) == line for line in text.split("\n"))


def squeezed(text: str) -> str:
    """Return *text* as HTML shows it: runs of spaces are one."""
    return " ".join(text.split())


class Rendered:
    """
    What a person sees of markdown.

    Attributes:
        text: The visible text, descriptions of images included.
        kinds: Kinds of its parts, such as `link_open`.
        urls: Where its links and images lead.
    """

    def __init__(self, markdown: str) -> None:
        self.text = ""
        self.kinds: set[str] = set()
        self.urls: list[str] = []
        self._add(_PARSER.parse(markdown))
        self.text = squeezed(self.text)

    def _add(self, tokens: list[Token]) -> None:
        for token in tokens:
            self.kinds.add(token.type.removesuffix("_open").removesuffix("_close"))
            self.urls += [str(token.attrs[key]) for key in ("href", "src") if key in token.attrs]
            if token.type == "text" and (found := _LINKED_AFTER_PARSING.search(token.content)):
                self.urls.append(found.group())
            if token.children:
                self._add(token.children)
            elif token.type in {"softbreak", "td_close", "th_close", "paragraph_close"}:
                self.text += " "
            else:
                self.text += token.content

    @property
    def is_inert(self) -> bool:
        return self.kinds <= _INERT and not self.urls


class Page(HTMLParser):
    """
    An HTML page as a browser reads it.

    Attributes:
        shape: Its elements and the names of their attributes, in their order.
        text: Everything that is shown.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, ...]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.shape.append(("comment", data))

    def handle_data(self, data: str) -> None:
        self.text += data
