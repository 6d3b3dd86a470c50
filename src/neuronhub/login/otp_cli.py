"""The command ``neuronhub otp``: operators give and take away second factors. Runs on the hub's host."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import segno

from neuronhub.errors import NeuronHubError
from neuronhub.login.accounts import parse_account
from neuronhub.login.database import Database
from neuronhub.login.throttle import count_attempts, forget_attempts
from neuronhub.login.totp_store import TotpStore, ensure_key, read_key
from neuronhub.site import Login, Site

NOT_ENROLLED = 3
"""Exit code when the account has no second factor."""


@click.group()
def otp() -> None:
    """One-time passwords of this site's users.

    Run it as the hub's user or as root, on the host of the hub. Secrets are shown once, when a user
    is enrolled, and never again.

    \b
    Exit codes: 0 done, 1 something is in the way (the text says what),
    2 wrong use, 3 the account has no second factor.
    """


@otp.command("new-key")
@click.pass_context
def new_key(context: click.Context) -> None:
    """Make the key file that seals the secrets, unless it is there.

    Keep a copy in a safe place, apart from the database: without it every user must be enrolled again.
    """
    path = _key_file(_login(context))
    with _explained():
        known = path.exists()
        ensure_key(path)
        read_key(path)
    click.echo(f"{path}: {'was there already' if known else 'made'}")


@otp.command()
@click.argument("account", metavar="ID")
@click.option("--replace", is_flag=True, help="Take the old second factor away, if there is one.")
@click.pass_context
def enrol(context: click.Context, account: str, replace: bool) -> None:
    """Give ID a new secret; show it as a QR code and as an otpauth:// address.

    Whoever sees the output can make ID's codes: clear the screen afterwards.
    """
    login = _login(context)
    user = _account(account, login)
    with _opened(login) as (_, store):
        if not replace:
            store.check_key()
        enrolment = store.enrol(user, login.second_factor.issuer, replace=replace)
    picture = io.StringIO()
    segno.make(enrolment.uri, error="l").terminal(out=picture, compact=True)
    click.echo(picture.getvalue())
    click.echo(enrolment.uri)
    click.echo(f"{user} is enrolled: scan the picture with an authenticator app.")


@otp.command()
@click.argument("account", metavar="ID")
@click.pass_context
def status(context: click.Context, account: str) -> None:
    """Say whether ID is enrolled, and how many sign-ins failed lately."""
    login = _login(context)
    user = _account(account, login)
    window_s = login.throttle.window_s
    with _opened(login) as (database, store):
        enrolled_at = store.enrolled_at(user)
        failed = database.run_now(lambda connection: count_attempts(connection, user, time.time() - window_s))
    since = f"enrolled since {enrolled_at:%Y-%m-%d %H:%M:%S} UTC" if enrolled_at else "not enrolled"
    click.echo(f"{user}: {since}; {failed} failed sign-ins in the last {window_s:g} s")
    if enrolled_at is None:
        context.exit(NOT_ENROLLED)


@otp.command()
@click.argument("account", metavar="ID")
@click.pass_context
def revoke(context: click.Context, account: str) -> None:
    """Take the second factor of ID away. ID cannot sign in any more, and open sessions end within minutes."""
    login = _login(context)
    user = _account(account, login)
    with _opened(login) as (_, store):
        had_one = store.revoke(user)
    click.echo(f"{user}: {'revoked' if had_one else 'was not enrolled'}")
    if not had_one:
        context.exit(NOT_ENROLLED)


@otp.command()
@click.argument("account", metavar="ID")
@click.pass_context
def unlock(context: click.Context, account: str) -> None:
    """Forget the failed sign-ins of ID. (A lock in the directory itself is the directory's to lift.)"""
    login = _login(context)
    user = _account(account, login)
    with _explained():
        database = Database(login.database)
        try:
            forgotten = database.run_now(lambda connection: forget_attempts(connection, user))
        finally:
            database.close()
    click.echo(f"{user}: {forgotten} failed sign-ins forgotten")


def _login(context: click.Context) -> Login:
    with _explained():
        site: Site = context.obj()
    if site.login is None:
        raise click.ClickException("The site file has no table [login]: this site signs in some other way.")
    return site.login


def _key_file(login: Login) -> Path:
    if login.second_factor.kind != "totp":
        raise click.ClickException("login.second_factor.kind is not `totp`: the directory keeps the secrets.")
    if login.second_factor.key_file is None:
        raise click.ClickException("login.second_factor.key_file is not set in the site file.")
    return login.second_factor.key_file


def _account(text: str, login: Login) -> str:
    user = parse_account(text, re.compile(login.id_pattern))
    if user is None:
        raise click.BadParameter(f"{text!r} is not an account ID of this site", param_hint="ID")
    return user


@contextmanager
def _opened(login: Login) -> Iterator[tuple[Database, TotpStore]]:
    key_file = _key_file(login)
    with _explained():
        key = read_key(key_file)
        database = Database(login.database)
        try:
            yield database, TotpStore(database, key)
        finally:
            database.close()


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except NeuronHubError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from error
