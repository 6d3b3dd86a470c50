"""The command ``neuronhub base channel``: a local conda channel made of wheels, for operators."""

from __future__ import annotations

from pathlib import Path

import click
from packaging.utils import canonicalize_name

from neuronhub.environments.terminal import show_progress
from neuronhub.errors import PackagesNotFound
from neuronhub.language import translate as _

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--out", type=_FOLDER, required=True, help="Folder of the channel; made if it is not there.")
@click.option("--wheelhouse", type=_FOLDER, help="Folder with wheels, looked into before the package index is asked.")
@click.option("--without-index", is_flag=True, help="Do not ask the package index: the wheelhouse has to have all.")
@click.option("--without", multiple=True, metavar="NAME", help="Package that no package is to ask for; repeatable.")
@click.option("--excludes", multiple=True, type=_FILE, help="File with such names, one a line, as uv takes it.")
@click.option(
    "--python",
    type=click.Path(path_type=Path),
    default=Path("/usr/bin/python3"),
    show_default=True,
    help="CPython that the wheels are for, and that becomes the package python.",
)
@click.option("--strict", is_flag=True, help="Fail where a dependency is not in the channel, instead of a warning.")
@click.argument("requirements", nargs=-1, type=_FILE)
def channel(
    out: Path,
    wheelhouse: Path | None,
    without_index: bool,
    without: tuple[str, ...],
    excludes: tuple[Path, ...],
    python: Path,
    strict: bool,
    requirements: tuple[Path, ...],
) -> None:
    """Make a local conda channel of Python wheels, for a site that reaches no conda channel.

    REQUIREMENTS are locked files, with an exact version and hashes for each package, as `uv pip compile
    --generate-hashes` writes them. Their wheels are taken from the wheelhouse or fetched by pip, as pip is
    configured. Without REQUIREMENTS, every wheel of the wheelhouse becomes a package.

    The channel also gets a package python: a copy of the interpreter --python, which uses the shared libraries
    of the system that it runs on. Name the channel in the site file as file:///that/folder.

    It can be called again: what is in the channel already stays and is not made again. Exit code 0: the channel
    is ready; 1: it could not be made, or (--strict) lacks a dependency; 2: wrong options.
    """
    from neuronhub.environments.channel.making import Order, make_channel  # slow to import, and needed here alone

    if not requirements and wheelhouse is None:
        raise click.UsageError(_("Name requirements files, or a wheelhouse, or both."))
    names = [*without, *(name for path in excludes for name in _read_names(path))]
    order = Order(
        out=out.absolute(),
        requirements=requirements,
        wheelhouse=wheelhouse,
        use_index=not without_index,
        python=python,
        without=frozenset(canonicalize_name(name) for name in names),
    )
    with show_progress() as report:
        summary = make_channel(order, report)
    if summary.missing and strict:
        raise PackagesNotFound("\n".join([_("Add what is missing to the requirements:"), *summary.missing]))
    for sentence in summary.missing:
        click.echo(_("Warning: {sentence}").format(sentence=sentence), err=True)
    text = _("{out}: {made} packages made, {kept} there before, {size} MB, for Python {python}.")
    size = f"{summary.size_bytes / 1e6:.0f}"
    click.echo(text.format(out=order.out, made=summary.made, kept=summary.kept, size=size, python=summary.python))
    click.echo(_("Its Python needs this system's shared libraries (OpenSSL, SQLite and others) wherever it runs."))


def _read_names(path: Path) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]
