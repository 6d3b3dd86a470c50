"""Who is who inside the embedded site: the text of /etc/passwd and its neighbours. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from neuronhub.demo.installation import BASES
from neuronhub.demo.shape import (
    ACCOUNTS,
    HOST_NAME,
    HUB_USER,
    LABS,
    NODES,
    PROXY_USER,
    RESEARCHERS,
    RESEARCHERS_GID,
)
from neuronhub.language import LANGUAGES
from neuronhub.site import DEFAULT_SITE

SERVICE_IDS = {HUB_USER: 19001, PROXY_USER: 19002}
"""Users (and groups of the same name and number) of our own services."""
LOWEST_PERSON, NOBODY = 1000, 65534


def _keep_system(text: str) -> Iterator[str]:
    """Lines of a passwd or group file that belong to the system; people of the real machine stay outside."""
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) < 4 or not fields[2].isdigit():
            continue
        number = int(fields[2])
        if number < LOWEST_PERSON or number >= 60000:
            yield line


def render_passwd(system: str) -> str:
    """/etc/passwd from the real one's text: its system users, our services, the accounts."""
    lines = list(_keep_system(system))
    lines += [f"{name}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin" for name, number in SERVICE_IDS.items()]
    lines += [f"{a.id}:x:{a.uid}:{RESEARCHERS_GID}:{a.id}:/home/{a.id}:/bin/bash" for a in ACCOUNTS]
    return "\n".join(lines) + "\n"


def render_group(system: str) -> str:
    """/etc/group from the real one's text."""
    lines = list(_keep_system(system))
    lines += [f"{name}:x:{number}:" for name, number in SERVICE_IDS.items()]
    lines.append(f"{RESEARCHERS}:x:{RESEARCHERS_GID}:" + ",".join(a.id for a in ACCOUNTS))
    lines += [f"{lab}:x:{gid}:" + ",".join(a.id for a in ACCOUNTS if lab in a.groups) for lab, gid in LABS.items()]
    return "\n".join(lines) + "\n"


def render_shadow(passwd: str) -> str:
    """/etc/shadow for every user of ``passwd``: nobody has a password here, the directory has them."""
    return "".join(f"{line.split(':')[0]}:*:19000:0:99999:7:::\n" for line in passwd.splitlines())


def render_hosts() -> str:
    """/etc/hosts: the compute nodes by name; by its full name, each is its own 127.0.0.1."""
    lines = ["127.0.0.1 localhost", f"127.0.0.1 {HOST_NAME}", "::1 localhost ip6-localhost ip6-loopback"]
    lines += [f"{node.address} {node.name}" for node in NODES]
    lines += [f"127.0.0.1 {node.full_name}" for node in NODES]
    return "\n".join(lines) + "\n"


def render_nsswitch() -> str:
    """/etc/nsswitch.conf: files only, so that no look-up ever waits for a service of the real machine."""
    return "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nprotocols: files\nservices: files\n"


def render_sudoers(hub_user: str = HUB_USER, group: str = RESEARCHERS) -> str:
    """The one sudoers file that the hub needs: exact commands, as members of one group."""
    return f"""\
# {hub_user} submits, cancels and reads logs of Jupyter jobs as the researcher whose job it is: a member of the
# group {group}, never root. A start that fails shows the last lines of the job's log, which only its owner can read;
# sstat tells what a job computes to its owner only.
Defaults:{hub_user} !requiretty, !use_pty, !pam_session, !syslog
Defaults:{hub_user} env_keep += "SLURM_CONF SLURM_TIME_FORMAT TZ LC_ALL"
{hub_user} ALL=(%{group}) TIMEOUT=60s NOPASSWD: /usr/bin/sbatch, /usr/bin/scancel, /usr/bin/sstat, /usr/bin/tail

# It shows and mends the researcher's notebook environment by these commands of the site's base, word for word.
Cmnd_Alias NEURONHUB_LOOK = \\
{_render_commands("status", "export -")}
Cmnd_Alias NEURONHUB_MEND = \\
{_render_commands("create", "repair", "reset")}
{hub_user} ALL=(%{group}) TIMEOUT=60s NOPASSWD: NEURONHUB_LOOK
{hub_user} ALL=(%{group}) TIMEOUT=30m NOPASSWD: NEURONHUB_MEND
"""


def _render_commands(*actions: str) -> str:
    program = f"{BASES}/current/bin/python -I -m neuronhub.cli --site {DEFAULT_SITE} env"
    return ", \\\n".join(f"  {program} {what} --json --language {each}" for what in actions for each in LANGUAGES)
