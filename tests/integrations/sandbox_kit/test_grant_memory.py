"""What an emulator remembers is on disk after each change, and stays small."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from support.sandbox import LIKE_GUSTO, LIKE_QUICKBOOKS, LIKE_XERO, TODAY

from integrations.sandbox_kit import GrantBook, OAuthError, SandboxContext

HOUR = 3600


def book_of(path: Path | None, rules=LIKE_XERO, context: SandboxContext | None = None):
    return GrantBook(rules, context or SandboxContext(TODAY, state_path=path), issuer="demo")


def connected(book: GrantBook, tenant_id: str = "org-1"):
    _, code = book.open_grant(
        client_id="app",
        user_id="alice",
        tenant_ids=[tenant_id],
        scopes=["offline_access"],
        redirect_uri="https://app.example/cb",
        challenge=None,
    )
    return book.exchange_code(
        code, client_id="app", redirect_uri="https://app.example/cb", verifier=None
    )


@pytest.mark.parametrize("rules", [LIKE_XERO, LIKE_GUSTO, LIKE_QUICKBOOKS])
def test_a_second_book_on_the_same_file_knows_all_that_the_first_did(tmp_path, rules):
    book = book_of(tmp_path / "state", rules)
    first, gone = connected(book), connected(book, "org-2")
    book.refresh(first["refresh_token"], client_id="app")
    book.revoke_grants("org-2")
    book.vanish("org-3")
    again = book_of(tmp_path / "state", rules)

    assert again.grants == book.grants
    assert again.vanished == {"org-3"}
    alive = again.access(first["access_token"], counts_as_use=False)
    assert alive.grant == book.grants[0]
    assert again.access(gone["access_token"]).problem == "ended"
    assert again.connections(book.grants[0]) == book.connections(book.grants[0])


def test_change_that_a_crash_cut_off_never_happened(tmp_path):
    path = tmp_path / "state"
    book = book_of(path)
    first = connected(book)
    size = path.stat().st_size
    second = book.refresh(first["refresh_token"], client_id="app")
    path.write_bytes(path.read_bytes()[: size + 20])
    again = book_of(path)

    assert again.access(second["access_token"]).problem == "unknown"
    assert again.refresh(first["refresh_token"], client_id="app")["access_token"]


def test_damage_in_the_middle_is_reported_with_its_line(tmp_path):
    path = tmp_path / "state"
    connected(book_of(path))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "garbage", *lines[1:], ""]))

    with pytest.raises(ValueError, match="line 2: expected a JSON object"):
        book_of(path)


def test_file_is_condensed_when_a_book_opens(tmp_path):
    path = tmp_path / "state"
    book = book_of(path)
    token = connected(book)["refresh_token"]
    for _ in range(30):
        token = book.refresh(token, client_id="app")["refresh_token"]
    before = len(path.read_text().splitlines())
    book_of(path)

    assert before > 30
    assert len(path.read_text().splitlines()) == 1


def test_long_running_emulator_forgets_old_tokens_and_condenses_its_file(tmp_path):
    path = tmp_path / "state"
    context = SandboxContext(TODAY, state_path=path)
    book = book_of(path, context=context)
    token = connected(book)["refresh_token"]
    sizes = []
    for _ in range(1500):
        book.advance_clock(HOUR)
        token = book.refresh(token, client_id="app")["refresh_token"]
        sizes.append(path.stat().st_size)
    snapshot = json.loads(path.read_text().splitlines()[0])

    assert max(sizes) < 1_500_000
    assert any(later < earlier for earlier, later in pairwise(sizes))
    assert len(snapshot["rows"]["access_tokens"]) < 10
    assert len(snapshot["rows"]["refresh_tokens"]) < 25


def test_state_file_deleted_under_a_running_emulator_is_written_anew(tmp_path):
    path = tmp_path / "state"
    book = book_of(path)
    first = connected(book)
    path.unlink()
    second = book.refresh(first["refresh_token"], client_id="app")

    assert book_of(path).access(second["access_token"]).grant is not None


def test_book_without_a_file_writes_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    connected(book_of(None))

    assert list(tmp_path.iterdir()) == []


def test_tokens_do_not_show_when_a_grant_is_printed():
    book = book_of(None, LIKE_QUICKBOOKS)
    answer = connected(book)

    assert answer["refresh_token"] not in repr(book.grants)


def test_refusal_says_its_oauth_code_only():
    with pytest.raises(OAuthError, match=r"^invalid_grant$"):
        book_of(None).refresh("nonsense", client_id="app")
