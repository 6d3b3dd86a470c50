"""The configuration of the embedded site, as text."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from neuronhub.demo import identity
from neuronhub.demo.directory import render_entries, render_slapd_conf
from neuronhub.demo.ports import BLOCK_SIZE, Ports
from neuronhub.demo.shape import ACCOUNTS, DISCOUNTS, DRAINED_NODE, LABS, NODES, OPERATOR, QUEUES
from neuronhub.demo.site_file import render_site_file
from neuronhub.demo.slurm_conf import render_gres_conf, render_slurm_accounts, render_slurm_conf
from neuronhub.demo.state import Secret, StateFolder
from neuronhub.hub.environment import make_command
from neuronhub.language import LANGUAGES
from neuronhub.site import Site, read_site

STATE = StateFolder(Path("/var/lib/neuronhub-demo"))
PORTS = Ports(8000, 20000)
DEPLOY = Path(__file__).parents[3] / "deploy"


def read_lines(text: str, key: str) -> list[dict[str, str]]:
    """Lines of slurm.conf that begin with ``key=``, as dictionaries."""
    lines = (line for line in text.splitlines() if line.startswith(f"{key}="))
    return [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in lines]


def test_queues_have_the_shape_of_the_reference_site() -> None:
    shape = {queue.name: (len(queue.nodes), queue.gpus, queue.shared, bool(queue.prices)) for queue in QUEUES}
    assert shape == {
        "jupyter": (5, 2, True, False),
        "cas_v100_2": (3, 2, False, True),
        "cas_v100nv_4": (2, 4, False, True),
        "amd_a100nv_8": (2, 8, False, True),
    }


def test_a_shared_node_holds_ten_notebooks_by_cpus_and_by_memory() -> None:
    text = render_slurm_conf(STATE, PORTS)
    memory_per_cpu = int(read_lines(text, "DefMemPerCPU")[0]["DefMemPerCPU"])
    nodes = [node for node in read_lines(text, "NodeName") if node["NodeName"].startswith("jn")]
    assert [int(node["CPUs"]) for node in nodes] == [10] * 5
    assert all(int(node["RealMemory"]) >= 10 * memory_per_cpu for node in nodes)
    assert memory_per_cpu >= 1500


def test_every_node_has_its_own_loopback_address_and_port() -> None:
    nodes = read_lines(render_slurm_conf(STATE, PORTS), "NodeName")
    assert len(nodes) == len(NODES) == 12
    assert len({node["NodeAddr"] for node in nodes}) == len({node["Port"] for node in nodes}) == 12
    assert all(node["NodeAddr"].startswith("127.0.2.") for node in nodes)
    assert max(int(node["Port"]) for node in nodes) < PORTS.block + BLOCK_SIZE


def test_one_node_is_drained_with_a_reason() -> None:
    drained = [line for line in render_slurm_conf(STATE, PORTS).splitlines() if "State=DRAIN" in line]
    assert len(drained) == 1
    assert f"NodeName={DRAINED_NODE} " in drained[0]
    assert 'Reason="' in drained[0]


def test_only_charged_queues_take_whole_nodes_and_are_billed() -> None:
    for queue, line in zip(QUEUES, read_lines(render_slurm_conf(STATE, PORTS), "PartitionName"), strict=True):
        assert line["PartitionName"] == queue.name
        assert (line.get("OverSubscribe") == "EXCLUSIVE") is not queue.shared


def test_gres_names_as_many_files_as_a_node_has_gpus() -> None:
    lines = render_gres_conf().splitlines()
    assert [line.rsplit("[0-", 1)[1] for line in lines] == ["1]", "1]", "3]", "7]"]


def test_every_account_has_a_slurm_account() -> None:
    text = render_slurm_accounts()
    assert all(f"User - '{account.id}'" in text for account in ACCOUNTS)
    assert [line for line in text.splitlines() if "Coordinator=" in line] == [
        "User - 'alice':DefaultAccount='lab-a':Coordinator='lab-a'"
    ] * 2


@pytest.mark.parametrize("url", ["https://127.0.0.1:8000/", "http://127.0.0.1:8001/"])
def test_site_file_is_a_valid_site(url: str) -> None:
    site = Site.model_validate(tomllib.loads(render_site_file(STATE, PORTS, url)))
    assert site.hub.public_url == url
    told = [(queue.name, queue.prices, queue.kind == "shared") for queue in site.queues]
    assert told == [(queue.name, queue.prices, queue.shared) for queue in QUEUES]
    assert all(queue.description.ko and queue.description.en for queue in site.queues)
    assert site.login is not None
    assert site.login.directory.servers == ("ldaps://127.0.0.1:20002",)
    assert site.hub.admins == (OPERATOR,)


def test_money_of_the_site_is_all_that_a_site_file_can_say() -> None:
    site = Site.model_validate(tomllib.loads(render_site_file(STATE, PORTS, "https://127.0.0.1:8000/")))
    assert site.billing is not None
    assert str(site.billing.zone) == "Asia/Seoul"
    assert {discount.account: discount.percent for discount in site.billing.discounts} == DISCOUNTS
    assert set(DISCOUNTS) < set(LABS)
    assert {price.per for queue in site.queues for price in queue.prices} == {"node-hour", "gpu-hour"}
    assert max(len(queue.prices) for queue in site.queues) == 2
    (limited,) = [queue for queue in site.queues if queue.away_limit]
    assert limited.charged
    assert limited.away_limit is not None
    assert limited.away_limit > site.billing.away.warn_before > site.billing.away.after


def test_example_site_file_is_a_valid_site() -> None:
    assert read_site(DEPLOY / "site.toml").login is not None


def test_people_of_the_machine_stay_outside() -> None:
    system = "root:x:0:0:root:/root:/bin/bash\njoe:x:1000:1000::/home/joe:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
    lines = identity.render_passwd(system).splitlines()
    names = [line.split(":")[0] for line in lines]
    assert names[:2] == ["root", "nobody"]
    assert "joe" not in names
    assert {account.id for account in ACCOUNTS} < set(names)
    assert len({line.split(":")[2] for line in lines}) == len(lines)


def test_every_user_has_a_shadow_line_without_a_password() -> None:
    shadow = identity.render_shadow(identity.render_passwd("root:x:0:0:root:/root:/bin/bash\n"))
    assert len(shadow.splitlines()) == len(ACCOUNTS) + 3
    assert all(line.split(":")[1] == "*" for line in shadow.splitlines())


def test_accounts_are_members_of_their_groups() -> None:
    groups = {line.split(":")[0]: line.split(":")[3].split(",") for line in identity.render_group("").splitlines()}
    assert groups["researchers"] == [account.id for account in ACCOUNTS]
    assert "alice" in groups["lab-a"]
    assert "alice" in groups["lab-b"]


def test_hosts_name_every_node() -> None:
    names = {line.split()[1]: line.split()[0] for line in identity.render_hosts().splitlines()}
    assert {node.name: node.address for node in NODES}.items() <= names.items()
    assert all(names[node.full_name] == "127.0.0.1" for node in NODES)


def test_sudoers_file_of_a_site_is_the_one_tried_here(tmp_path: Path) -> None:
    text = identity.render_sudoers()
    assert (DEPLOY / "sudoers.d" / "neuronhub").read_text() == text
    file = tmp_path / "neuronhub"
    file.write_text(text)
    file.chmod(0o440)
    subprocess.run(["/usr/sbin/visudo", "--check", "--file", str(file)], check=True, capture_output=True)
    rules = [line for line in text.splitlines() if "NOPASSWD" in line]
    assert all(re.match(r"neuronhub ALL=\(%researchers\) TIMEOUT=(60s|30m) NOPASSWD: [A-Z/]", rule) for rule in rules)
    assert not re.search(r"[*?\[\]]|NOPASSWD: *ALL|\bSETENV\b", text)


@pytest.mark.parametrize("words", [["status"], ["export", "-"], ["create"], ["repair"], ["reset"]], ids=" ".join)
@pytest.mark.parametrize("language", LANGUAGES)
def test_sudoers_file_lets_the_hub_work_on_environments(words: list[str], language: str) -> None:
    site = read_site(DEPLOY / "site.toml")
    command = make_command(site, "alice")
    argv = [*command.argv[command.argv.index("--") + 1 :], "env", *words, "--json", "--language", language]
    allowed = identity.render_sudoers().replace("\\\n", "").replace("  ", " ")
    text = " ".join(argv).replace(str(site.path), "/etc/neuronhub/site.toml")
    assert re.search(rf"{re.escape(text)}(,|$)", allowed, re.MULTILINE)


def test_directory_holds_no_password_in_clear() -> None:
    secrets = {account.id: Secret(f"open-{account.id}-sesame", "") for account in ACCOUNTS}
    text = render_entries(secrets)
    assert "sesame" not in text
    assert text.count("userPassword: {SSHA512}") == len(ACCOUNTS)
    assert text.count("\ndn: ") + 1 == 5 + len(ACCOUNTS) + 1 + len(LABS)


def test_directory_demands_encryption_and_locks_accounts() -> None:
    text = render_slapd_conf(STATE)
    assert {"security ssf=128", "ppolicy_use_lockout", "disallow bind_anon"} <= set(text.splitlines())


def test_systemd_units_name_the_commands_of_the_embedded_site() -> None:
    hub = (DEPLOY / "systemd" / "neuronhub.service").read_text()
    assert "-m neuronhub.cli up --site /etc/neuronhub/site.toml" in hub
    assert not re.search(r"^(ProtectHome|ProtectSystem|NoNewPrivileges)=", hub, re.MULTILINE)
    assert os.access(DEPLOY / "proxy" / "package-lock.json", os.R_OK)
