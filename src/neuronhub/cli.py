"""The command ``neuronhub``. Sub-commands are loaded when they are called, so that ``--help`` is quick."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from neuronhub import __version__
from neuronhub.errors import NeuronHubError
from neuronhub.site import DEFAULT_SITE, Site, read_site

ROOMS = {
    "otp": ("neuronhub.login.otp_cli", "otp"),
    "demo": ("neuronhub.demo.cli", "demo"),
    "base": ("neuronhub.environments.base.cli", "base"),
    "env": ("neuronhub.environments.env_cli", "env"),
    "billing": ("neuronhub.billing.cli", "billing"),
}
"""Commands that live in a room of their own: name -> (module, attribute)."""


class Rooms(click.Group):
    """A group that knows of its rooms' commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in a fixed order."""
        return sorted({*super().list_commands(ctx), *ROOMS})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command called ``name``, imported now if it lives in a room."""
        if name not in ROOMS:
            return super().get_command(ctx, name)
        module, attribute = ROOMS[name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=Rooms, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--site",
    "site_file",
    type=click.Path(path_type=Path),
    default=DEFAULT_SITE,
    envvar="NEURONHUB_SITE",
    show_default=True,
    show_envvar=True,
    help="The site file.",
)
@click.version_option(__version__, prog_name="neuronhub")
@click.pass_context
def cli(ctx: click.Context, site_file: Path) -> None:
    """NeuronHub: Jupyter on a Slurm supercomputer, from sign-in to a running notebook."""
    site: list[Site] = []

    def get_site() -> Site:
        if not site:
            site.append(read_site(site_file))
        return site[0]

    ctx.obj = get_site


def _use_site(ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    if path is not None:
        ctx.obj = lambda: read_site(path)


site_option = click.option(
    "--site",
    type=click.Path(path_type=Path),
    callback=_use_site,
    expose_value=False,
    help="The site file (the same as before the command's name).",
)


@cli.command(context_settings={"ignore_unknown_options": True})
@site_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def up(get_site: Callable[[], Site], arguments: tuple[str, ...]) -> None:
    """Run the hub of a site in the foreground, until SIGTERM.

    Its proxy (configurable-http-proxy) is a process of its own and must be running. ARGUMENTS are JupyterHub's own,
    for instance --debug or --JupyterHub.log_level=WARN.
    """
    from neuronhub.hub.app import run_hub

    run_hub(get_site(), list(arguments))


@cli.command()
@site_option
@click.pass_obj
def check(get_site: Callable[[], Site]) -> None:
    """Is this site file right, and does what it names answer?

    Prints a line for each thing looked at; exit code 1 if any of them is wrong. Run it as the hub's user.
    """
    from neuronhub.hub.check import check_site

    sys.exit(0 if check_site(get_site(), click.echo) else 1)


def main() -> None:
    """Run the command line; an error that a person can mend is one line on stderr and exit code 1."""
    code: str | int | None = 0
    try:
        cli()
    except NeuronHubError as error:
        click.echo(f"neuronhub: {error}", err=True)
        code = 1
    except SystemExit as ended:
        code = ended.code
    if "rattler" in sys.modules:  # py-rattler sometimes aborts while the interpreter ends, with all its work done
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0)
    sys.exit(code)


if __name__ == "__main__":
    main()
