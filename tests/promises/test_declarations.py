"""What must be declared is declared: routes, fields, jobs, outgoing hosts, settings. One undeclared thing fails."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from amanat.core import jobs, ledger_words, routes
from amanat.core.personal_data import Held
from amanat.people.custom_fields import PERSONAL_KINDS
from amanat.policy import probing, terms

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [
    config.name.removeprefix("amanat.") for config in apps.get_app_configs() if config.name.startswith("amanat.")
]
CODE = sorted(
    path for path in (ROOT / "amanat").rglob("*.py") if "tests" not in path.parts and "migrations" not in path.parts
)


def _held() -> dict[str, Held]:
    found: dict[str, Held] = {}
    for package in PACKAGES:
        if not list(apps.get_app_config(package).get_models()):
            continue
        module = importlib.import_module(f"amanat.{package}.personal_data")
        for held in module.HELD:
            assert held.model not in found, f"{held.model} is declared twice"
            found[held.model] = held
    return found


def test_every_route_is_declared() -> None:
    assert routes.undeclared() == []
    assert len(routes.table()) > 50


@pytest.mark.parametrize("package", PACKAGES)
def test_every_field_is_declared(package: str) -> None:
    held = _held()
    undeclared = []
    for model in apps.get_app_config(package).get_models():
        declaration = held.get(model._meta.label)
        declared = set(declaration.personal) | set(declaration.not_personal) if declaration else set()
        columns = {field.name for field in model._meta.local_concrete_fields}
        undeclared += [f"{model._meta.label}.{name}" for name in sorted(columns - declared)]
    assert undeclared == []


def test_no_declaration_outlives_its_field() -> None:
    stale = []
    for label, held in _held().items():
        columns = {field.name for field in apps.get_model(label)._meta.local_concrete_fields}
        stale += [f"{label}.{name}" for name in sorted((set(held.personal) | set(held.not_personal)) - columns)]
        assert not set(held.personal) & set(held.not_personal), label
    assert stale == []


def test_every_kind_of_personal_data_is_a_term_that_a_policy_can_name() -> None:
    kinds = {personal.kind for held in _held().values() for personal in held.personal.values()}
    kinds |= {kind for kind, _words in PERSONAL_KINDS if kind}
    assert sorted(kind for kind in kinds if not terms.is_known(kind)) == []


def test_every_job_says_its_purpose() -> None:
    registered = jobs.registered()
    assert registered
    assert [name for name, job in registered.items() if len(job.purpose.split()) < 4] == []


@pytest.mark.django_db(databases=["default", "owner"])
def test_every_change_of_a_model_has_its_migration() -> None:
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _trees_with(word: str) -> Iterator[ast.Module]:
    """The modules in whose text the word stands: to take all of them to pieces takes seconds."""
    return (ast.parse(_text(path)) for path in CODE if word in _text(path))


@cache
def _events() -> frozenset[str]:
    """Every event that code gives to `ledger.write` as a literal."""
    found: set[str] = set()
    for tree in _trees_with("ledger"):
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "write"):
                continue
            if ast.unparse(node.func) != "ledger.write":
                continue
            found |= {
                part.value
                for part in ast.walk(node.args[0])
                if isinstance(part, ast.Constant) and "." in str(part.value)
            }
    return frozenset(event for event in found if not event.startswith(".") and not event.endswith("."))


@pytest.mark.slow
def test_every_event_of_the_ledger_has_words() -> None:
    assert sorted(_events() - set(ledger_words.known())) == []
    assert len(_events()) > 50


#: A library that must be used in one place only, and that place.
ONE_PLACE = {
    "httpx": {"core/outgoing"},
    "httpcore": {"core/outgoing"},
    "requests": set(),
    "urllib.request": set(),
    "nh3": {"core/html.py"},
    "xlsxwriter": set(),
    "obstore": {"core/sealedobjects.py"},
    "PIL": {"core/pictures.py", "core/watermarks.py", "web/drawing.py"},
    "pypdf": {"core/pdfs.py", "core/watermarks.py"},
    "pickle": set(),
    "subprocess": {"operations", "people/importing/workbooks.py"},
}


@cache
def _imported(path: Path) -> frozenset[str]:
    """The modules that a file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(_text(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


@pytest.mark.parametrize("library", ONE_PLACE)
def test_a_library_with_one_place_is_used_nowhere_else(library: str) -> None:
    allowed = ONE_PLACE[library]
    strangers = []
    for path in CODE:
        place = path.relative_to(ROOT / "amanat").as_posix()
        if any(place == one or place.startswith(f"{one}/") for one in allowed):
            continue
        if library.rpartition(".")[2] not in _text(path):
            continue
        if any(name == library or name.startswith(f"{library}.") for name in _imported(path)):
            strangers.append(place)
    assert strangers == []


def test_the_environment_is_read_in_one_place() -> None:
    allowed = {"core/configuration.py"}
    strangers = [
        path.relative_to(ROOT / "amanat").as_posix()
        for path in CODE
        if "os.environ" in path.read_text(encoding="utf-8").replace("os.environ.setdefault", "")
    ]
    assert [place for place in strangers if place not in allowed] == []


def test_the_clock_is_read_in_one_place() -> None:
    words = ("timezone.now(", "datetime.now(", "date.today(", "datetime.utcnow(")
    # The log and the id generator need the machine's time whatever a demo does with the clock.
    allowed = {"core/clock.py", "core/logs.py", "core/ids.py"}
    strangers = [
        path.relative_to(ROOT / "amanat").as_posix()
        for path in CODE
        if any(word in path.read_text(encoding="utf-8") for word in words)
    ]
    assert [place for place in strangers if place not in allowed and not place.startswith("operations/")] == []


def test_every_probe_that_is_written_runs() -> None:
    """A module of probes that nobody loads would leave its promises unchecked without a word."""
    written = {
        ast.literal_eval(mark.args[0])
        for tree in _trees_with("probe")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for mark in node.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "probe"
    }
    assert len(written) > 80
    assert sorted(written - set(probing.registered())) == []
