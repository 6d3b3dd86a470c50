"""What the hub and the researchers find inside the embedded site, hub included."""

from __future__ import annotations

import re
import socket
import ssl
import time
import urllib.request
from pathlib import Path

import pytest
from tests.embedded import RunningSite

pytestmark = pytest.mark.contract


def listening_addresses(pids: set[int]) -> set[str]:
    """Addresses (IPv4 dotted, IPv6 hex) on which the processes listen for TCP."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            match = re.match(r"socket:\[(\d+)\]", str(descriptor.readlink()))
            if match:
                inodes.add(match[1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address = fields[1].split(":")[0]
                found.add(socket.inet_ntoa(bytes.fromhex(address)[::-1]) if table == "tcp" else address)
    return found


def test_every_part_listens_on_loopback_only(site: RunningSite) -> None:
    addresses = listening_addresses(set(site.parts().values()))
    assert len(addresses) > 5
    assert all(address.startswith("127.") for address in addresses), addresses


def test_the_public_address_is_verified_by_the_sites_ca(site: RunningSite) -> None:
    trusting = ssl.create_default_context(cafile=str(site.ca_file))
    with urllib.request.urlopen(site.url + "hub/login", context=trusting, timeout=10) as answer:
        assert answer.status == 200


def test_the_token_is_an_administrators(site: RunningSite) -> None:
    request = urllib.request.Request(
        f"{site.hub_api_url}/users", headers={"Authorization": f"token {site.admin_token}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_what_the_site_file_names_answers(site: RunningSite) -> None:
    done = site.run_inside(["neuronhub", "check"], "neuronhub")
    assert "ok " in done.stdout


@pytest.mark.parametrize("command", [["/usr/bin/sbatch", "--version"], ["/usr/bin/scancel", "--version"]])
def test_the_hub_runs_slurms_commands_as_a_researcher(site: RunningSite, command: list[str]) -> None:
    done = site.run_inside(["sudo", "-n", "-u", "alice", "--", *command], "neuronhub")
    assert "slurm" in done.stdout


@pytest.mark.parametrize(
    "argv",
    [
        ["-u", "root", "/usr/bin/sbatch", "--version"],
        ["-u", "slurm", "/usr/bin/scancel", "--version"],
        ["-u", "alice", "/bin/sh", "-c", "true"],
        ["-u", "alice", "/usr/bin/squeue"],
        ["/usr/bin/tail", "/etc/shadow"],
    ],
)
def test_the_hub_runs_nothing_else(site: RunningSite, argv: list[str]) -> None:
    done = site.run_inside(["sudo", "-n", *argv], "neuronhub", check=False)
    assert done.returncode != 0
    assert "password is required" in done.stderr or "not allowed" in done.stderr


def test_researchers_have_no_sudo(site: RunningSite) -> None:
    done = site.run_inside(["sudo", "-n", "/bin/true"], "alice", check=False)
    assert done.returncode != 0


def test_sudo_is_quick(site: RunningSite) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do sudo -n -u alice /usr/bin/tail -n 0 /dev/null; done"
    fastest = 60.0
    for _ in range(3):
        began = time.monotonic()
        site.run_inside(["/bin/sh", "-c", "true"], "neuronhub")
        empty = time.monotonic() - began
        began = time.monotonic()
        site.run_inside(["/bin/sh", "-c", script], "neuronhub")
        fastest = min(fastest, (time.monotonic() - began - empty) / 10)
    assert fastest < 0.3


def test_a_whole_node_brings_all_its_gpus(site: RunningSite) -> None:
    wrapped = '--wrap=echo "$CUDA_VISIBLE_DEVICES"; hostname'
    options = ["--partition=cas_v100nv_4", "--ntasks=1", "--time=1", "--wait", "--output=/scratch/alice/gpus"]
    site.run_inside(["sbatch", *options, wrapped], "alice")
    devices, host = site.run_inside(["/bin/cat", "/scratch/alice/gpus"], "alice").stdout.split()
    assert devices == "0,1,2,3"
    assert host.startswith("cas4n")


def test_steps_of_a_job_run_on_all_its_nodes(site: RunningSite) -> None:
    options = ["--partition=cas_v100_2", "--nodes=2", "--time=1", "--wait", "--output=/scratch/alice/out"]
    site.run_inside(["sbatch", *options, "--wrap=srun hostname"], "alice")
    hosts = site.run_inside(["/bin/cat", "/scratch/alice/out"], "alice").stdout.split()
    assert sorted(hosts) == ["cas2n01.demo", "cas2n02.demo"]


def test_a_node_is_down_with_its_reason(site: RunningSite) -> None:
    done = site.run_inside(["sinfo", "-p", "cas_v100_2", "-N", "-h", "-o", "%N %T %E"], "alice")
    states = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert states["cas2n03"] == "drained Fan replacement"


def test_researchers_cannot_read_each_other_nor_the_sites_secrets(site: RunningSite) -> None:
    for path in ("/scratch/bob", "/home/bob", f"{site.state_dir}/secrets", f"{site.state_dir}/hub"):
        assert site.run_inside(["/bin/ls", path], "alice", check=False).returncode != 0
    for name in ("admin-token", "login-key", "cookie-secret", "munge.key", "accounts.json"):
        secret = f"{site.state_dir}/secrets/{name}"
        assert site.run_inside(["/bin/cat", secret], "alice", check=False).returncode != 0
    assert site.run_inside(["/bin/cat", f"{site.state_dir}/run/control.socket"], "alice", check=False).returncode != 0


def test_no_secret_is_in_a_command_line(site: RunningSite) -> None:
    secrets = [site.admin_token, *(account.password for account in site.accounts.values())]
    secrets += [account.otp_secret for account in site.accounts.values()]
    lines = site.run_inside(["/bin/ps", "-eo", "args"], "alice").stdout
    assert "slurmctld" in lines
    assert not [secret for secret in secrets if secret in lines]


def test_a_hub_that_is_killed_can_be_started_again(site: RunningSite) -> None:
    before = site.parts()["hub"]
    site.part("kill", "hub")
    assert "hub" not in site.parts()
    site.part("start", "hub")
    assert site.parts()["hub"] != before
