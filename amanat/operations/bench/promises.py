"""What keeping the promises costs: `python -m amanat.operations.bench.promises EMAIL REPEAT PEOPLE LINES LEDGER [NAMES]` in the environment of the
measured site; prints JSON.

These are calls of rules, not pages, so they are timed where they run: one process, on the same core as the database (the retention run has two
cores, as in life), everything committed. Waiting is what is told; on one core that is the processor time of both, the disk and the ledger included.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from amanat.operations import services

services.set_up_django()

from django.db import connections, transaction
from django.test import Client

from amanat.accounts.models import Member, Session
from amanat.accounts.session_store import hashed
from amanat.basis import consent, gate
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.core import clock, files, ids, tenancy
from amanat.operations.bench import ledgers
from amanat.people import masking
from amanat.people.models import Attachment, Contact
from amanat.policy import linting, ready, rendering
from amanat.privacy.copies import making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import sweeping
from amanat.proof import running
from amanat.publishing import versions

type Figures = dict[str, float]
LONG_AGO = timedelta(days=4 * 365)
#: In a workspace with fewer people they are drawn from a list; in a larger one from places in it, which costs the same at a million.
_SMALL = 20_000
_FILE = 20_000  #: bytes of each of the files of somebody with many
_FEW = 100  #: lines of the timeline


@dataclass(slots=True)
class Bench:
    """Whose workspace is measured, how often, and how many people a retention run takes."""

    member: Member
    repeat: int
    people: int
    lines: int  #: of the timeline of somebody with many, who has a tenth as many files
    ledger: int  #: entries that the probes find in the ledger
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    taken: set[UUID] = field(default_factory=set)

    @property
    def here(self) -> UUID:
        return self.member.workspace_id

    def some(self, count: int) -> list[UUID]:
        """Contacts from all over the workspace, not given before; in a small one the same again, and never more than it has."""
        found: list[UUID] = []
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT count(*) FROM people_contact WHERE workspace_id = %s", [self.here])
            held = cursor.fetchone()[0]
            count = min(count, held)
            if held - len(self.taken) < count:
                self.taken.clear()
            if held < _SMALL:
                cursor.execute(
                    "SELECT id FROM people_contact WHERE workspace_id = %s AND id <> ALL(%s::uuid[]) "
                    "ORDER BY md5(id::text) LIMIT %s",
                    [self.here, list(self.taken), count],
                )
                found = [row[0] for row in cursor.fetchall()]
                self.taken.update(found)
                return found
            while len(found) < count:
                cursor.execute(
                    "SELECT id FROM people_contact WHERE workspace_id = %s AND id >= %s ORDER BY id LIMIT %s",
                    [self.here, self._somewhere(cursor), min(count - len(found), 50)],
                )
                new = [row[0] for row in cursor.fetchall() if row[0] not in self.taken]
                self.taken.update(new)
                found += new
        return found

    def _somewhere(self, cursor: Any) -> UUID:
        """A value between the smallest and the largest id: those of the seed are spread evenly."""
        cursor.execute(
            "SELECT (SELECT id FROM people_contact WHERE workspace_id = %(w)s ORDER BY id LIMIT 1), "
            "(SELECT id FROM people_contact WHERE workspace_id = %(w)s ORDER BY id DESC LIMIT 1)",
            {"w": self.here},
        )
        first, last = cursor.fetchone()
        return UUID(int=self.chance.randint(first.int, last.int))


def main(email: str, numbers: Sequence[int], only: Sequence[str]) -> dict[str, Figures]:
    """`numbers` are those of `Bench`, in their order."""
    member = Member.objects.using("owner").unscoped(because="the bench looks for its own").get(user__email=email)
    with tenancy.inside(member.workspace_id):
        member = Member.objects.of(member.workspace_id).select_related("user", "workspace").get(pk=member.pk)
    repeat, people, lines, entries = numbers
    bench = Bench(member, repeat, people, lines, entries)
    found: dict[str, Figures] = {}
    for name, measured in ACTIONS.items():
        if not only or name in only:
            print(f"Measuring: {name}", file=sys.stderr)
            found |= measured(bench, name)
    return found


def timed(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return (time.perf_counter() - begun) * 1000


def figures(waits: list[float]) -> Figures:
    waits = sorted(waits)
    at_95 = waits[min(len(waits) - 1, int(len(waits) * 0.95))]
    return {"waited_ms": round(statistics.median(waits), 2), "p95_ms": round(at_95, 2), "times": len(waits)}


# --- may we? -------------------------------------------------------------------------------------------------------


def one_decision(bench: Bench, name: str) -> dict[str, Figures]:
    return {name: _decisions(bench, 1, max(bench.repeat * 5, 20))}


def five_hundred(bench: Bench, name: str) -> dict[str, Figures]:
    return {name: _decisions(bench, 500, bench.repeat)}


def _decisions(bench: Bench, size: int, times: int) -> Figures:
    """Each about other people, inside one transaction, as a campaign asks."""
    asked = [bench.some(size) for _ in range(times + 3)]
    with tenancy.inside(bench.here):
        waits = [
            timed(
                lambda people=people: gate.decide_many(  # type: ignore[misc]
                    people,
                    workspace=bench.here,
                    purpose="marketing",
                    channel="sms",
                    at=clock.now(),
                    today=clock.now().date(),
                )
            )
            for people in asked
        ]
    return figures(waits[3:])


def opt_out(bench: Bench, name: str) -> dict[str, Figures]:
    """From the first statement of the withdrawal to the refusal of the next message, its transaction committed in between."""
    contacts = bench.some(bench.repeat)
    with tenancy.inside(bench.here):
        people = {one.pk: one for one in Contact.objects.of(bench.here).filter(pk__in=contacts)}
        for person in people.values():
            consent.give(
                contact=person, purpose="marketing", channels=["sms"], notice=None, how=How(Method.FILE), at=clock.now()
            )

    def out(contact: UUID) -> None:
        with tenancy.inside(bench.here):
            consent.withdraw(
                contact=people[contact], purpose="marketing", channels=["sms"], how=How(Method.LINK), at=clock.now()
            )
        with tenancy.inside(bench.here):
            answer = gate.decide(
                contact,
                workspace=bench.here,
                purpose="marketing",
                channel="sms",
                at=clock.now(),
                today=clock.now().date(),
                what="message",
            )
        assert not answer.is_allowed

    return {name: figures([timed(lambda contact=contact: out(contact)) for contact in contacts])}  # type: ignore[misc]


def purpose_guard(bench: Bench, name: str) -> dict[str, Figures]:
    """The list's first page, in turns with the guard of purposes and without, in this process: what the guard adds."""
    client, providers = _signed_in(bench.member), list(masking._providers)

    def page(held: list[Any]) -> float:
        masking._providers[:] = held
        try:
            return timed(lambda: _page(client))
        finally:
            masking._providers[:] = providers

    for _ in range(5):
        page(providers), page([])
    pairs = [(page(providers), page([])) for _ in range(bench.repeat * 2)]
    guarded, bare = (sorted(each) for each in zip(*pairs, strict=True))
    # The quicker half of each: what else the machine does falls on both, and not evenly.
    half = max(len(guarded) // 2, 1)
    more = statistics.mean(guarded[:half]) / statistics.mean(bare[:half]) - 1
    return {
        name: {**figures(guarded), "without_ms": round(statistics.median(bare), 2), "percent": round(more * 100, 1)}
    }


def _page(client: Client) -> None:
    answer = client.get("/contacts/", HTTP_HOST="localhost", HTTP_ACCEPT_LANGUAGE="en")
    if answer.status_code != 200:
        raise RuntimeError(f"the list answered {answer.status_code}")


def _signed_in(member: Member) -> Client:
    client = Client()
    client.force_login(member.user)
    session = client.session
    now = time.time()
    session["account_authentication_methods"] = [{"method": "password", "at": now, "email": member.user.email}]
    session["account_authentication_methods_user"] = str(member.user_id)
    session.save()
    kept = Session.objects.filter(session_key=hashed(str(session.session_key)))
    kept.update(workspace_id=member.workspace_id, signed_in_at=clock.now())
    return client


# --- keep our word ---------------------------------------------------------------------------------------------------


def sweep(bench: Bench, name: str) -> dict[str, Figures]:
    sweeping.run(bench.here, at=clock.now())  # whatever the seed left
    return {name: figures([timed(lambda: sweeping.run(bench.here, at=clock.now())) for _ in range(3)])}


def retention_run(bench: Bench, name: str) -> dict[str, Figures]:
    """People whose time is over, taken by the daily sweep: vault, rows, search entries, suppression, search, certificates."""
    sweeping.run(bench.here, at=clock.now())
    going = bench.some(bench.people)
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE people_contact SET created_at = %s, last_contact_at = %s WHERE workspace_id = %s AND id = ANY(%s)",
            [clock.now() - LONG_AGO, clock.now() - LONG_AGO, bench.here, going],
        )
    took = timed(lambda: sweeping.run(bench.here, at=clock.now())) / 1000
    with tenancy.inside(bench.here):
        if left := Contact.objects.of(bench.here).filter(pk__in=going).count():
            raise RuntimeError(f"the retention run left {left} people")
    return {name: {"per_second": round(len(going) / took, 1), "seconds": round(took, 2), "people": len(going)}}


def copy_and_erasure(bench: Bench, name: str) -> dict[str, Figures]:
    return _copied_and_erased(bench, name, (_FEW, 0), times=max(bench.repeat // 4, 2))


def much_copy_and_erasure(bench: Bench, name: str) -> dict[str, Figures]:
    return _copied_and_erased(bench, name, (bench.lines, bench.lines // 10), times=2)


def _copied_and_erased(bench: Bench, name: str, size: tuple[int, int], *, times: int) -> dict[str, Figures]:
    people = [_with_a_past(bench, *size) for _ in range(times + 1)]
    copies = [timed(lambda who=who: _copy(bench, who)) for who in people]  # type: ignore[misc]
    erasures: list[Erasure] = []
    waits = [timed(lambda who=who: erasures.append(_erase(bench, who))) for who in people]  # type: ignore[misc]
    # The first of each warms what is read once in a process.
    whole = timed(lambda: erasing.confirm(erasures[-1].pk, workspace_id=bench.here))
    return {
        f"copy of {name}": figures(copies[1:]),
        f"erasure of {name}, searched": figures(waits[1:]),
        f"every row of every table read for {name}": figures([whole]),
    }


def _with_a_past(bench: Bench, lines: int, attached: int) -> UUID:
    (who,) = bench.some(1)
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_interaction (workspace_id, id, contact_id, happened_at, kind, actor_id, summary, body, "
            "reference_kind, data) SELECT %s, gen_random_uuid(), %s, now() - make_interval(hours => g), 'note', %s, "
            "'Called about the papers, will come on ' || g, 'Asked to bring the ration card.', '', '{}' FROM generate_series(1, %s) g",
            [bench.here, who, bench.member.pk, lines],
        )
    with tenancy.inside(bench.here):
        for number in range(attached):
            content = os.urandom(_FILE // 2).hex().encode()
            file = files.store(content, workspace_id=bench.here, name=f"paper {number}.txt", by=None, kind="attachment")
            Attachment.objects.create(id=ids.new(), workspace_id=bench.here, contact_id=who, file=file, name=file.name)
    return who


def _copy(bench: Bench, who: UUID) -> None:
    with tenancy.inside(bench.here):
        copy = PersonCopy.objects.create(workspace_id=bench.here, contact_id=who, language="en", ordered_at=clock.now())
    made = making.make(copy.pk, workspace_id=bench.here)
    if made is None or made.state != PersonCopy.State.DONE:
        raise RuntimeError(f"no copy was made: {made.problem if made else ''}")


def _erase(bench: Bench, who: UUID) -> Erasure:
    with tenancy.inside(bench.here):
        ordered = erasing.order(
            workspace=bench.here, contact_ids=[who], because="request", by=bench.member, at=clock.now(), at_once=True
        )
    done = erasing.carry_out(ordered.pk, workspace_id=bench.here)
    if done.searched_at is None:
        raise RuntimeError("the erasure was not searched")
    return done


# --- proof, policy ---------------------------------------------------------------------------------------------------


def probes(bench: Bench, name: str) -> dict[str, Figures]:
    """All of them afresh, the whole ledger too: recomputed from its first entry, as once a week."""
    ledgers.fill(bench.here, bench.ledger)
    begun = time.perf_counter()
    found = running.run_all(bench.here)
    took = time.perf_counter() - begun
    red = sum(one.outcome != "kept" for one in found)
    longest = max(one.took_ms for one in found) / 1000
    return {name: {"seconds": round(took, 1), "probes": len(found), "not_kept": red, "longest_s": round(longest, 1)}}


def lint_and_render(bench: Bench, name: str) -> dict[str, Figures]:
    """The ready policy of a service centre: linted as text, then its page made."""
    text = json.dumps(ready.document("csc-centre"), ensure_ascii=False)
    with tenancy.inside(bench.here):
        in_force = versions.in_force(bench.here, clock.now()).policy

    def act() -> None:
        linting.lint_text(text)
        rendering.render(in_force).as_text()

    act()
    return {name: figures([timed(act) for _ in range(bench.repeat)])}


ACTIONS: dict[str, Callable[[Bench, str], dict[str, Figures]]] = {
    "gate, one decision": one_decision,
    "gate, 500 in one query": five_hundred,
    "opt-out to refused message": opt_out,
    "list, first page, with the guard of purposes": purpose_guard,
    "lint and render a policy": lint_and_render,
    "retention sweep, nothing due": sweep,
    "somebody with 100 lines": copy_and_erasure,
    "somebody with 2,000 lines and 200 files": much_copy_and_erasure,
    "retention run": retention_run,
    "probes of a workspace": probes,
}

if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], [int(number) for number in sys.argv[2:6]], sys.argv[6:])))
