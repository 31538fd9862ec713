"""A number, an answer or a nesting from outside costs no memory, no time and no grant."""

import gzip
import json
import logging
import tracemalloc
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from support.http_rig import a_rig
from support.merge_models import a_model, landed
from support.oauth_rig import Rig, running_rig
from support.oauth_toy import PLUGIN
from support.scripted_server import Received, Reply, ScriptedServer, scripted_server

from integrations.contracts import (
    Answer,
    DataBatch,
    Employee,
    IntegrationProvider,
    JobSpell,
    LineKind,
    OutboundRequest,
    PayloadError,
    PayrollCost,
    ProviderUnavailableError,
    RateLimits,
    Statement,
    StatementLine,
    Tenant,
    parse_amount,
    unverified_claims,
)
from integrations.contracts.money import fits
from integrations.contracts.numbers import (
    LONGEST_LIFETIME_S,
    MOST_DEPTH,
    TooDeepError,
    load_json,
    usable_lifetime_s,
)
from integrations.gusto.adapter import _total_pages
from integrations.gusto.payrolls import parse_payrolls, split_by_days
from integrations.quickbooks import reports as quickbooks
from integrations.runtime.http import HttpSession, RawAnswer
from integrations.runtime.retry import retry_after_s
from integrations.xero import organisation
from integrations.xero import reports as xero
from oauth_service.grants.token_endpoint import Granted, Unavailable, ask, read_answer
from zebbra_pipeline.ingest.amounts import check_batch, check_costs, check_people
from zebbra_pipeline.merge.documents import ModelDocumentError, load_model
from zebbra_pipeline.merge.model import merge_model
from zebbra_pipeline.warehouse.fingerprints import batch_sha256, employees_sha256
from zebbra_pipeline.warehouse.snapshots import stored_amount

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BOMBS = [
    Decimal("1e999999999"),
    Decimal("-1e999999999"),
    Decimal("1e-999999999"),
    Decimal("0e999999999"),
    Decimal("1e999999999999999999"),
    Decimal("NaN"),
    Decimal("Infinity"),
    10**4000,
    "9" * 1_000_000,
    "0." + "0" * 1_000_000,
]
BOMB_NAMES = [f"{type(bomb).__name__}-{str(bomb)[:12]}" for bomb in BOMBS]
MEGABYTE = 1_000_000


@contextmanager
def little_memory(most: int = 4 * MEGABYTE) -> Iterator[None]:
    """Fail if the block takes more than *most* bytes at any time."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < most


# Amounts


@pytest.mark.parametrize("bomb", BOMBS, ids=BOMB_NAMES)
def test_amount_of_any_size_is_refused_before_it_is_written_out(bomb: Any) -> None:
    with little_memory(), pytest.raises(PayloadError, match=r"^here: expected "):
        parse_amount(bomb, "here")


@pytest.mark.parametrize("parse", [xero._amount, quickbooks._amount])
def test_cell_of_a_report_is_refused_by_its_place(parse: Callable[..., Any]) -> None:
    with little_memory():
        content = load_json('{"bomb": 1e399, "sound": 12.5}')
        cell = {"Value": content["bomb"], "value": content["bomb"]}
        with pytest.raises(PayloadError, match=r"^rows\[3\]: expected at most 14 digits"):
            parse(cell, "rows[3]", None)
        sound = {"Value": content["sound"], "value": content["sound"]}
        assert parse(sound, "rows[3]", None) == Decimal("12.5")


@given(
    st.integers(-(10**30), 10**30),
    st.integers(-(10**9), 10**9) | st.integers(-30, 30),
)
def test_amount_is_exact_or_refused_whatever_its_exponent(digits: int, exponent: int) -> None:
    value = Decimal((int(digits < 0), tuple(map(int, str(abs(digits)))), exponent))
    try:
        amount = parse_amount(value, "here")
    except PayloadError:
        return
    assert amount == value
    assert fits(amount)
    assert len(format(amount, "f")) < 1000


@given(st.text("0123456789.eE+-_ naNIf", max_size=40))
def test_amount_in_text_is_exact_or_refused(text: str) -> None:
    try:
        amount = parse_amount(text, "here")
    except PayloadError:
        return
    assert amount == Decimal(text.strip())
    assert fits(amount)


def test_payroll_is_split_whatever_zeros_its_amount_ends_in() -> None:
    amount = parse_amount("100." + "0" * 390, "here")
    with little_memory():
        parts = split_by_days(amount, date(2026, 1, 30), date(2026, 2, 2))

    assert parts == {date(2026, 1, 31): Decimal(50), date(2026, 2, 28): Decimal(50)}


def test_pay_period_of_thousands_of_years_is_not_split_by_months() -> None:
    payroll = {
        "processed": True,
        "uuid": "p",
        "pay_period": {"start_date": "0001-01-01", "end_date": "9999-12-31"},
        "totals": {},
    }
    with little_memory(), pytest.raises(PayloadError, match="expected at most 732 days"):
        parse_payrolls([payroll])


@pytest.mark.parametrize("bomb", [Decimal("1e15"), Decimal("1e30"), Decimal("1e999999999")])
def test_amount_that_an_adapter_computed_and_the_warehouse_cannot_hold_is_named(
    bomb: Decimal,
) -> None:
    month = date(2026, 1, 31)
    line = StatementLine(
        statement=Statement.PROFIT_AND_LOSS,
        account_id="a",
        label="Sales",
        kind=LineKind.ACCOUNT,
        values={month: bomb},
    )
    batch = DataBatch(
        integration=IntegrationProvider("Toybooks"),
        tenant_id="t",
        tenant_name="T",
        currency="EUR",
        dates=(month,),
        lines=(line,),
    )
    spell = JobSpell(title="x", start_date=month, monthly_salary=bomb, currency="EUR")
    person = Employee(employee_id="e-1", name="X", spells=(spell,))
    zero = Decimal(0)
    cost = PayrollCost(
        month=month,
        gross_pay=bomb,
        employer_taxes=zero,
        benefits=zero,
        reimbursements=zero,
        currency="EUR",
    )
    with little_memory():
        with pytest.raises(PayloadError, match=r"^Toybooks: profit_and_loss line 'Sales' 2026-01"):
            check_batch("Toybooks", batch)
        with pytest.raises(PayloadError, match=r"^Toypay: employee 'e-1' from 2026-01-31"):
            check_people("Toypay", [person])
        with pytest.raises(PayloadError, match=r"^Toypay: payroll of 2026-01-31: gross_pay"):
            check_costs("Toypay", [cost])
        with pytest.raises(ValueError, match=r"^there: expected an amount of at most 14 digits"):
            stored_amount(bomb, "there")
        assert batch_sha256(batch)
        assert employees_sha256(Tenant("t", "T"), [person])


def test_sum_of_amounts_that_fit_each_is_refused_if_it_does_not() -> None:
    most = Decimal(99999999999999)
    cost = PayrollCost(
        month=date(2026, 1, 31),
        gross_pay=most,
        employer_taxes=most,
        benefits=most,
        reimbursements=most,
        currency="EUR",
    )

    with pytest.raises(PayloadError, match="total_cost: expected an amount of at most 14 digits"):
        check_costs("Toypay", [cost])


def test_amount_that_only_rounding_makes_too_large_is_refused() -> None:
    with pytest.raises(ValueError, match="expected an amount of at most 14 digits"):
        stored_amount(Decimal("99999999999999.99996"), "there")


# JSON


@pytest.mark.parametrize(
    "number",
    ["1e999999999", "-1e-999999999", "1e9999999999999999999", "1" * 401, f"1.{'1' * 400}", "NaN"],
)
def test_number_out_of_bounds_is_no_json(number: str) -> None:
    body = f'{{"unread": [{number}]}}'.encode()
    with little_memory():
        with pytest.raises(PayloadError, match=r"^http://h/x: expected JSON"):
            RawAnswer(200, {}, body, "http://h/x").json()
        assert load_json(body, odd_as_text=True) == {"unread": [number[:400]]}


def test_every_double_is_within_bounds() -> None:
    doubles = [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 0.1]

    assert [float(number) for number in load_json(json.dumps(doubles))] == doubles


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_nesting_is_bounded(opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    deep = {
        levels: opening * levels + "1" + closing * levels
        for levels in (MOST_DEPTH, MOST_DEPTH + 2, 900, 100_000)
    }

    assert load_json(deep.pop(MOST_DEPTH))
    for text in deep.values():
        with pytest.raises(TooDeepError, match="nested too deep"):
            load_json(text)
        with pytest.raises(PayloadError):
            RawAnswer(200, {}, text.encode(), "http://h/x").json()


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_json_within_bounds_arrives_as_it_was_sent(content: Any) -> None:
    assert load_json(json.dumps(content)) == content


def test_claims_of_a_token_are_bounded_too() -> None:
    for claims in (b"[" * 100_000, b'{"exp": 1e999999999}', b'{"exp": ' + b"9" * 5000 + b"}"):
        token = SecretStr(f"e30.{urlsafe_b64encode(claims).decode()}.x")
        assert unverified_claims(token) == {}


# Lifetimes of tokens

ODD = [
    "1e99999999",
    "1e30",
    "-1e99999999",
    "1e-99999999",
    "9" * 5000,
    "10000000000",
    "-1",
    "0",
    "0.5",
    "true",
    "NaN",
    "-Infinity",
    "null",
    "[]",
    '["1800"]',
    "{}",
    '""',
    '"soon"',
    '"1e99999999"',
    '"NaN"',
    '"1_800"',
    f'"{"9" * 5000}"',
]
USABLE = [("1800", 1800), ('"1800"', 1800), ('" 60 "', 60), ("1800.9", 1800), ("6e2", 600)]


@pytest.mark.parametrize("text", ODD, ids=[text[:14] for text in ODD])
def test_odd_lifetime_costs_no_grant(text: str, caplog: pytest.LogCaptureFixture) -> None:
    body = f'{{"access_token": "acc3ss", "refresh_token": "r3fresh", "expires_in": {text}}}'
    with little_memory(), caplog.at_level(logging.WARNING):
        answer = RawAnswer(200, {}, body.encode(), "http://h/token")
        verdict = read_answer(PLUGIN, answer, now=NOW)

    assert isinstance(verdict, Granted)
    assert verdict.tokens.refresh_token == SecretStr("r3fresh")
    assert verdict.tokens.lifetime_s == PLUGIN.oauth.access_lifetime_s
    assert verdict.tokens.expires_at == NOW + timedelta(seconds=PLUGIN.oauth.access_lifetime_s)
    assert ("expires_in" in caplog.text) == (text != "null")
    assert "acc3ss" not in caplog.text
    assert "999" not in caplog.text


@pytest.mark.parametrize(("text", "lifetime_s"), USABLE)
def test_lifetime_is_read_as_number_or_text(text: str, lifetime_s: int) -> None:
    body = f'{{"access_token": "a", "refresh_token": "r", "expires_in": {text}}}'
    verdict = read_answer(PLUGIN, RawAnswer(200, {}, body.encode(), "http://h/t"), now=NOW)

    assert isinstance(verdict, Granted)
    assert verdict.tokens.lifetime_s == lifetime_s


@given(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text()
    | st.lists(st.integers())
)
def test_lifetime_is_usable_or_none(value: Any) -> None:
    found = usable_lifetime_s(value)

    assert found is None or 1 <= found <= LONGEST_LIFETIME_S


@pytest.mark.parametrize("text", ["1e99999999", "1e30", "-5", '"soon"', "[]"])
def test_connecting_and_refreshing_survive_an_odd_lifetime(tmp_path: Path, text: str) -> None:
    """The provider's own answers, with another lifetime."""
    with scripted_server() as server:
        overrides = {"TOYBOOKS_TOKEN_URL": f"{server.url}/token"}
        with running_rig(tmp_path, overrides=overrides) as rig:
            server.decide("/token", lambda asked: with_lifetime(rig, asked, text))
            page = rig.person.connect(rig.pipeline.link())
            first = rig.pipeline.token()
            rig.clock.advance(3 * 3600)
            second = rig.pipeline.token()

            assert "Toybooks is connected" in page.text
            assert (first.status_code, second.status_code) == (200, 200)
            assert first.json()["access_token"] != second.json()["access_token"]
            assert rig.history() == ["connected", "refreshed"]


def with_lifetime(rig: Rig, asked: Received, text: str) -> Reply:
    """Ask the provider itself, and answer its answer with *text* for the lifetime."""
    headers = {name: asked.headers[name] for name in ("authorization", "content-type")}
    answer = httpx.post(f"{rig.provider.base_url}/token", content=asked.body, headers=headers)
    content = json.dumps({**answer.json(), "expires_in": "LIFETIME"})
    return Reply(answer.status_code, content.replace('"LIFETIME"', text))


# Headers


@given(st.text(max_size=60) | st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{1,20}|e[0-9]{1,9})?"))
def test_retry_after_is_none_or_at_most_a_month(text: str) -> None:
    found = retry_after_s(text, now=NOW)

    assert found is None or 0 <= found <= 31 * 86_400


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1e999", None),
        ("-5", None),
        ("inf", None),
        ("nan", None),
        ("9" * 5000, 31 * 86_400.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 31 * 86_400.0),
        ("Fri, 31 Dec 99999999999 23:59:59 GMT", None),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:07 GMT", 7.0),
    ],
)
def test_retry_after_that_no_clock_can_count_is_bounded(text: str, seconds: float | None) -> None:
    assert retry_after_s(text, now=NOW) == seconds


@pytest.mark.parametrize("left", ["9" * 40, "-1", "1e9", "\xb2", "inf", ""])
async def test_rate_limit_header_that_is_no_count_is_not_counted(left: str) -> None:
    async with a_rig(limits=RateLimits(minute_remaining_header="X-Left")) as rig:
        rig.server.answer("/x", Reply(200, {}, {"X-Left": left}))
        await rig.client.get("x")

        assert rig.client.quota.minute_remaining is None


@pytest.mark.parametrize("pages", ["9" * 5000, "10001", "-1", "1e9", "1_0", "\u0661"])
def test_number_of_pages_is_bounded(pages: str) -> None:
    answer = Answer(status=200, payload=[], headers={"x-total-pages": pages})

    with pytest.raises(PayloadError, match="X-Total-Pages: expected"):
        _total_pages(answer, "payrolls")


@pytest.mark.parametrize("milliseconds", ["9" * 18, "-" + "9" * 18, "9" * 5000])
def test_day_beyond_the_calendar_is_a_payload_error(milliseconds: str) -> None:
    with pytest.raises(PayloadError, match=r"^there: expected a date"):
        organisation._day(f"/Date({milliseconds}+0000)/", "there")


# Compressed answers


def deflated(content: bytes, window: int) -> bytes:
    compressor = zlib.compressobj(wbits=window)
    return compressor.compress(content) + compressor.flush()


ZEROS = b"0" * (20 * MEGABYTE)
COMPRESSED = [
    ("gzip", gzip.compress(ZEROS, 9)),
    ("x-gzip", gzip.compress(ZEROS, 9)),
    ("deflate", deflated(ZEROS, zlib.MAX_WBITS)),
    ("deflate", deflated(ZEROS, -zlib.MAX_WBITS)),
]


async def fetched(server: ScriptedServer, encoding: str, body: bytes, most: int) -> bytes:
    server.answer("/big", Reply(200, body, {"Content-Encoding": encoding}))
    async with HttpSession(most_bytes=most) as session:
        return (await session.send(OutboundRequest("GET", f"{server.url}/big"))).body


@pytest.mark.parametrize(("encoding", "body"), COMPRESSED, ids=["gzip", "x-gzip", "zlib", "raw"])
async def test_bomb_is_not_decompressed_beyond_the_bound(encoding: str, body: bytes) -> None:
    assert len(body) < 100_000
    with scripted_server() as server:
        await fetched(server, "identity", b"warm", MEGABYTE)
        with little_memory(6 * MEGABYTE), pytest.raises(PayloadError, match="expected at most"):
            await fetched(server, encoding, body, MEGABYTE)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip,gzip,gzip", "compress"])
async def test_compression_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with scripted_server() as server:
        with pytest.raises(PayloadError, match="found another Content-Encoding"):
            await fetched(server, encoding, gzip.compress(b"{}"), MEGABYTE)

        assert server.received[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize(
    ("encoding", "window"),
    [("gzip", 31), ("GZIP ", 31), ("deflate", 15), ("deflate", -15)],
)
async def test_compressed_answer_of_just_the_bound_is_read(encoding: str, window: int) -> None:
    content = bytes(range(256)) * 400
    with scripted_server() as server:
        body = await fetched(server, encoding, deflated(content, window), len(content))
        assert body == content
        with pytest.raises(PayloadError, match="expected at most"):
            await fetched(server, encoding, deflated(content, window), len(content) - 1)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(b"{}" * 99)[:-9], b"no gzip at all", b"\x1f\x8b"],
    ids=["cut off", "something else", "two bytes"],
)
async def test_compressed_answer_that_is_broken_may_work_later(body: bytes) -> None:
    with scripted_server() as server:
        with pytest.raises(ProviderUnavailableError, match="compressed"):
            await fetched(server, "gzip", body, MEGABYTE)
        assert await fetched(server, "gzip", b"", MEGABYTE) == b""
        assert await fetched(server, "gzip", gzip.compress(b"{}") + b"x" * 99, MEGABYTE) == b"{}"


async def test_token_endpoint_that_sends_a_bomb_may_have_spent_the_token() -> None:
    body = gzip.compress(b'{"access_token": "' + ZEROS + b'"}')
    with scripted_server() as server:
        server.answer("/token", Reply(200, body, {"Content-Encoding": "gzip"}))
        async with HttpSession() as session:
            with little_memory(8 * MEGABYTE):
                verdict = await ask(
                    session,
                    PLUGIN,
                    OutboundRequest("POST", f"{server.url}/token", form={"a": "b"}),
                    now=NOW,
                    timeout_s=20,
                )

    assert isinstance(verdict, Unavailable)
    assert verdict.may_be_spent


# Model documents


def stored(tmp_path: Path, salary: str, **meta: str) -> Path:
    document = a_model([], employees=[{"_id": "1", "name": "X", "start_date": "2026-01-01"}])
    document["payroll"]["employees"][0]["monthly_salary"] = "SALARY"
    document["meta"] |= {name: f"<{name}>" for name in meta}
    text = json.dumps(document).replace('"SALARY"', salary)
    for name, value in meta.items():
        text = text.replace(f'"<{name}>"', value)
    path = tmp_path / "plan.json"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "salary",
    ["1e300", "1e999999999", "-1e15", "1" + "0" * 300, "9" * 5000, '"1e999999999"', '"NaN"', "NaN"],
)
def test_salary_of_a_model_is_bounded(tmp_path: Path, salary: str) -> None:
    with little_memory(), pytest.raises(ModelDocumentError, match="expected") as refused:
        load_model(stored(tmp_path, salary))

    assert "99999" not in str(refused.value)


@pytest.mark.parametrize("balance", ["1e400", "9" * 5000, "Infinity"])
def test_number_of_a_model_that_is_not_read_is_bounded_too(tmp_path: Path, balance: str) -> None:
    with pytest.raises(ModelDocumentError, match="expected JSON, found"):
        load_model(stored(tmp_path, "1", starting_balance=balance))


def test_salary_too_large_is_named_by_its_path() -> None:
    employee = {"_id": "1", "start_date": "2026-01-01", "monthly_salary": 10**15}
    with pytest.raises(ModelDocumentError) as refused:
        merge_model(
            a_model([], employees=[employee]), landed(), model_id="m", today=date(2026, 1, 1)
        )

    assert refused.value.problems == (
        "payroll.employees[0].monthly_salary: expected a number, found one of more than 14 digits",
    )


@pytest.mark.parametrize("salary", ["3333.3333333333335", "5e-324", '"2500.10"', "99999999999999"])
def test_salary_within_bounds_is_merged(tmp_path: Path, salary: str) -> None:
    document = load_model(stored(tmp_path, salary, starting_balance="1.5e3"))
    merged = merge_model(document, landed(), model_id="m", today=date(2026, 1, 1))

    assert len(merged.document["payroll"]["payroll_values"]) == 24
    assert document["meta"]["starting_balance"] == 1500.0


# Our own API


@pytest.mark.parametrize("number", ["1e999", "9" * 5000, "-1", "1.5", "\u0661", "NaN", "0x10"])
def test_number_in_a_query_is_refused_or_ignored(rig: Rig, number: str) -> None:
    rig.connect()
    history = "/api/workspaces/acme/integrations/toybooks/history"
    latest = rig.pipeline.http.get(history, params={"latest": number})
    changed = rig.pipeline.http.get("/api/connections", params={"changed_since": number})

    assert (latest.status_code, changed.status_code) == (422, 422)
    assert rig.pipeline.connection()["state"] == "connected"
