"""What a plugin may say about its provider's error answers."""

import pytest
from support.fake_connection import a_plugin

from integrations.contracts import RefusalReader, RefusedAnswer


@pytest.mark.parametrize(
    ("path", "payload", "found"),
    [
        ("Why", {"why": "a"}, ["a"]),
        ("why", {"WHY": "a"}, ["a"]),
        ("a.b.why", {"a": {"b": {"why": "x"}}}, ["x"]),
        ("a[].b[].why", {"a": [{"b": [{"why": "x"}, {"why": "y"}]}, {"b": [{"why": "z"}]}]}, ["x", "y", "z"]),
        ("a[].why|code", {"a": [{"why": None, "code": "x"}, {"why": "y", "code": "z"}]}, ["x", "y"]),
        ("problems[]", {"problems": ["x", " ", 7, "y"]}, ["x", "y"]),
        ("odata-error.why", {"odata-error": {"why": "x"}}, ["x"]),
        ("why", {"why": 7}, []),
        ("why", {"why": " \n"}, []),
        ("why", {"why": ["x"]}, []),
        ("why[]", {"why": "xyz"}, []),
        ("a.why", {"a": "why"}, []),
        ("a[].why", {"a": {"why": "x"}}, []),
        ("why", ["why"], []),
        ("why", None, []),
    ],
)  # fmt: skip
def test_texts_are_read_from_named_fields_only(path, payload, found):
    reader = RefusalReader(message_paths=(path,))

    assert list(reader.messages(RefusedAnswer(400, {}, payload))) == found


@pytest.mark.parametrize(
    "path", ["", ".", "a.", "a..b", "a[0].b", "a[]b", "a b", "$.a", "a|", "a|b.c"]
)
def test_path_that_can_match_nothing_is_refused(path):
    with pytest.raises(ValueError, match=r"message_paths: .*: expected field names such as"):
        RefusalReader(message_paths=(path,))


@pytest.mark.parametrize("name", ["message_paths", "scope_errors"])
def test_single_text_instead_of_a_tuple_is_refused(name):
    with pytest.raises(TypeError, match=f"{name}: expected a tuple of texts, found a single text"):
        RefusalReader(**{name: "detail"})


def test_plugin_with_another_reader_is_refused():
    with pytest.raises(TypeError, match=r"Ledgerly: api\.refusals: expected an instance of"):
        a_plugin(refusals={"message_paths": ("detail",)})


@pytest.mark.parametrize(
    ("challenge", "scope"),
    [
        ("", None),
        ('Bearer error="invalid_token"', None),
        ('Bearer error="insufficient_scope"', ""),
        ('Bearer error="Insufficient_Scope", scope="a b"', "a b"),
        ("no_such_scope", ""),
    ],
)
def test_missing_scope_is_read_from_the_challenge(challenge, scope):
    reader = RefusalReader(scope_errors=("no_such_scope",))

    assert reader.missing_scope(RefusedAnswer(401, {"www-authenticate": challenge}, None)) == scope


def test_refused_answer_is_printed_without_what_it_holds():
    assert repr(RefusedAnswer(400, {"x": "s3cret"}, "s3cret")) == "RefusedAnswer(status=400)"
