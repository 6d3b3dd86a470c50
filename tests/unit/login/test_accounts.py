"""What is typed, at the border."""

from __future__ import annotations

import re

import pytest

from neuronhub.login.accounts import BadForm, parse_account, parse_body, parse_credentials, parse_otp
from neuronhub.site import Login

PATTERN = re.compile(Login.model_fields["id_pattern"].default)
GOOD = {"username": "alice", "otp": "123456", "password": " secret "}


@pytest.mark.parametrize("typed", ["bob", "BOB", " Bob\t", "bob\r\n"])
def test_spellings_of_one_account(typed: str) -> None:
    assert parse_account(typed, PATTERN) == "bob"


@pytest.mark.parametrize(
    "typed", ["", " ", "ｂｏｂ", "b ob", "bo\\62", "bob,ou=x", "bob\0", "bob/..", "-bob", "b" * 33, "\u212aob"]
)
def test_what_is_no_account(typed: str) -> None:
    assert parse_account(typed, PATTERN) is None


def test_letters_outside_ascii_are_refused_whatever_the_pattern_allows() -> None:
    assert parse_account("ｂｏｂ", re.compile(r"\w+")) is None


def test_pattern_must_match_the_whole_text() -> None:
    assert parse_account("bob\nroot", re.compile(r"^[a-z]+$", re.MULTILINE)) is None


@pytest.mark.parametrize(("typed", "code"), [("123456", "123456"), ("123 456 ", "123456"), ("12345678", "12345678")])
def test_codes(typed: str, code: str) -> None:
    assert parse_otp(typed) == code


@pytest.mark.parametrize("typed", ["", "12345", "123456789", "１２３４５６", "12345٦", "12345a", "123-456"])
def test_what_is_no_code(typed: str) -> None:
    assert parse_otp(typed) is None


def test_credentials_are_kept_as_typed_and_not_shown() -> None:
    credentials = parse_credentials(GOOD)
    assert (credentials.account, credentials.otp, credentials.password) == ("alice", "123456", " secret ")
    assert repr(credentials) == "Credentials(account='alice')"


@pytest.mark.parametrize(
    "data",
    [
        None,
        "alice",
        [],
        {},
        GOOD | {"username": ""},
        GOOD | {"otp": None},
        GOOD | {"password": ["secret"]},
        GOOD | {"password": 1},
        GOOD | {"password": "\ud800"},
        GOOD | {"password": "a\0"},
        GOOD | {"password": "x" * 1025},
        GOOD | {"otp": "1" * 65},
        GOOD | {"username": "가" * 86},
    ],
)
def test_bad_credentials(data: object) -> None:
    with pytest.raises(BadForm) as refusal:
        parse_credentials(data)
    assert "secret" not in str(refusal.value)


def test_body() -> None:
    body = {"username": [b"alice"], "otp": [b"123456"], "password": ["ö".encode()], "_xsrf": [b"1", b"2"]}
    assert parse_body(body, {"next": [b"/"]}) == {"username": "alice", "otp": "123456", "password": "ö"}
    with pytest.raises(BadForm):
        parse_body(body | {"otp": [b"1", b"2"]}, {})
    with pytest.raises(BadForm):
        parse_body(body, {"username": [b"bob"]})
    with pytest.raises(BadForm):
        parse_body(body | {"password": [b"\xff"]}, {})
