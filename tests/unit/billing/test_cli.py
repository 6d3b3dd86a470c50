"""``neuronhub billing``: what operators write and read, and what is refused before anything is written."""

from __future__ import annotations

import csv
import io
import json
import pwd
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from bench.postgresql import PostgreSQL
from click.testing import CliRunner, Result
from tests.unit.billing.entries import HOUR, NOON, make_charge, make_start
from tests.unit.billing.scripted_slurm import make_site, silence, write_slurm

from neuronhub import language
from neuronhub.billing import cli
from neuronhub.billing.cli import billing
from neuronhub.billing.differences import Difference, Kind
from neuronhub.billing.ledger import Ledger, open_ledger
from neuronhub.billing.types import Filter
from neuronhub.errors import EntryRefused, NeuronHubError, QuestionRefused

Run = Callable[..., Result]
NOTE = ("--note", "Contract 2026-114")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)
    before = language.current.set("en")
    yield
    language.current.reset(before)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the command on a site of the test's own."""
    write_slurm(tmp_path)

    def run(*words: str, **settings: Any) -> Result:
        site = make_site(tmp_path, **settings)
        return CliRunner().invoke(billing, words, obj=lambda: site)

    return run


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of that site."""
    ledger = open_ledger(make_site(tmp_path))
    ledger.ensure_schema()
    yield ledger
    ledger.close()


def read_refusal(result: Result) -> str:
    """What a command says that will not do it."""
    assert isinstance(result.exception, NeuronHubError), result.output
    return str(result.exception)


def add_charges(ledger: Ledger, number: int, **changes: Any) -> list[int]:
    """Charges of one job each, an hour apart; their ids in that order."""
    starts = [make_start(f"job-{index}") for index in range(number)]
    ledger.open_starts(starts, policy="allow")
    made = [
        make_charge(start, index + 1, **{"ended_at": NOON + (index + 1) * HOUR, **changes})
        for index, start in enumerate(starts)
    ]
    ledger.charge(made, settled=[start.job_name for start in starts])
    return [charge.id or 0 for charge in ledger.fetch_charges(Filter())]


def test_a_grant_is_kept_with_who_when_and_why(run: Run, ledger: Ledger) -> None:
    before = datetime.now(UTC)
    result = run("grant", "physics", "5000000", *NOTE)
    assert (result.exit_code, result.stdout) == (0, "physics: ₩5,000,000 granted. ₩5,000,000 are available now.\n")
    (credit,) = ledger.fetch_credits()
    assert (credit.account, credit.amount_minor, credit.kind, credit.note) == ("physics", 5000000, "grant", NOTE[1])
    assert credit.by == pwd.getpwuid(0).pw_name
    assert before <= credit.at <= datetime.now(UTC)


def test_a_grant_is_told_to_programs(run: Run, ledger: Ledger) -> None:
    told = json.loads(run("grant", "physics", "12", *NOTE, "--json").stdout)
    (credit,) = ledger.fetch_credits()
    assert (told["id"], told["amount"], told["currency"]) == (credit.id, "12", "KRW")


@pytest.mark.parametrize(("caller", "by"), [("nobody", "nobody as root"), ("root", "root"), ("made-up", "root")])
def test_who_used_sudo_is_kept(run: Run, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, caller: str, by: str) -> None:
    monkeypatch.setenv("SUDO_USER", caller)
    assert run("grant", "physics", "1", *NOTE).exit_code == 0
    assert [credit.by for credit in ledger.fetch_credits()] == [by]


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("-5", "more than zero"),
        ("0", "more than zero"),
        ("NaN", "in digits"),
        ("Infinity", "in digits"),
        ("1,000,000", "without commas: 1000000"),
        ("１００", "in digits"),
        ("", "in digits"),
        ("five", "in digits"),
        ("5_000", "in digits"),
        ("5e3", "in digits"),
        ("1e999999999", "in digits"),
        ("9" * 40, "more than a budget can be"),
        ("12.5", "decimals"),
    ],
)
def test_a_wrong_amount_is_refused_and_nothing_written(run: Run, ledger: Ledger, amount: str, told: str) -> None:
    result = run("grant", "physics", amount, *NOTE)
    assert isinstance(result.exception, EntryRefused), result.output
    assert told in str(result.exception)
    assert ledger.fetch_credits() == []


@pytest.mark.parametrize("note", ["", "   ", "two\nlines", "\x1b[31mred", "\u202egnihton", "x" * 2000])
def test_a_wrong_note_is_refused_and_nothing_written(run: Run, ledger: Ledger, note: str) -> None:
    assert "note" in read_refusal(run("grant", "physics", "5", "--note", note))
    assert ledger.fetch_credits() == []


def test_a_missing_note_is_wrong_use(run: Run, ledger: Ledger) -> None:
    result = run("grant", "physics", "5")
    assert result.exit_code == 2
    assert "--note" in result.output
    assert ledger.fetch_credits() == []


@pytest.mark.parametrize("account", ["phisics", "Physics", "", "physics ", "ada"])
def test_an_account_that_slurm_does_not_know_is_refused(run: Run, ledger: Ledger, account: str) -> None:
    assert "physics" in read_refusal(run("grant", account, "5", *NOTE))
    assert ledger.fetch_credits() == []


@pytest.mark.parametrize("command", ["sacctmgr", "scontrol"])
def test_nothing_is_granted_while_slurm_is_silent(run: Run, ledger: Ledger, tmp_path: Path, command: str) -> None:
    silence(tmp_path, command)
    result = run("grant", "physics", "5", *NOTE)
    assert result.exit_code == 3
    assert result.stderr.startswith("neuronhub: ")
    assert ledger.fetch_credits() == []


def test_a_ledger_that_cannot_be_opened_is_said(run: Run, tmp_path: Path) -> None:
    result = run("balance", billing=f'[billing]\ndatabase_url = "sqlite:///{tmp_path}/none/billing.sqlite"')
    assert result.exit_code == 3
    assert "cannot be used" in result.stderr


def test_a_site_that_charges_nothing_has_no_ledger(run: Run, tmp_path: Path) -> None:
    assert "no table [billing]" in read_refusal(run("balance", billing=""))
    assert not list(tmp_path.glob("*.sqlite"))


def test_a_correction_is_a_counter_entry(run: Run, ledger: Ledger) -> None:
    run("grant", "physics", "50000", *NOTE)
    (charge,) = add_charges(ledger, 1)
    result = run("correct", str(charge), "5000", "--note", "A node with a broken fan")
    assert result.stdout == f"Charge {charge}: ₩5,000 given back to physics.\n"
    assert run("correct", str(charge), "-2000", "--note", "Half of it was the user's").exit_code == 0
    assert [credit.amount_minor for credit in ledger.fetch_credits()] == [50000, 5000, -2000]
    assert ledger.balances(None)["physics"].left_minor == 50000 - 12000 + 3000


@pytest.mark.parametrize(
    ("charge", "amount"),
    [("1", "12001"), ("1", "-1"), ("1", "0"), ("1", "NaN"), ("1", "--5"), ("1", "1,000"), ("2", "5"), ("x", "5")],
)
def test_a_wrong_correction_is_refused_and_nothing_written(run: Run, ledger: Ledger, charge: str, amount: str) -> None:
    assert add_charges(ledger, 1) == [1]
    assert run("correct", charge, amount, *NOTE).exit_code != 0
    assert ledger.fetch_credits() == []


def test_balances_hold_back_what_open_starts_can_cost(run: Run, ledger: Ledger) -> None:
    run("grant", "physics", "50000", *NOTE)
    run("grant", "chemistry", "7", *NOTE)
    add_charges(ledger, 1)
    ledger.open_starts([make_start("open", most_minor=30000)], policy="refuse")
    (told,) = json.loads(run("balance", "physics", "--json").stdout)
    assert told == {
        "account": "physics",
        "currency": "KRW",
        "granted": "50000",
        "charged": "12000",
        "left": "38000",
        "held": "30000",
        "available": "8000",
    }
    lines = run("balance").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["Account", "chemistry", "physics"]
    assert lines[2].split()[1:] == ["₩50,000", "₩12,000", "₩38,000", "₩30,000", "₩8,000"]


@pytest.mark.parametrize("words", [("balance", "physics"), ("statement", "physics")])
def test_an_account_without_entries_is_said(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert isinstance(result.exception, QuestionRefused)
    assert "neuronhub billing balance" in str(result.exception)


def test_an_empty_ledger_says_what_to_do(run: Run) -> None:
    assert "neuronhub billing grant" in run("balance").stdout
    assert run("charges").stdout == "There are no such charges.\n"


def test_a_statement_adds_up(run: Run, ledger: Ledger) -> None:
    ledger.grant("physics", 100000, by="kim", note="before", at=NOON - timedelta(days=40))
    ledger.grant("physics", 7, by="kim", note="[bold]in it[/bold]", at=NOON)
    add_charges(ledger, 2)
    told = json.loads(run("statement", "physics", "--month", "2026-11", "--json").stdout)
    assert [told[name] for name in ("opening", "credited", "charged", "closing")] == ["100000", "7", "24000", "76007"]
    assert [charge["amount"] for charge in told["charges"]] == ["12000", "12000"]
    text = run("statement", "physics", "--month", "2026-11").stdout
    assert text.startswith("Account physics, 2026-11\n")
    assert all(word in text for word in ("₩100,000", "-₩24,000", "₩76,007", "[bold]in it[/bold]", "v100", "ada"))


@pytest.mark.parametrize("words", [("statement", "physics"), ("charges",)])
@pytest.mark.parametrize("month", ["2026-13", "2026", "11", "2026-11-01", "٢٠٢٦-١١", ""])
def test_a_wrong_month_is_refused(run: Run, words: tuple[str, ...], month: str) -> None:
    assert "not a month" in read_refusal(run(*words, "--month", month))


def test_charges_are_chosen(run: Run, ledger: Ledger) -> None:
    starts = [make_start("a"), make_start("b", user="bob", account="chemistry", queue="jupyter")]
    ledger.open_starts(starts, policy="allow")
    october = NOON - timedelta(days=40)
    ledger.charge([make_charge(starts[0], 1), make_charge(starts[1], 2, started_at=october, ended_at=october)])

    def list_jobs(*words: str) -> list[int]:
        return [charge["job_id"] for charge in json.loads(run("charges", "--json", *words).stdout)]

    assert list_jobs() == [2, 1]
    assert list_jobs("--account", "physics") == list_jobs("--user", "ada") == list_jobs("--queue", "v100") == [1]
    assert list_jobs("--month", "2026-10") == [2]
    assert list_jobs("--user", "ada", "--queue", "jupyter") == []


def test_charges_as_csv_are_whole_and_harmless(run: Run, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "PAGE", 2)
    add_charges(ledger, 5, state="=1+1")
    rows = list(csv.reader(io.StringIO(run("charges", "--csv").stdout.removeprefix("\ufeff"))))
    assert [row[0] for row in rows[1:]] == ["1", "2", "3", "4", "5"]
    assert {cell for row in rows for cell in row if "1+1" in cell} == {"'=1+1"}
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_piped_table_has_a_line_for_each_row_and_no_colours(run: Run, ledger: Ledger) -> None:
    add_charges(ledger, 3)
    text = run("charges").stdout
    assert len(text.splitlines()) == 4
    assert "\x1b" not in text


def test_korean_is_spoken_where_the_terminal_asks_for_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    run("balance")
    assert language.current.get() == "ko"


def test_differences_are_told_by_text_and_exit_code(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[datetime, datetime]] = []
    found = [Difference(Kind.NOT_CHARGED, "Job 7 ended and is not charged.", job_id=7, account="physics")]

    async def compare(*context: Any) -> list[Difference]:
        asked.append(context[3:])
        return found

    monkeypatch.setattr(cli, "compare", compare)
    result = run("reconcile", "--day", "2026-11-23")
    assert (result.exit_code, result.stdout) == (1, "Job 7 ended and is not charged.\n")
    assert asked == [(datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC))]
    (told,) = json.loads(run("reconcile", "--json").stdout)
    assert (told["kind"], told["job_id"], told["account"]) == ("not-charged", 7, "physics")
    found.clear()
    assert (run("reconcile").exit_code, run("reconcile", "--json").stdout) == (0, "[]\n")
    assert run("reconcile", "--until", "2026-11-23").exit_code == 1  # since when?


def test_the_same_on_postgresql(run: Run, postgresql: PostgreSQL, tmp_path: Path) -> None:
    password_file = tmp_path / "password"
    password_file.write_text(postgresql.password)
    password_file.chmod(0o600)
    settings = f'[billing]\ndatabase_url = "{postgresql.make_database()}"\npassword_file = "{password_file}"'
    assert run("grant", "physics", "5000", *NOTE, billing=settings).exit_code == 0
    assert json.loads(run("balance", "--json", billing=settings).stdout)[0]["available"] == "5000"
    password_file.write_text("wrong")
    result = run("balance", billing=settings)
    assert result.exit_code == 3
    assert "Traceback" not in result.output


def test_help_has_an_example_for_what_writes() -> None:
    for words in ([], ["grant"], ["correct"]):
        result = CliRunner().invoke(billing, [*words, "--help"])
        assert result.exit_code == 0
        assert "neuronhub billing grant lab-a" in result.output or "neuronhub billing correct 4711" in result.output
