"""``neuronhub check``, as far as money goes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from neuronhub.billing.ledger import open_ledger
from neuronhub.errors import LedgerUnavailable, SiteFileError, SlurmUnavailable
from neuronhub.hub.billing_check import check_accounting, check_ledger, check_prices
from neuronhub.site import Site

ANSWERS = {
    "sacct": "",
    "scontrol": "AccountingStorageType   = accounting_storage/slurmdbd\nPrivateData = none\nClusterName = neuron\n",
    "sacctmgr": "case $* in *withcoord*) echo 'physics|ada' ;; *) echo 'ada|physics|physics||neuron' ;; esac",
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A site with one charged queue, whose Slurm knows one account."""
    for name, answer in ANSWERS.items():
        command = tmp_path / name
        script = answer if answer.startswith("case") else f"cat <<'end'\n{answer}end"
        command.write_text(f"#!/bin/sh\n{script}\n")
        command.chmod(0o755)
    return make_site(tmp_path, prices='[{ amount = "3000" }]', account="physics")


def make_site(folder: Path, *, prices: str, account: str) -> Site:
    """A site whose state and Slurm are in ``folder``."""
    return Site.model_validate(
        tomllib.loads(
            f"""
            [hub]
            public_url = "https://127.0.0.1:1/"
            proxy_token_file = "{folder}/none"
            cookie_secret_file = "{folder}/none"
            start_key_file = "{folder}/none"
            state_dir = "{folder}"
            [slurm]
            bin_dir = "{folder}"
            [billing]
            discounts = [{{ account = "{account}", percent = "10" }}]
            [[queues]]
            name = "jupyter"
            [[queues]]
            name = "v100"
            prices = {prices}
            """
        )
    )


async def test_prices_that_hold_now_are_well(site: Site) -> None:
    assert await check_prices(site) == "1 queues cost KRW"


async def test_a_queue_whose_price_is_to_come_is_named(tmp_path: Path) -> None:
    later = '[{ amount = "3000", valid_from = 2199-01-01T00:00:00+09:00 }]'
    with pytest.raises(SiteFileError, match="v100 has no price before 2199-01-01"):
        await check_prices(make_site(tmp_path, prices=later, account="physics"))


async def test_a_ledger_that_is_not_there_is_left_to_the_hub(site: Site) -> None:
    assert "the hub makes or renews it" in await check_ledger(site)
    assert not list(site.hub.state_dir.glob("*.sqlite"))


async def test_a_ledger_that_others_can_read_is_wrong(site: Site) -> None:
    ledger = open_ledger(site)
    ledger.ensure_schema()
    ledger.close()
    assert await check_ledger(site) == site.ledger_url
    (site.hub.state_dir / "billing.sqlite").chmod(0o640)
    with pytest.raises(LedgerUnavailable, match="chmod 600"):
        await check_ledger(site)


async def test_accounts_with_a_discount_are_known_to_slurm(site: Site, tmp_path: Path) -> None:
    assert await check_accounting(site) == "sacct answers; 1 accounts, 1 with a discount"
    with pytest.raises(SiteFileError, match="no account phisics with members"):
        await check_accounting(make_site(tmp_path, prices="[]", account="phisics"))


async def test_silence_of_accounting_is_said(site: Site, tmp_path: Path) -> None:
    (tmp_path / "sacct").write_text("#!/bin/sh\necho 'slurmdbd: connection refused' >&2\nexit 1\n")
    with pytest.raises(SlurmUnavailable):
        await check_accounting(site)
