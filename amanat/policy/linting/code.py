"""Does the running code do what the file says, and nothing else? Compared both ways, with an inventory that is handed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches

from amanat.policy.inventory import Inventory
from amanat.policy.linting.findings import Case, Complaint, Severity, check
from amanat.policy.telling import _, told

Comparison = Callable[[Case, Inventory], Iterator[Complaint]]


def _compared(identity: str, severity: Severity = Severity.ERROR) -> Callable[[Comparison], Comparison]:
    """A check that has something to say only when an inventory was handed in."""

    def register(function: Comparison) -> Comparison:
        @check(identity, severity)
        def run(case: Case) -> Iterable[Complaint]:
            return function(case, case.inventory) if case.inventory else ()

        return function

    return register


def _declared(case: Case) -> set[str]:
    return {term for data in case.policy.data.values() for term in data.terms}


@_compared("code.column-undeclared")
def column_undeclared(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    declared = _declared(case)
    for column, term in sorted(inventory.columns.items()):
        if term not in declared:
            yield (
                ("data",),
                told(_("The column {column} holds {term}, which is not declared."), column=column, term=term),
                told(_("Add {term} to a kind of data."), term=term),
            )


@_compared("code.column-gone")
def column_gone(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    for name, data in case.policy.data.items():
        for column in data.at:
            term = inventory.columns.get(column)
            if term is None:
                yield (
                    ("data", name, "at"),
                    told(_("There is no column {column} with personal data."), column=column),
                    told(_("Remove it from `at`.")),
                )
            elif term not in data.terms:
                yield (
                    ("data", name, "at"),
                    told(_("The column {column} holds {term}, not “{name}”."), column=column, term=term, name=name),
                    told(_("Move it to its own kind.")),
                )


@_compared("code.field-undeclared")
def field_undeclared(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    declared = _declared(case)
    for entry, fields in sorted(inventory.fields.items()):
        for term in sorted(fields - declared):
            yield (
                ("data",),
                told(_("{entry} takes in {term}, which is not declared."), entry=entry, term=term),
                told(_("Add {term} to a kind of data."), term=term),
            )


@_compared("code.entry-gone")
def entry_gone(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    for name, data in case.policy.data.items():
        for entry in data.via:
            if not inventory.fields.get(entry, frozenset()) & set(data.terms):
                yield (
                    ("data", name, "via"),
                    told(_("“{entry}” takes in nothing of this."), entry=entry),
                    told(_("Remove it from `via`.")),
                )


def _names_on_device(case: Case) -> set[str]:
    return {at for name, key in case.policy.storage.keys.items() for at in key.at or (name,)}


@_compared("code.cookie-undeclared")
def cookie_undeclared(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    for cookie in sorted(inventory.cookies - _names_on_device(case)):
        yield (
            ("storage", "keys"),
            told(_("The code sets “{cookie}”, which is not declared."), cookie=cookie),
            told(_("Add it, with its kind and life.")),
        )


@_compared("code.cookie-gone", Severity.WARNING)
def cookie_gone(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    for name, key in case.policy.storage.keys.items():
        if not inventory.cookies & set(key.at or (name,)):
            yield (
                ("storage", "keys", name),
                told(_("The code sets nothing of this.")),
                told(_("Remove it while nothing needs it.")),
            )


@_compared("code.host-undeclared")
def host_undeclared(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    """Whoever is called is named, at the host where it is called. A recipient that the program asks the policy about first may be left out."""
    named = case.policy.recipients
    for host, called_for in sorted(inventory.hosts.items()):
        if called_for not in named and called_for not in inventory.asked and host not in _hosts(case):
            yield (
                ("recipients",),
                told(_("The code can call {host}, which is no recipient's."), host=host),
                told(_("Add the recipient with its `host`.")),
            )
    for name, recipient in named.items():
        called = sorted(host for host, one in inventory.hosts.items() if one == name)
        if recipient.host and called and recipient.host not in called:
            yield (
                ("recipients", name, "host"),
                told(_("The code calls “{name}” at {all}, not here."), name=name, all=", ".join(called)),
                told(_("Write `host: {host}`."), host=called[0]),
            )


def _hosts(case: Case) -> set[str | None]:
    return {recipient.host for recipient in case.policy.recipients.values()}


@_compared("code.host-gone", Severity.WARNING)
def host_gone(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    for name, recipient in case.policy.recipients.items():
        if recipient.host and recipient.host not in inventory.hosts and name not in inventory.hosts.values():
            yield (
                ("recipients", name, "host"),
                told(_("The code never calls {host}."), host=recipient.host),
                told(_("Remove it while nothing needs it.")),
            )


@_compared("clause.probe-unknown")
def probe_unknown(case: Case, inventory: Inventory) -> Iterator[Complaint]:
    """Only what somebody can look at, or vouch for, may be named as what shows that a clause is kept."""
    for clause in case.policy.clauses if inventory.promises else ():
        for name in clause.probe:
            if name not in inventory.promises:
                close = get_close_matches(name, sorted(inventory.promises), 1)
                yield (
                    ("clauses", clause.id, "probe"),
                    told(_("Nothing here is checked under the name “{name}”."), name=name),
                    told(_("Write `{words}`."), words=close[0])
                    if close
                    else told(_("Write a key that `amanat policy coverage --format json` lists, or leave it out.")),
                )
