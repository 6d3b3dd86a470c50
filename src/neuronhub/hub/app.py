"""JupyterHub's application with what a hub on Slurm needs beside it: the desk, languages, starts taken up again."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from pathlib import Path
from typing import Any

from jupyterhub import orm
from jupyterhub.app import JupyterHub
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.utils import AnyTimeoutError
from sqlalchemy import event, text
from tornado import web
from tornado.http1connection import HTTP1Connection
from tornado.httpclient import AsyncHTTPClient
from tornado.httputil import HTTPServerRequest
from traitlets import Instance

from neuronhub import language
from neuronhub.errors import NeuronHubError, SiteFileError
from neuronhub.hub.bookkeeping import Bookkeeping
from neuronhub.hub.environment import HANDLERS as ENVIRONMENT_HANDLERS
from neuronhub.hub.environment import Doors
from neuronhub.hub.handlers import (
    ClusterHandler,
    HomePageHandler,
    StartHandler,
    StartPageHandler,
    TokensHandler,
    make_logout_handler,
)
from neuronhub.hub.nobody import make_handler
from neuronhub.hub.notebooks import NotebooksHandler, describe_unopened
from neuronhub.hub.reading import Reading
from neuronhub.hub.routes import keep_routes
from neuronhub.hub.settings import make_config, read_secret
from neuronhub.hub.usage import HANDLERS as USAGE_HANDLERS
from neuronhub.protocol import ANNOUNCE_PATH, ENGINES_PATH, JOB_PATH, PREPARING_PATH
from neuronhub.site import Site
from neuronhub.slurm.commands import Commands
from neuronhub.slurm.watch import Watch
from neuronhub.spawn.announce import AnnounceHandler, PreparingHandler
from neuronhub.spawn.desk import Desk
from neuronhub.spawn.endings import Ending, describe_ending
from neuronhub.spawn.engine_handlers import EngineClusterHandler, EnginesHandler, JobHandler
from neuronhub.spawn.engines import Engines
from neuronhub.spawn.record import Seal, StartRecord
from neuronhub.spawn.spawner import SlurmSpawner
from neuronhub.web.handlers import handlers as web_handlers
from neuronhub.web.templates import install_translations

FOUND_AGAIN_LOOK_S = 10
PROOF_BYTES = 64 * 1024
LARGEST_BODY = 1024 * 1024
"""Of any request to the hub; its forms and REST bodies are small."""


class TranslatedApplication(web.Application):
    """Tornado's Application; each request runs in the language of its reader."""

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """Choose the language before the handler runs: tornado runs it in a task that inherits our context."""
        if isinstance(request.connection, HTTP1Connection):
            request.connection.set_max_body_size(LARGEST_BODY)
        cookie = request.cookies.get(language.COOKIE)
        language.current.set(
            language.choose_language(
                cookie.value if cookie else None,
                request.headers.get("Accept-Language"),
                self.settings["neuronhub_default_language"],
            )
        )
        return super().find_handler(request, **kwargs)


class NeuronHub(JupyterHub):  # type: ignore[misc]
    """JupyterHub for one site file; everything else is JupyterHub's own."""

    name = "neuronhub"
    site = Instance(Site)
    desk = Instance(Desk)
    doors = Instance(Doors)
    bookkeeping = Instance(Bookkeeping, allow_none=True)

    async def initialize(self, *arguments: Any, **more: Any) -> None:
        """As JupyterHub does; what is wrong with the site ends the hub with one sentence."""
        try:
            await super().initialize(*arguments, **more)
        except NeuronHubError as error:
            self.log.critical("%s", error)
            self.exit(1)

    def load_config_file(self, filename: str, path: str | None = None) -> None:
        """Load the site's own JupyterHub configuration files, and none that happens to lie about."""
        for extra in self.site.hub.extra_config:
            if not extra.is_file():
                raise SiteFileError(f"hub.extra_config: {extra} is not there.")
            super().load_config_file(extra.name, path=str(extra.parent))

    def init_logging(self) -> None:
        """Our rooms log like JupyterHub itself."""
        super().init_logging()
        ours = logging.getLogger("neuronhub")
        ours.parent = self.log
        ours.setLevel(self.log.level)

    def init_db(self) -> None:
        """SQLite writes ahead and syncs less often: JupyterHub makes many small commits for one start."""
        super().init_db()
        if self.db.bind.dialect.name != "sqlite":
            return

        def set_pragmas(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.close()

        event.listen(self.db.bind, "connect", set_pragmas)
        self.db.execute(text("PRAGMA journal_mode=WAL"))
        self.db.commit()
        self.db.execute(text("PRAGMA synchronous=NORMAL"))

    def init_tornado_settings(self) -> None:
        """Add the desk, the language and what our templates may call."""
        super().init_tornado_settings()
        site = self.site
        commands = Commands(site.slurm, become=True)
        watch = Watch(commands, tuple(queue.name for queue in site.queues), site.slurm.commands_per_minute)
        seal = Seal(read_secret(site.hub.start_key_file).encode())
        self.bookkeeping = Bookkeeping(site, commands, watch) if site.billing else None
        self.desk = Desk(
            site,
            commands,
            watch,
            seal,
            AsyncHTTPClient(force_instance=True, max_clients=200, max_body_size=PROOF_BYTES),
            self.bookkeeping.till if self.bookkeeping else None,
        )
        self.tornado_settings[Desk.SETTING] = self.desk
        self.tornado_settings[Reading.SETTING] = self.bookkeeping.reading if self.bookkeeping else None
        self.tornado_settings[Engines.SETTING] = Engines(self.desk)
        self.doors = Doors(site)
        self.tornado_settings[Doors.SETTING] = self.doors
        self.tornado_settings["neuronhub_default_language"] = site.hub.default_language
        self.tornado_settings["template_vars"] = {
            **self.tornado_settings.get("template_vars", {}),
            "site_title": lambda _user: site.title.in_language(language.current.get()),
            "start_page": self.describe_start_page,
            "ending": self.describe_ending,
            "unopened": describe_unopened,
            "cost": self.describe_cost,
            "charging": site.billing is not None,
        }
        for environment in ("jinja2_env", "jinja2_env_sync"):
            install_translations(self.tornado_settings[environment])

    def describe_start_page(self, user: Any) -> dict[str, Any] | None:
        """What spawn.html shows to ``user``: the resource table, and the choice of last time."""
        if user is None or not hasattr(user, "spawners"):
            return None
        orm_spawner = user.orm_spawners.get("")
        choice = dict(orm_spawner.user_options or {}) if orm_spawner else {}
        cluster = self.desk.describe_cluster([group.name for group in user.groups], user.name)
        return {"cluster": cluster, "choice": choice}

    def describe_cost(self, user: Any) -> dict[str, Any] | None:
        """What ``user``'s running server costs so far (payment.Till.describe_cost); None: nothing is known of it."""
        spawner = user.spawners.get("") if user is not None and hasattr(user, "spawners") else None
        if not isinstance(spawner, SlurmSpawner) or spawner.record is None:
            return None
        return self.desk.till.describe_cost(spawner.record.job_name, user.name)

    def describe_ending(self, user: Any) -> dict[str, Any] | None:
        """How ``user``'s latest server ended, if it was not the user's wish."""
        orm_spawner = user.orm_spawners.get("") if user is not None and hasattr(user, "spawners") else None
        ending = (orm_spawner.state or {}).get("ending") if orm_spawner else None
        return describe_ending(Ending.from_state(ending)) if ending else None

    def init_handlers(self) -> None:
        """Put our handlers before JupyterHub's of the same path."""
        super().init_handlers()
        logout = LogoutHandler
        for path, handler, *_rest in self.authenticator.get_handlers(self):
            if path == r"/logout":
                logout = handler
        ours: list[Any] = [
            (r"/logout", make_logout_handler(logout)),
            (r"/home", HomePageHandler),
            (r"/spawn", StartPageHandler),
            (r"/spawn/([^/]+)", StartPageHandler),
            (r"/notebooks", NotebooksHandler),
            (r"/api/cluster", ClusterHandler),
            (rf"/api/{ANNOUNCE_PATH}", AnnounceHandler),
            (rf"/api/{PREPARING_PATH}", PreparingHandler),
            (rf"/api/{JOB_PATH}", JobHandler),
            (rf"/api/{ENGINES_PATH}", EnginesHandler),
            (rf"/api/{ENGINES_PATH}/([0-9a-f]{{8}})", EngineClusterHandler),
            (r"/api/users/([^/]+)/server", StartHandler),
            (r"/api/users/([^/]+)/tokens", TokensHandler),
            *ENVIRONMENT_HANDLERS,
            *USAGE_HANDLERS,
            *web_handlers(),
        ]
        self.handlers: list[Any] = self.add_url_prefix(self.hub_prefix, ours) + self.handlers

    def init_tornado_application(self) -> None:
        """As JupyterHub does, with a language for each request."""
        self.tornado_application = TranslatedApplication(self.handlers, **self.tornado_settings)

    async def init_spawners(self) -> int:
        """Set starts aside that had not ended in a server yet; JupyterHub takes up the running ones."""
        self.desk.watch.start()
        self._unfinished: list[tuple[Any, str]] = []
        found_again = []
        for orm_spawner in self.db.query(orm.Spawner).filter(orm.Spawner.state != None):  # noqa: E711  # SQL
            start = orm_spawner.state.get("start")
            if start is None:
                continue
            if self.bookkeeping:
                await self.bookkeeping.note_again(StartRecord.from_state(start))
            user = self.users[orm_spawner.user]
            if not isinstance(user.spawners[orm_spawner.name], SlurmSpawner):
                continue
            if start["url"] is not None:
                found_again.append(user)
                continue
            # A hub that died before it came this far has deleted the row already: the saved start is what counts.
            if orm_spawner.server is not None:
                self.db.delete(orm_spawner.server)
            self.desk.adopting.add(user.name)
            self._unfinished.append((user, orm_spawner.name))
        self.db.commit()
        for user in found_again:
            user._wait_up = wait_until_found
        try:
            return int(await super().init_spawners())
        finally:
            for user in found_again:
                user.__dict__.pop("_wait_up", None)

    async def start(self) -> None:
        """Start JupyterHub, then go on with the starts that an earlier hub had begun, then look for orphans."""
        await super().start()
        for user, server_name in self._unfinished:
            self.take_up(user, server_name)
        self.desk.start_orphan_checks()
        if self.bookkeeping:
            self.bookkeeping.start(self, self.desk, self.tornado_settings[Engines.SETTING])
        self._routes_task = asyncio.create_task(keep_routes(self), name="neuronhub-routes")

    def take_up(self, user: Any, server_name: str) -> None:
        """Go on with a start whose hub died; its job may wait, run, or be over."""
        spawner = user.spawners[server_name]
        spawner.adopted = spawner.record
        self.log.info("taking up the start of %s (job %s)", spawner._log_name, spawner.record.job_id)
        handler = make_handler(self.tornado_application)
        task = asyncio.ensure_future(handler.spawn_single_user(user, server_name))
        task.add_done_callback(partial(self._note_taken_up, user.name))

    def _note_taken_up(self, user_name: str, task: asyncio.Future[None]) -> None:
        self.desk.adopting.discard(user_name)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.log.warning("a start taken up again has failed: %s", error)

    async def cleanup(self) -> None:
        """Leave jobs and servers alone; end our own tasks."""
        self._routes_task.cancel()
        await super().cleanup()
        await self.doors.close()
        if self.bookkeeping:
            await self.bookkeeping.close()
        await self.desk.close()


async def wait_until_found(spawner: SlurmSpawner) -> SlurmSpawner:
    """In the place of JupyterHub's own wait for a server that ran before the hub's restart.

    JupyterHub cancels a server that is silent for a while; ours has ended only when Slurm says so. Raises TimeoutError
    then.
    """
    while await spawner.poll() is None:
        try:
            await spawner.server.wait_up(http=True, timeout=FOUND_AGAIN_LOOK_S, extra_path="api")
        except AnyTimeoutError:
            spawner.log.warning("%s runs, but does not answer yet", spawner._log_name)
        else:
            return spawner
    raise TimeoutError("the job has ended")


def run_hub(site: Site, arguments: list[str]) -> None:
    """Run the hub of ``site`` in the foreground until SIGTERM; ``arguments`` are JupyterHub's own."""
    Path(site.hub.state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    NeuronHub.instance(site=site, config=make_config(site))
    NeuronHub.launch_instance(arguments)
