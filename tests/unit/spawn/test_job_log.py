"""The last lines of a log are shown as plain text, whatever a program has printed."""

from __future__ import annotations

import pytest

from neuronhub.spawn.job_log import make_plain


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain \ud55c\uae00", "plain \ud55c\uae00"),
        ("\x1b[1;31mred\x1b[0m text  ", "red text"),
        ("50%\r100%\x00\x07", "50%100%"),
        ("turned \u202egpj.exe", "turned gpj.exe"),
        ("a\tb", "a       b"),
        ("<script>", "<script>"),
    ],
)
def test_control_characters_are_left_out(line: str, shown: str) -> None:
    assert make_plain(line) == shown
