"""What the machine says of its sessions."""

import os

from bench.machine import parse_priority, read_priority, set_priority


def test_a_process_in_no_session_has_no_weight() -> None:
    assert parse_priority("") is None
    assert parse_priority("/autogroup-229 nice -9\n") == -9


def test_the_weight_set_is_the_weight_read() -> None:
    before = read_priority(os.getpid())
    set_priority(os.getpid(), -3)
    try:
        assert read_priority(os.getpid()) == (None if before is None else -3)
    finally:
        set_priority(os.getpid(), before or 0)
