"""What is forked is as good as what is started: the same settings, the same ends."""

import json
import re
import signal
from pathlib import Path

import pytest

from amanat.operations.tests import nursery, places

pytestmark = pytest.mark.slow  # a process of its own, to compare with

TELL = """
import json, logging, os, sys
from amanat.operations import services
services.set_up_django()
from django.conf import settings
from django.core.files.storage import storages
from django.db import connections
from amanat.core import clock, configuration
print(json.dumps({
    "databases": repr(connections.settings),  # first: Django completes those of the settings when they are asked for
    "settings": {name: repr(getattr(settings, name)) for name in dir(settings) if name.isupper()},
    "connections": [one.settings_dict["HOST"] for one in connections.all()],
    "configuration": repr(configuration.current()), "offset": str(clock._offset), "words": sys.argv, "environ": dict(os.environ),
    "files": repr(storages["staticfiles"].location), "level": logging.getLogger("amanat").getEffectiveLevel(), "in": os.getcwd(),
}))
"""
OF_THE_SHELL = {"LC_CTYPE"}  # Python adds it to its own environment


def test_what_is_forked_knows_of_its_own_installation_alone(place: Path) -> None:
    places.install(place)
    changes = {
        "AMANAT_BASE_URL": "https://crm.example.in",
        "AMANAT_TIME_OFFSET": "700",
        "AMANAT_LOG_LEVEL": "debug",
        "DATABASE_URL": "postgresql://boss:b@/crm?host=/nowhere",
    }
    assert nursery.takes((), changes)
    told = []
    for by_itself in (True, False):
        process = places.spawn(place / "data", "one", "two", code=TELL, by_itself=by_itself, **changes)
        output = process.communicate(timeout=places.PATIENCE)[0]
        assert process.returncode == 0, output
        told.append(json.loads(re.sub(" at 0x[0-9a-f]+", "", output)))
        told[-1]["environ"] = {name: said for name, said in told[-1]["environ"].items() if name not in OF_THE_SHELL}
    asked, forked = (one.pop("settings") for one in told)
    assert {name: (asked[name], forked.get(name)) for name in asked if asked[name] != forked.get(name)} == {}
    assert told[1] == told[0]
    assert told[0]["words"] == ["-c", "one", "two"] and "crm.example.in" in asked["ALLOWED_HOSTS"]


@pytest.mark.parametrize(
    ("code", "ends", "says"),
    [
        ("print('done')", 0, "done\n"),
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit('a sentence')", 1, "a sentence\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL, ""),
    ],
)
def test_how_it_ends_and_what_it_says_is_heard(tmp_path: Path, code: str, ends: int, says: str) -> None:
    process = places.spawn(tmp_path, code=code)
    output = process.communicate(timeout=places.PATIENCE)[0]
    assert (process.returncode, output.endswith(says), isinstance(process, nursery.Nursed)) == (ends, True, True)
    assert output == says or "ZeroDivision" in code + output


def test_it_is_killed_and_waited_for_as_others_are(tmp_path: Path) -> None:
    process = places.spawn(tmp_path, code="import time; print('here', flush=True); time.sleep(600)")
    places.read_until(process, "here")
    assert process.poll() is None and places.is_running(process.pid)
    places.kill(process.pid)
    assert process.wait(places.PATIENCE) == -signal.SIGKILL
    assert not places.is_running(process.pid)


def test_what_lives_long_or_tells_the_interpreter_something_starts_by_itself() -> None:
    assert not any(nursery.takes((word,), {}) for word in ("up", "web", "worker", "live", "archive"))
    assert not nursery.takes(("keys",), {"PYTHONHASHSEED": "1"})
    assert not nursery.takes((), {"LD_PRELOAD": "x.so"})
