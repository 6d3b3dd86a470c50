"""``neuronhub check``, as far as money goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.billing.scripted_slurm import make_site, silence, write_slurm

from neuronhub.billing.ledger import open_ledger
from neuronhub.errors import LedgerUnavailable, SiteFileError, SlurmUnavailable
from neuronhub.hub.billing_check import check_accounting, check_ledger, check_prices


async def test_prices_that_hold_now_are_well(tmp_path: Path) -> None:
    assert await check_prices(make_site(tmp_path)) == "1 queues cost KRW"
    assert await check_prices(make_site(tmp_path, billing="")) == "1 queues cost KRW, and nothing is charged"


async def test_a_queue_whose_price_is_to_come_is_named(tmp_path: Path) -> None:
    later = '[{ amount = "3000", valid_from = 2199-01-01T00:00:00+09:00 }]'
    with pytest.raises(SiteFileError, match="v100 has no price before 2199-01-01"):
        await check_prices(make_site(tmp_path, prices=later))


def test_a_ledger_that_is_not_there_is_left_to_the_hub(tmp_path: Path) -> None:
    assert "the hub makes or renews it" in asyncio.run(check_ledger(make_site(tmp_path)))
    assert list(tmp_path.iterdir()) == []


async def test_a_ledger_that_others_can_read_is_wrong(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    ledger = open_ledger(site)
    ledger.ensure_schema()
    ledger.close()
    assert await check_ledger(site) == site.ledger_url
    (tmp_path / "billing.sqlite").chmod(0o640)
    with pytest.raises(LedgerUnavailable, match="chmod 600"):
        await check_ledger(site)


@pytest.mark.parametrize(("account", "told"), [("physics", None), ("phisics", "no account phisics with members")])
async def test_accounts_with_a_discount_are_known_to_slurm(tmp_path: Path, account: str, told: str | None) -> None:
    write_slurm(tmp_path)
    discounts = f'[billing]\ndiscounts = [{{ account = "{account}", percent = "10" }}]'
    site = make_site(tmp_path, billing=discounts)
    if told is None:
        assert await check_accounting(site) == "sacct answers; 2 accounts, 1 with a discount"
    else:
        with pytest.raises(SiteFileError, match=told):
            await check_accounting(site)


async def test_prices_for_gpus_need_accounting_of_gpus(tmp_path: Path) -> None:
    by_gpu = make_site(tmp_path, prices='[{ amount = "2000", per = "gpu-hour" }]')
    write_slurm(tmp_path)
    assert await check_accounting(by_gpu)
    write_slurm(tmp_path, tres="cpu,mem,node,billing")
    assert await check_accounting(make_site(tmp_path))
    with pytest.raises(SiteFileError, match="v100: the price is for GPUs"):
        await check_accounting(by_gpu)


@pytest.mark.parametrize(
    ("plugins", "told"),
    [
        (("jobacct_gather/cgroup", "proctrack/cgroup"), ""),
        (("jobacct_gather/linux", "proctrack/linuxproc"), "computes unseen"),
        (("jobacct_gather/none", "proctrack/cgroup"), "no time is away"),
        (("(null)", "proctrack/linuxproc"), "no time is away"),
    ],
)
async def test_what_slurm_does_not_see_of_a_job_is_told(tmp_path: Path, plugins: tuple[str, str], told: str) -> None:
    write_slurm(tmp_path, plugins=plugins)
    found = (await check_accounting(make_site(tmp_path))).removeprefix("sacct answers; 2 accounts, 0 with a discount")
    assert told in found
    assert bool(told) == bool(found)


@pytest.mark.parametrize("command", ["sacct", "sacctmgr"])
async def test_silence_of_accounting_is_said(tmp_path: Path, command: str) -> None:
    write_slurm(tmp_path)
    silence(tmp_path, command)
    with pytest.raises(SlurmUnavailable):
        await check_accounting(make_site(tmp_path))
