"""Each probe of the rights desk is green while the promise is kept, and red when it is really broken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.http import Http404

from amanat.accounts.models import Member, Workspace
from amanat.basis import consent, notices, public_views
from amanat.basis.consent import How as SaidHow
from amanat.basis.models import Method
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.policy import probing
from amanat.policy.format import Policy
from amanat.policy.probing import Asked, Finding
from amanat.privacy.copies import making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.requests import asking, authorities, carrying, following, probes
from amanat.privacy.requests.models import Kind, RightsRequest
from amanat.privacy.requests.tests.people import AT, ask, in_force, make_person

DAY = timedelta(days=1)
MINE = sorted(name for name in probing.registered() if name.startswith("requests."))


@pytest.fixture
def inside(db: None, shree: Workspace) -> Iterator[Workspace]:
    with clock.standing_at(AT), tenancy.inside(shree):
        Workspace.objects.of(shree).update(
            email="desk@example.in", phone="+919822041700", address="1 Main Road, Nashik"
        )
        yield shree


def run(name: str, workspace: Workspace, *, at: object = AT, policy: Policy | None = None) -> Finding:
    found = probing.registered()[name].run(Asked(workspace.pk, policy or in_force(workspace), at))  # type: ignore[arg-type]
    str(found.said).format(**found.facts)  # every place of the sentence has its fact
    return found


def answer_all(workspace: Workspace, person: Contact, owner: Member) -> None:
    """One request of each kind, carried out."""
    words = {
        "nominee_name": "Ravi",
        "nominee_address": "+919822041799",
        "values": {"name": "Asha Kulkarni"},
        "text": "Words",
    }
    for kind in Kind:
        if kind != Kind.ERASE:
            done = carrying.fulfil(request=ask(workspace, person, kind, **words), by=owner, at=AT, answer="Here it is.")  # type: ignore[arg-type]
            if kind in carrying.COPIES:
                making.make(done.result_id, workspace_id=workspace.pk)  # type: ignore[arg-type]
    following.follow(workspace.pk, at=AT + timedelta(seconds=5))


@pytest.mark.parametrize("name", MINE)
def test_each_is_green_in_a_new_workspace(inside: Workspace, name: str) -> None:
    assert run(name, inside).is_kept


@pytest.mark.slow
def test_all_are_green_after_every_kind_was_answered(inside: Workspace, asha: Contact, owner: Member) -> None:
    answer_all(inside, asha, owner)
    at = AT + timedelta(minutes=1)
    assert [name for name in MINE if not run(name, inside, at=at).is_kept] == []
    assert run("requests.clock", inside, at=at).facts["answered"] == len(Kind) - 1


def late(workspace: Workspace, person: Contact, owner: Member) -> None:
    ask(workspace, person, at=AT - 31 * DAY)


def answered_late(workspace: Workspace, person: Contact, owner: Member) -> None:
    asking.refuse(request=ask(workspace, person, at=AT - 31 * DAY), reason="law", answer="No", by=owner, at=AT)


def refused_by_nobody(workspace: Workspace, person: Contact, owner: Member) -> None:
    request = asking.refuse(request=ask(workspace, person), reason="law", answer="No", by=owner, at=AT)
    RightsRequest.objects.of(workspace).filter(pk=request.pk).update(answered_by=None)


def extended_too_late(workspace: Workspace, person: Contact, owner: Member) -> None:
    request = ask(workspace, make_person(workspace, country="DE"), at=AT - 20 * DAY)
    asking.extend(request=request, reason="Hard", by=owner, at=AT)
    RightsRequest.objects.of(workspace).filter(pk=request.pk).update(extended_at=AT + 40 * DAY)


def a_copy_vanished(workspace: Workspace, person: Contact, owner: Member) -> None:
    answer_all(workspace, person, owner)
    PersonCopy.objects.of(workspace).delete()


def corrected_by_nobody(workspace: Workspace, person: Contact, owner: Member) -> None:
    answer_all(workspace, person, owner)
    RightsRequest.objects.of(workspace).filter(kind=Kind.CORRECT).update(answered_by=None)


def said_to_be_done(kind: str) -> Callable[[Workspace, Contact, Member], None]:
    """Somebody wrote "done" into the table and did nothing."""

    def spoil(workspace: Workspace, person: Contact, owner: Member) -> None:
        request = ask(workspace, person, kind)
        RightsRequest.objects.of(workspace).filter(pk=request.pk).update(
            state="answered", outcome="granted", answered_at=AT
        )

    return spoil


def consent_stands(workspace: Workspace, person: Contact, owner: Member) -> None:
    notice = notices.show(workspace=workspace, purposes=["marketing"], language="en", at=AT - DAY)
    consent.give(
        contact=person, purpose="marketing", channels=["sms"], notice=notice, how=SaidHow(Method.LINK), at=AT - DAY
    )
    said_to_be_done(Kind.WITHDRAW)(workspace, person, owner)


def no_address(workspace: Workspace, person: Contact, owner: Member) -> None:
    Workspace.objects.of(workspace).update(email="", phone="", address="")


def complaint_late(workspace: Workspace, person: Contact, owner: Member) -> None:
    ask(workspace, person, Kind.GRIEVANCE, at=AT - 31 * DAY, text="Noise")


def without_law(workspace: Workspace, person: Contact, owner: Member) -> None:
    RightsRequest.objects.of(workspace).filter(pk=ask(workspace, person).pk).update(regimes=[])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("requests.clock", late),
        ("requests.clock", answered_late),
        ("requests.law", late),
        ("requests.law", refused_by_nobody),
        ("requests.law", extended_too_late),
        ("requests.regimes", without_law),
        ("requests.access", a_copy_vanished),
        ("requests.correct", corrected_by_nobody),
        ("requests.restrict", said_to_be_done(Kind.RESTRICT)),
        ("requests.object", said_to_be_done(Kind.OBJECT)),
        ("requests.sale", said_to_be_done(Kind.OPT_OUT_SALE)),
        ("requests.withdraw", consent_stands),
        ("requests.channels", no_address),
        ("requests.complain", complaint_late),
        ("requests.machine", refused_by_nobody),
    ],
)
def test_each_is_red_when_it_is_broken(
    inside: Workspace, asha: Contact, owner: Member, name: str, spoil: Callable[[Workspace, Contact, Member], None]
) -> None:
    assert run(name, inside).is_kept
    spoil(inside, asha, owner)
    assert not run(name, inside).is_kept


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("requests.access", Kind.PORT), ("requests.correct", Kind.UPDATE), ("requests.restrict", Kind.RESTRICT),
        ("requests.object", Kind.OBJECT), ("requests.withdraw", Kind.WITHDRAW), ("requests.complain", Kind.GRIEVANCE),
        ("requests.machine", Kind.HUMAN_REVIEW), ("requests.sale", Kind.OPT_OUT_SALE),
    ],
)  # fmt: skip
def test_a_right_that_is_not_offered_is_not_kept(inside: Workspace, name: str, missing: str) -> None:
    policy = in_force(inside)
    kinds = tuple(one for one in policy.rights.kinds if one != missing)
    less = policy.model_copy(update={"rights": policy.rights.model_copy(update={"kinds": kinds})})
    assert run(name, inside).is_kept and not run(name, inside, policy=less).is_kept


def test_a_right_that_nothing_carries_out_breaks_control(inside: Workspace) -> None:
    policy = in_force(inside)
    more = policy.model_copy(
        update={"rights": policy.rights.model_copy(update={"kinds": (*policy.rights.kinds, "fly")})}
    )
    assert not run("requests.control", inside, policy=more).is_kept


def test_a_law_without_an_authority_is_found(inside: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorities, "knows", lambda law: law != "eu-gdpr")
    assert not run("requests.complain", inside).is_kept and not run("requests.regimes", inside).is_kept


def test_a_price_that_depends_on_requests_is_found(inside: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("requests.no_discrimination", inside).is_kept
    assert run("requests.no_discrimination", inside).facts["tables"]
    assert probes.outside(["privacy_requeststep", "desk_service"]) == ["desk_service"]
    # Payments point at this table: so would they if they looked at requests.
    monkeypatch.setattr(RightsRequest._meta, "db_table", "people_contact")
    assert not run("requests.no_discrimination", inside).is_kept


def test_a_clock_that_would_run_longer_is_red(inside: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    promised = asking.clocks.promised
    monkeypatch.setattr(asking.clocks, "promised", lambda *given: promised(*given) + 30 * DAY)
    assert run("requests.clock", inside).facts["days"] == 30


@pytest.mark.parametrize("name", ["requests.channels", "requests.control"])
def test_a_public_page_that_does_not_answer_is_red(
    inside: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def gone(workspace_id: object) -> None:
        raise Http404

    monkeypatch.setattr(public_views, "workspace_of", gone)
    assert not run(name, inside).is_kept
