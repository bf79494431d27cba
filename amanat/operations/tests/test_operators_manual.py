"""The operators' manual names every command, and no other."""

import argparse

from amanat.core.configuration import CHECKOUT
from amanat.operations import cli


def commands() -> dict[str, argparse.ArgumentParser]:
    [found] = [action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return dict(found.choices)


def test_each_command_stands_in_the_manual() -> None:
    text = (CHECKOUT / "docs/operators.md").read_text()
    table = text.split("## Commands")[1].split("## Settings")[0]
    documented = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(documented) == sorted(commands())


def test_each_option_of_a_command_has_words() -> None:
    for name, parser in commands().items():
        assert parser.description, name
        for action in parser._actions:
            assert action.help, f"{name} {action.dest}"
