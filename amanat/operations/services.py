"""The processes that serve: web, worker, live. Each is a command by itself and a child of the supervisor."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from amanat.core import configuration as settings
from amanat.core.configuration import Configuration
from amanat.operations import ports, processes

KILL_AFTER = 15  # seconds a web process may take to finish its requests


def web(configuration: Configuration) -> None:
    """Pages and API: synchronous views in threads, so that slow clients cost a thread and not the site."""
    from granian.constants import Interfaces

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")
    _collect_files(configuration)
    _serve(
        "amanat.wsgi:application",
        configuration,
        interface=Interfaces.WSGI,
        port=configuration.port,
        workers=configuration.web_processes,
        blocking_threads=configuration.web_threads,
        backpressure=configuration.web_threads,  # what is beyond waits in the socket's queue, not in memory
    )


def _collect_files(configuration: Configuration) -> None:
    """Styles and scripts for a web server that is started by itself: `./run up` has put them together before. In a process of
    its own, because this one lives long and stays small without Django."""
    from amanat.operations import postgres

    if postgres.site_is_up(configuration):
        return
    made = subprocess.run(
        [sys.executable, "-m", "amanat.operations.static"],
        env=settings.child_environment(),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if made.returncode:
        raise settings.ConfigurationError(made.stderr.strip())


def live(configuration: Configuration) -> None:
    """Events for open pages; holds no transaction."""
    from granian.constants import Interfaces

    _serve("amanat.live:application", configuration, interface=Interfaces.ASGI, port=configuration.live_port)


def worker(configuration: Configuration) -> None:
    """Jobs, and the schedule of periodic ones."""
    processes.watch_parent()
    set_up_django()
    from amanat.core import jobs

    jobs.run_worker(concurrency=configuration.worker_concurrency)


def set_up_django() -> None:
    """What a command begins with that needs our tables. Nearly all that is loaded stays to the end: to look through it for garbage
    while it is loaded, and again ever after, takes a seventh of a command's start."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "amanat.settings")
    gc.disable()
    try:
        django.setup()
    finally:
        gc.freeze()
        gc.enable()


def _serve(target: str, configuration: Configuration, **options: Any) -> None:
    from granian.constants import HTTPModes
    from granian.log import LogLevels
    from granian.server.mp import MPServer

    processes.watch_parent()
    settings.secret_key(configuration)  # told here in words, not in the server's child
    problem = ports.problem(configuration.host, options.get("port", configuration.port))
    if problem:
        raise settings.ConfigurationError(problem)
    server = MPServer(
        target,
        address=configuration.host,
        log_level=LogLevels.error,
        http=HTTPModes.http1,  # HTTP/2 ends at the proxy in front
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=KILL_AFTER,
        **options,
    )
    server.serve(target_loader=_load, wrap_loader=True)


def _load(target: str) -> Callable[..., Any]:
    """Runs in the server's own child, which would outlive a killed server."""
    from granian._internal import load_target

    processes.die_with_parent()
    application: Callable[..., Any] = load_target(target)
    return application
