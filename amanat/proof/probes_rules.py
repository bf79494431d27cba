"""Probes of rules that hold behind everything: what law keeps, each client's own periods, what lists remember, what data is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from pathlib import Path

from django.db import connection
from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from amanat import core
from amanat.accounts.models import Workspace
from amanat.basis import reading, storage
from amanat.people import lists, masking, saved_views, vocabulary
from amanat.policy import law, linting
from amanat.policy.durations import Duration
from amanat.policy.format import Keep, Policy
from amanat.policy.linting import Severity
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.privacy.copies import chapters, gathering, telling
from amanat.privacy.retention import reckoning
from amanat.privacy.vault.models import SealedRecord
from amanat.proof.probes_records import planted, someone_of
from amanat.publishing import inventory

#: Settings of one's own by which pages differ from reader to reader. Anything more would need a yes.
SETTINGS = frozenset(
    {"accounts.User.language", "accounts.User.theme", "people.SavedView.name", "people.SavedView.definition"}
)
#: So much later the database must say that a row has ended.
_A_MINUTE = 60
_ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
#: Names that RFC 2606 and 6761 set aside, so that they are nobody's.
_NOBODYS = re.compile(r"(^|\.)(example|test|invalid|localhost|example\.(com|net|org|in))$")
_SHIPPED = ("*.json", "*.csv", "*.yaml", "*.yml", "*.vcf")


@probe(
    "rules.legal_duties",
    _("Only a law of the register keeps what was promised to go"),
    keys=("P-LEGAL",),
    rules=("keep", "vault", "purposes.law"),
)
def legal_duties(asked: Asked) -> Finding:
    """Every floor names a law with its source, a made-up one is refused, and what lies sealed names a law of the packs."""
    floors = {name: floor for pack in law.packs(asked.policy.head.law) for name, floor in pack.floors.items()}
    named = {name for keep in asked.policy.keep.values() for name in keep.floor}
    sourceless = [name for name in named if name not in floors or not floors[name].source]
    sealed = set(SealedRecord.objects.of(asked.workspace_id).values_list("law", flat=True).distinct())
    strange = sealed - {name for pack in law.packs(asked.policy.head.law) for name in pack.floors}
    is_refused = _errors(asked.policy, "xqz-no-such-law") > _errors(asked.policy)
    return Finding(
        bool(floors) and not sourceless and not strange and is_refused,
        _(
            "{named} laws keep records longer, of {known} known; {strange} sealed for a law nobody knows; a made-up law is refused: {is_refused}"
        ),
        {
            "named": len(named),
            "known": len(floors),
            "sourceless": len(sourceless),
            "strange": len(strange),
            "is_refused": is_refused,
        },
    )


def _errors(policy: Policy, *floors: str) -> int:
    """The linter's errors, with these floors in addition."""
    keep = {
        name: one.model_copy(update={"floor": (*one.floor, *floors)}) if one.floor else one
        for name, one in policy.keep.items()
    }
    return sum(one.severity is Severity.ERROR for one in linting.lint(_with_keep(policy, keep)))


def _with_keep(policy: Policy, keep: dict[str, Keep]) -> Policy:
    return Policy.model_construct(policy.model_fields_set, **{**dict(policy), "keep": keep})


@probe(
    "rules.own_periods",
    _("Each client's own periods are the ones that are carried out"),
    keys=("T-CONTRACT", "T-NECESS"),
    rules=("keep.content",),
)
def own_periods(asked: Asked) -> Finding:
    """For every period of this policy and for one twice as short, the database itself says what is due: it must follow the policy."""
    tried = wrong = 0
    halved = _with_keep(asked.policy, {name: _halved(one) for name, one in asked.policy.keep.items()})
    for policy in (asked.policy, halved):
        for name, keep in policy.keep.items():
            for trigger, period in keep.until.items():
                term = reckoning.term(policy, name, trigger)
                if term is None or term.floors:
                    continue
                shortest, longest = period.alone.bounds
                for age, expected in ((longest + _A_MINUTE, True), (shortest * 0.9, False)):
                    tried += 1
                    wrong += _is_due(term, asked, age) is not expected
    return Finding(
        bool(tried) and not wrong,
        _("{tried} periods tried, as agreed and halved: {wrong} were not followed"),
        {"tried": tried, "wrong": wrong},
    )


def _halved(keep: Keep) -> Keep:
    until = {trigger: Duration(seconds=int(period.alone.bounds[0] // 2)) for trigger, period in keep.until.items()}
    return keep.model_copy(update={"until": until})


def _is_due(term: reckoning.Term, asked: Asked, age: float) -> bool:
    """What PostgreSQL says of a row whose moment lies `age` seconds back."""
    said, values = term.due("moment", asked.at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {said} FROM (SELECT %s::timestamptz AS moment) one",  # noqa: S608 (made by our own rule)
            [*values, asked.at - timedelta(seconds=age)],
        )
        return bool(cursor.fetchone()[0])


@probe(
    "rules.lists",
    _("What a list shows lies in its address and in what members saved"),
    keys=("F-GRIDSTATE",),
    rules=("storage", "purposes.service"),
)
def lists_remember(asked: Asked) -> Finding:
    """Filters, order and columns go into an address and a saved view and come back the same; no cookie is there for them."""
    by = someone_of(asked.workspace_id)
    words = vocabulary.of(by.workspace)
    wanted = lists.parse(QueryDict("sort=name&source=form"), on="contact", words=words)
    again = lists.parse(
        QueryDict("&".join(f"{name}={value}" for name, value in wanted.pairs())), on="contact", words=words
    )
    saved_views.save(member=by, at=asked.at, name="xqzprobe", definition=wanted)
    seen = [one for one in saved_views.seen_by(by, on="contact") if one.name == "xqzprobe"]
    back = lists.parse(seen[0].definition, on="contact", words=words) if seen else None
    strange = storage.own_cookies().keys() - storage.of_policy(asked.policy).keys()
    return Finding(
        again == wanted and back == wanted and not strange,
        _("an address and a saved view brought back the same list: {is_same}; {strange} cookies beyond the register"),
        {"is_same": again == wanted and back == wanted, "strange": len(strange)},
    )


@probe(
    "rules.personalisation",
    _("Pages differ from reader to reader by settings of her own and by nothing else"),
    keys=("F-PERSONAL",),
    rules=("purposes", "never"),
    scope=Scope.INSTALLATION,
)
def personalisation(asked: Asked) -> Finding:
    """Every declared preference of users and members against the settings they can see and undo; no purpose of serving reads usage."""
    preferences = {
        f"{held.model}.{name}"
        for held in inventory.held()
        if held.whose in {"user", "member"}
        for name, one in held.personal.items()
        if one.kind in {"pd:Preference", "pd:Language", "pd:Interest", "pd:Opinion", "pd:BrowsingBehaviour"}
    }
    hidden = preferences - SETTINGS
    usage = {term for kind in asked.policy.data.values() for term in kind.terms if "Browsing" in term}
    reads = [
        name
        for name, one in asked.policy.purposes.items()
        if one.grain == "person" and usage & _terms(asked.policy, one.uses)
    ]
    return Finding(
        not hidden and not reads,
        _(
            "{settings} settings a reader makes herself; {hidden} preferences she does not see; {reads} purposes follow what she reads"
        ),
        {"settings": len(SETTINGS), "hidden": len(hidden), "reads": len(reads)},
    )


def _terms(policy: Policy, uses: tuple[str, ...]) -> set[str]:
    return {term for name in uses for term in policy.data[name].terms}


@probe(
    "rules.development",
    _("New features are made without anybody's data"),
    keys=("F-DEVELOP",),
    rules=("purposes",),
    scope=Scope.INSTALLATION,
)
def development(asked: Asked) -> Finding:
    """The purpose of improving reads no field of a person, and no file that comes with the program holds an address somebody could have."""
    improving = [
        name for name, one in asked.policy.purposes.items() if one.term == "dpv:ImproveExistingProductsAndServices"
    ]
    read = sum(len(reading.fields_of(asked.policy, name, masking.KINDS)) for name in improving)
    files, real = _shipped()
    return Finding(
        not read and not real and files > 0,
        _(
            "{fields} fields of people are read to improve the program; {files} files come with it, {real} with a real address"
        ),
        {"fields": read, "files": files, "real": real},
    )


@cache
def _shipped() -> tuple[int, int]:
    """How many data files come with the program, and how many of them hold an e-mail address outside the reserved names."""
    found = list(data_files())
    return len(found), sum(has_real_address(path.read_text("utf-8", "replace")) for path in found)


def data_files() -> Iterator[Path]:
    root = Path(core.__file__).resolve().parents[1]
    yield from (path for pattern in _SHIPPED for path in root.rglob(pattern) if "tests" not in path.parts)


def has_real_address(text: str) -> bool:
    """Whether an e-mail address in the text could be somebody's."""
    return any(not _NOBODYS.search(domain.lower()) for domain in _ADDRESS.findall(text))


@probe(
    "rules.explained",
    _("The copy says of everything what it is for, where it came from and when it goes"),
    keys=("R-TRANSPARENT",),
    rules=("policy", "purposes", "keep"),
)
def explained(asked: Asked) -> Finding:
    """The copy of an invented person: each kind of data has a purpose, each table its end, each way to reach her its source."""
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    held = gathering.of([planted(asked).pk], workspace_id=asked.workspace_id)
    with translation.override("en"):
        told = chapters.document(held, telling.of(held), workspace=workspace, at=asked.at).facts
    covered = {term for one in told["purposes"] for name in one["data"] for term in asked.policy.data[name].terms}
    unexplained = chapters.kinds_held(held) - covered
    endless = {table.label for table in held.tables.values() if table.rows} - told["retention"].keys()
    sourceless = [one for one in told["sources"] if not one["source"]]
    return Finding(
        not unexplained and not endless and not sourceless and bool(told["recipients"]) and bool(told["sources"]),
        _(
            "{kinds} kinds of data, {unexplained} without a purpose; {tables} tables, {endless} without an end; {sources} sources told"
        ),
        {
            "kinds": len(chapters.kinds_held(held)),
            "unexplained": len(unexplained),
            "tables": len(held.tables),
            "endless": len(endless),
            "sources": len(told["sources"]),
            "sourceless": len(sourceless),
        },
    )
