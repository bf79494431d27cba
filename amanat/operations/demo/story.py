"""The life of a demo shop: people who came, what was done for them, what they still owe. The same every time.

Written through the rules that the pages use, at moments of the past year, so that lists, Today and the figures look lived in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from amanat.accounts.models import Member, Team, Workspace
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import catalogue, payments, services, todo
from amanat.desk.cases import handling
from amanat.desk.cases.handling import NewCase
from amanat.desk.models import Service, ServiceRecord
from amanat.operations.demo.plan import CASES, DOMAIN, NOTES, PEOPLE, TASKS, TOWNS, Shop
from amanat.people import companies, contacts, timeline, vocabulary
from amanat.people.drafts import AddressDraft, CompanyDraft, ContactDraft
from amanat.people.models import Company, Contact, Source, Stage

SPAN = timedelta(days=330)


@dataclass
class Scene:
    """A demo shop while it is being filled."""

    shop: Shop
    workspace: Workspace
    members: Sequence[Member]
    teams: Sequence[Team]
    random: Random
    firms: list[Company] = field(default_factory=list)
    people: list[Contact] = field(default_factory=list)


def tell(shop: Shop, workspace: Workspace, members: Sequence[Member], teams: Sequence[Team]) -> list[Contact]:
    """Fill the workspace; call inside it. Returns its people."""
    scene = Scene(shop, workspace, members, teams, Random(shop.key))  # noqa: S311 (invented people need no secrecy)
    pack = catalogue.pack_for(workspace)
    if pack is not None:
        catalogue.install(workspace=workspace, pack=pack, by=members[0], at=clock.now() - SPAN)
    scene.firms = _firms(scene)
    scene.people = _people(scene)
    _services(scene)
    _tasks(scene)
    _cases(scene)
    return scene.people


def _firms(scene: Scene) -> list[Company]:
    return [
        companies.create(
            workspace=scene.workspace,
            by=scene.members[0],
            at=clock.now() - SPAN + timedelta(days=number),
            draft=CompanyDraft(
                name=name,
                phones=[(f"02532{scene.random.randrange(100000, 999999)}", "work")],
                emails=[(f"office@{name.split()[0].lower()}.{DOMAIN}", "work")],
                industry=scene.random.choice(["Food", "Farming", "Health", "Travel", "Building"]),
                owner=scene.members[0].pk,
            ),
            source=Source.DEMO,
        )
        for number, name in enumerate(scene.shop.companies)
    ]


def _people(scene: Scene) -> list[Contact]:
    words = vocabulary.of(scene.workspace)
    stages = list(Stage.objects.of(scene.workspace).order_by("position").values_list("id", flat=True))
    found = []
    for number in range(scene.shop.contacts):
        at = clock.now() - SPAN * ((scene.shop.contacts - number) / scene.shop.contacts)
        contact = contacts.create(
            workspace=scene.workspace,
            by=scene.random.choice(scene.members),
            at=at,
            draft=_person(scene, number, stages),
            source=Source.DEMO,
            words=words,
        )
        if scene.random.random() < 0.6:
            _note(scene, contact, at)
        found.append(contact)
    return found


def _person(scene: Scene, number: int, stages: Sequence[UUID]) -> ContactDraft:
    name = PEOPLE[number % len(PEOPLE)]
    if number >= len(PEOPLE):
        latin = [person for person in PEOPLE if person.isascii()]
        name = f"{latin[number % len(latin)].split()[0]} {latin[(number * 7 + 3) % len(latin)].split()[1]}"
    area, district, pin = scene.random.choice(TOWNS)
    today = clock.now().date()
    return ContactDraft(
        name=name,
        phones=[(number_of(scene.shop, number * 131 % 1_000_000), "mobile")],
        emails=[(f"person{number}@{scene.shop.key}.{DOMAIN}", "home")] if scene.random.random() < 0.5 else [],
        addresses=[AddressDraft(locality=area, district=district, state="Maharashtra", postal_code=pin)],
        tags=scene.random.sample(["Farmer", "Student", "Pensioner", "Business"], k=scene.random.choice([0, 1, 1])),
        company_id=scene.random.choice(scene.firms).pk if scene.firms and scene.random.random() < 0.7 else None,
        stage=scene.random.choice(stages) if stages else None,
        language=scene.random.choice(["mr", "hi", "en"]),
        owner=scene.random.choice(scene.members).pk,
        team=scene.random.choice(scene.teams).pk if scene.teams and scene.random.random() < 0.8 else None,
        follow_up_on=today + timedelta(days=scene.random.randrange(-3, 20)) if scene.random.random() < 0.25 else None,
    )


def number_of(shop: Shop, last: int) -> str:
    """A mobile number of somebody invented, E.164."""
    return f"+9190{hash_of(shop.key) % 90 + 10}{last:06d}"


def hash_of(text: str) -> int:
    return sum(ord(character) * place for place, character in enumerate(text, start=1))


def _note(scene: Scene, contact: Contact, at: datetime) -> None:
    happened_at = min(at + timedelta(days=scene.random.randrange(0, 40)), clock.now())
    note = scene.random.choice(NOTES)
    timeline.record(
        workspace=scene.workspace,
        kind="note",
        summary=note,
        happened_at=happened_at,
        contact=contact,
        actor=scene.random.choice(scene.members),
    )


def _services(scene: Scene) -> None:
    offered = list(Service.objects.of(scene.workspace).filter(is_active=True))
    zone = ZoneInfo(scene.workspace.time_zone)
    for number in range(scene.shop.services):
        at = clock.now() - SPAN * ((scene.shop.services - number) / scene.shop.services) + timedelta(minutes=number)
        service, by, contact = (
            scene.random.choice(offered),
            scene.random.choice(scene.members),
            scene.random.choice(scene.people),
        )
        share = scene.random.choice([0, 40, 100, 100, 100])
        amount = service.fee_paise * share // 100
        day = at.astimezone(zone).date()
        paid = payments.NewPayment(amount, scene.random.choice(["cash", "upi"]), paid_on=day) if amount else None
        record = services.create(
            workspace=scene.workspace,
            wanted=services.NewService(
                service=service,
                acknowledgement=f"{scene.random.randrange(10**11, 10**12)}" if scene.random.random() < 0.6 else "",
                due_on=day + timedelta(days=scene.random.randrange(5, 40)),
                owner=by,
            ),
            by=by,
            at=at,
            contact=contact,
            payment=paid,
        )
        if number < scene.shop.services * 0.7:
            services.set_status(
                record=record, status=ServiceRecord.Status.DELIVERED, by=by, at=min(at + timedelta(days=6), clock.now())
            )
        elif scene.random.random() < 0.5:
            services.set_status(record=record, status=ServiceRecord.Status.SUBMITTED, by=by, at=at)


def _tasks(scene: Scene) -> None:
    today = clock.today(scene.workspace.time_zone)
    for number in range(14):
        kind, title = scene.random.choice(TASKS)
        contact = scene.random.choice(scene.people)
        todo.create(
            by=scene.random.choice(scene.members),
            at=clock.now(),
            wanted=todo.NewTask(
                title=f"{title}: {contact.name}",
                kind=kind,
                due_on=today + timedelta(days=scene.random.choice([-2, 0, 0, 0, 1, 2, 5, 9])),
                due_time=time(9 + number % 9, scene.random.choice([0, 30])) if number % 3 else None,
                assignee=scene.members[0] if number % 2 else scene.random.choice(scene.members),
            ),
            contact=contact,
        )


def _cases(scene: Scene) -> None:
    """What people asked to be put right: some new, one late, one that waits for the customer, two that ended well."""
    workers = [member for member in scene.members if member.may(May.WRITE_CASES)]
    for number, (subject, what, done) in enumerate(CASES):
        by, days = workers[number % len(workers)], (0, 1, 6, 4, 40, 90)[number]
        at = clock.now() - timedelta(days=days, hours=number + 1)
        wanted = NewCase(subject, what, owner=by if number else None)
        case = handling.take_up(contact=scene.random.choice(scene.people), wanted=wanted, by=by, at=at)
        if number == 3:
            handling.note(case=case, text=done, by=by, at=at + timedelta(hours=3), now_waits=True)
        elif number > 3:
            handling.close(case=case, outcome=done, satisfaction=number, by=by, at=at + timedelta(days=2))
