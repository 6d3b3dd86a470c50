"""Acting as another user by sudo, as the site's sudoers file allows it: the words before a command. Pure."""

from __future__ import annotations

import re
from pathlib import Path

from neuronhub.process import Output

_ACCOUNT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_REFUSAL = re.compile(
    r"sudo: (a password is required|a terminal is required|unknown user|.*: command not found|no valid sudoers)"
    r"|is not (allowed to (execute|run)|in the sudoers file)|may not run sudo|sorry, you must have a tty"
)


def become(sudo: Path, user: str) -> tuple[str, ...]:
    """What to put before an argv so that it is run as ``user``; raises ValueError if that is no account ID."""
    if not _ACCOUNT.fullmatch(user):  # sudo would take #0 for a number
        raise ValueError(f"not an account ID: {user!r}")
    return (str(sudo), "-n", "-u", user, "--")


def is_refusal(output: Output) -> bool:
    """True when sudo itself said no, so that the command was not run at all."""
    return bool(output.code and not output.stdout and _REFUSAL.search(output.stderr))
