"""The program ``conda`` of sites that have none: console script ``neuronhub-conda``. Activations start quickly."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from neuronhub import language
from neuronhub.environments.conda.shell import DIALECTS, refuse_outside, render_command
from neuronhub.errors import NeuronHubError
from neuronhub.language import translate as _


def main() -> None:
    """Run the command line; an error that a person can mend is told on stderr, with exit code 1."""
    language.current.set(language.find_locale_language())
    try:
        code = _run_whole(sys.argv[1:])
    except NeuronHubError as error:
        print(f"conda: {error}", file=sys.stderr)
        code = 1
    except BrokenPipeError:  # `conda list | head` is no error
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except OSError as error:
        print(f"conda: {error.filename}: {error.strerror}" if error.filename else f"conda: {error}", file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        text = _("Interrupted. If packages were being changed, the next command of conda puts them in order.")
        print(f"\nconda: {text}", file=sys.stderr)
        code = 130
    sys.stderr.flush()
    os._exit(code)  # py-rattler sometimes aborts while the interpreter ends, with all its work done


def _run_whole(words: Sequence[str]) -> int:
    """Run one command, and have all that it says arrive."""
    try:
        return run(words)
    except SystemExit as ended:  # help, or wrong words
        return int(ended.code or 0)
    finally:
        sys.stdout.flush()


def run(words: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    if words and words[0] in DIALECTS:
        sys.stdout.write(render_command(words[1:], os.environ))
        return 0
    if words and words[0] in ("activate", "deactivate", "reactivate"):
        raise refuse_outside()
    from neuronhub.environments.conda.commands import run_command

    return run_command(words)
