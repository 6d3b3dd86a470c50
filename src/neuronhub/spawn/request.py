"""What Slurm is asked to run for one start. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from neuronhub import language
from neuronhub.environments.layout import Layout
from neuronhub.errors import StartRefused
from neuronhub.language import translate as _
from neuronhub.protocol import StartTicket
from neuronhub.site import Site
from neuronhub.slurm.types import JobRequest
from neuronhub.spawn.job_script import render_job_script
from neuronhub.spawn.record import StartRecord


def make_request(
    site: Site, record: StartRecord, environment: Mapping[str, object], base_url: str, arguments: Sequence[str]
) -> JobRequest:
    """The job of ``record``; ``environment``, ``base_url`` and ``arguments`` are JupyterHub's for the server.

    Raises StartRefused when the site does not offer the record's queue any more.
    """
    queue = site.queue(record.queue)
    if queue is None:
        raise StartRefused(_("The site does not offer this queue any more. Choose another one."))
    ticket = StartTicket(
        environment={"NEURONHUB_LANGUAGE": language.current.get()}
        | {key: str(environment[key]) for key in environment},
        base_url=base_url,
        workspace=str(site.places.workspace(record.user)),
        examples=str(site.places.examples or ""),
        layout=Layout.of(site, record.user).to_json(),
        make_environment=site.environments.create_at_start,
        args=tuple(arguments),
    )
    return JobRequest(
        user=record.user,
        name=record.job_name,
        partition=queue.name,
        time_limit=record.time_limit,
        script=render_job_script(ticket, site.places.log_dir(record.user), site.places.base),
        exclusive=queue.kind == "whole-node",
        account=record.account or None,
        options=site.slurm.sbatch_options + queue.sbatch_options,
    )
