"""The command ``neuronhub base``: the site's base environment, for its operators."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from neuronhub import language
from neuronhub.environments.base.build import Order, build_base
from neuronhub.environments.base.spec import read_spec
from neuronhub.environments.base.versions import (
    CACHE,
    activate_base,
    choose_superfluous,
    find_active,
    hold_bases,
    measure_base,
    remove_base,
)
from neuronhub.environments.bases import list_bases
from neuronhub.environments.channel.cli import channel
from neuronhub.environments.solution import Source
from neuronhub.environments.terminal import show_progress
from neuronhub.language import translate as _
from neuronhub.language import translate_n
from neuronhub.site import Site

GetSite = Callable[[], Site]

bases_option = click.option(
    "--bases",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the bases, instead of the site file's.",
)


@click.group()
def base() -> None:
    """The base environment of the site: Jupyter servers run from it, users' environments stand on it."""
    language.current.set(language.find_locale_language())


base.add_command(channel)


@base.command()
@bases_option
@click.option("--version", metavar="NAME", help="What the new version is called; otherwise the date and a number.")
@click.option("--update", is_flag=True, help="Solve anew, and renew the lock file.")
@click.option("--channel", "channels", multiple=True, metavar="URL", help="Instead of the site file's channels.")
@click.option("--mirror", "mirrors", multiple=True, nargs=2, metavar="URL MIRROR", help="Fetch a --channel from there.")
@click.option("--lock", "lock_file", type=click.Path(path_type=Path, dir_okay=False), help="The lock file.")
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), help="Keeps what is fetched and compiled.")
@click.option("--location", type=click.Path(path_type=Path), help="Where users see the folder of the bases.")
@click.argument("spec", type=click.Path(path_type=Path))
@click.pass_obj
def build(
    get_site: GetSite,
    bases: Path | None,
    version: str | None,
    update: bool,
    channels: tuple[str, ...],
    mirrors: tuple[tuple[str, str], ...],
    lock_file: Path | None,
    cache: Path | None,
    location: Path | None,
    spec: Path,
) -> None:
    """Make a new version of the base from SPEC, a list of conda packages (YAML, or one a line).

    It is not used before it is activated. A second build with the same SPEC makes the same one: see --update.
    """
    bases = (bases or get_site().places.bases).absolute()
    if lock_file is None and not channels:
        lock_file = get_site().environments.lock_file
    source = Source(
        channels=channels or get_site().environments.channels,
        mirrors={url: (mirror,) for url, mirror in mirrors} if channels else get_site().environments.mirrors,
        cache=(cache or bases / CACHE).absolute(),
    )
    order = Order(
        spec=read_spec(spec),
        source=source,
        bases=bases,
        location=location or bases,
        lock_file=lock_file or spec.with_name(f"{spec.name}.lock"),
        version=version,
        update=update,
    )
    with hold_bases(bases), show_progress() as report:
        made = build_base(order, report)
    click.echo(made.version)


@base.command(name="list")
@bases_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def list_(get_site: GetSite, bases: Path | None, as_json: bool) -> None:
    """The versions that are there, the oldest first; the active one has an asterisk."""
    bases = bases or get_site().places.bases
    active = find_active(bases)
    rows = []
    for entry in list_bases(bases):
        packages, size_bytes = measure_base(entry)
        rows.append(
            {
                "version": entry.version,
                "active": active is not None and active.path.samefile(entry.path),
                "python": entry.python,
                "packages": packages,
                "size_bytes": size_bytes,
                "made_at": entry.made_at.isoformat(),
                "path": str(entry.path),
            }
        )
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False)
    for head in ("", _("Version"), "Python", _("Packages"), "MB", _("Made at")):
        table.add_column(head, justify="right" if head in (_("Packages"), "MB") else "left")
    for row, entry in zip(rows, list_bases(bases), strict=True):
        size_mb = f"{int(str(row['size_bytes'])) / 1e6:.0f}"
        made_at = f"{entry.made_at.astimezone():%Y-%m-%d %H:%M}"
        table.add_row("*" if row["active"] else "", entry.version, entry.python, str(row["packages"]), size_mb, made_at)
    Console(highlight=False, soft_wrap=True).print(table)


@base.command()
@bases_option
@click.argument("version")
@click.pass_obj
def activate(get_site: GetSite, bases: Path | None, version: str) -> None:
    """Have new Jupyter servers and environments use VERSION; what runs keeps its own."""
    bases = bases or get_site().places.bases
    with hold_bases(bases):
        made = activate_base(bases, version)
    click.echo(_("The base {version} is active.").format(version=made.version))


@base.command()
@bases_option
@click.option("--keep", default=1, show_default=True, type=click.IntRange(0), help="This many of the newest stay.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def prune(get_site: GetSite, bases: Path | None, keep: int, yes: bool) -> None:
    """Delete versions that are not active; users' environments that stand on them need a repair afterwards."""
    bases = bases or get_site().places.bases
    with hold_bases(bases):
        chosen = choose_superfluous(bases, keep)
        if not chosen:
            click.echo(_("There is nothing to delete."))
            return
        names = ", ".join(entry.version for entry in chosen)
        number = len(chosen)
        click.echo(
            translate_n("{number} base goes: {names}", "{number} bases go: {names}", number).format(
                number=number, names=names
            )
        )
        click.echo(
            _(
                "Jupyter servers that still run from them break, and users whose environment stands on one of"
                " them need: neuronhub env repair"
            )
        )
        if not yes:
            click.confirm(_("Delete them?"), abort=True)
        for entry in chosen:
            remove_base(entry)
