"""A partner that the policy names gets the named fields of those who said yes to it, everybody else is told why not, and it is written down."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import consent, notices, objections, restrictions, rules
from amanat.basis.models import Method, Restriction
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import saved_views
from amanat.people.lists import Definition
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.privacy.copies import making
from amanat.privacy.erasure.models import ErasureOpenItem
from amanat.privacy.erasure.tests import people
from amanat.privacy.registers import contracts, ended, partners
from amanat.privacy.registers.models import Handover, HandoverPerson
from amanat.privacy.registers.partners import HandoverRefused
from amanat.publishing.tests.samples import NOW, published

NAMED = (
    "partner:   {is: dpv:ThirdParty, gets: [identity], when: consent, named: true}",
    "partner:   {is: dpv:ThirdParty, gets: [identity], when: consent, named: true}\n"
    '  sahyadri:  {is: dpv:ThirdParty, gets: [identity], in: [IN], when: consent, named: true, name: "Sahyadri Insurance"}\n'
    '  deccan:    {is: dpv:ThirdParty, gets: [identity], in: [IN], when: consent, named: true, contract: required, name: "Deccan Bank"}',
)
LATER = NOW + timedelta(days=40)
FIELDS = ["name", "phones"]
HERSELF = consent.How(Method.LINK)


@pytest.fixture(autouse=True)
def _then() -> Iterator[None]:
    """When the version with partners is in force."""
    with clock.standing_at(LATER):
        yield


@dataclass
class Scene:
    workspace: Workspace
    owner: Member
    asha: Contact  #: who agreed
    ravi: Contact  #: who was never asked

    def ids(self) -> list[UUID]:
        return [self.asha.pk, self.ravi.pk]

    def prepare(self, **changes: object) -> Handover:
        given: dict[str, object] = {
            "contact_ids": self.ids(), "recipient": "sahyadri", "fields": FIELDS, "why": "A quotation", "format": "csv",
            "by": self.owner, "at": LATER,
        }  # fmt: skip
        with tenancy.inside(self.workspace):
            return partners.prepare(**(given | changes))  # type: ignore[arg-type]

    def take(self, handover: Handover, at: object = LATER) -> bytes:
        with tenancy.inside(self.workspace):
            return b"".join(partners.take(handover=handover, by=self.owner, at=at).pieces)  # type: ignore[arg-type]

    def says_yes(self, one: Contact, purpose: str = "to_sahyadri") -> None:
        with tenancy.inside(self.workspace):
            notice = notices.show(workspace=self.workspace, purposes=[purpose], language="en", at=LATER)
            consent.give(contact=one, purpose=purpose, notice=notice, how=HERSELF, at=LATER)


@pytest.fixture
def scene(shree: Workspace) -> Scene:
    published(shree, NAMED)
    owner = owner_of(shree)
    asha = factories.make_contact(
        shree, "Asha Menon", phone="+919822041001", emails=[("asha@example.in", "")], notes="Likes tea"
    )
    ravi = factories.make_contact(shree, "Ravi Patil", phone="+919822041002")
    made = Scene(shree, owner, asha, ravi)
    made.says_yes(asha)
    return made


def _answers(scene: Scene, handover: Handover) -> dict[str, tuple[bool, str]]:
    with tenancy.inside(scene.workspace):
        rows = HandoverPerson.objects.of(scene.workspace).filter(handover=handover).select_related("contact")
        return {row.contact.name: (row.is_allowed, row.reason) for row in rows if row.contact}


def test_each_is_asked_for_that_partner_and_only_chosen_fields_leave(scene: Scene) -> None:
    handover = scene.prepare()
    assert _answers(scene, handover) == {"Asha Menon": (True, "consent"), "Ravi Patil": (False, "no_consent")}
    head, *rows = csv.reader(io.StringIO(scene.take(handover).decode("utf-8-sig")))
    with tenancy.inside(scene.workspace):
        [gone] = HandoverPerson.objects.of(scene.workspace).filter(given_at=LATER)
    assert head[:-1] == ["reference", "name", "phones"], "the last column marks our files"
    assert [row[:-1] for row in rows] == [[str(gone.pk), "Asha Menon", "(+91) 98220 41001"]]


def test_as_json_for_programs(scene: Scene) -> None:
    handover = scene.prepare(format="json", fields=["name", "emails"])
    told = json.loads(scene.take(handover))
    assert (told["recipient"], told["for"]) == ("Sahyadri Insurance", "A quotation")
    assert [{k: v for k, v in one.items() if k != "reference"} for one in told["people"]] == [
        {"name": "Asha Menon", "emails": ["asha@example.in"]}
    ]


def test_no_other_field_than_the_clause_names(scene: Scene) -> None:
    with tenancy.inside(scene.workspace):
        from amanat.basis import rules
        from amanat.people import vocabulary

        offered = partners.fields_of(rules.of(scene.workspace.pk).policy, "to_sahyadri", vocabulary.of(scene.workspace))
    assert {"name", "phones", "emails", "addresses"} <= offered.keys() and not {"notes", "birthday"} & offered.keys()
    for fields in (["name", "notes"], [], ["password"]):
        with pytest.raises(HandoverRefused):
            scene.prepare(fields=fields)


@pytest.mark.parametrize("who", ["withdrawn", "restricted", "objection", "no sale", "child", "other partner"])
def test_who_is_not_to_go_is_left_out_and_the_reason_stands_there(scene: Scene, who: str) -> None:
    with tenancy.inside(scene.workspace):
        if who == "withdrawn":
            consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
        elif who == "restricted":
            restrictions.impose(contact=scene.asha, ground=Restriction.Ground.REQUEST, how=HERSELF, at=LATER)
        elif who == "objection":
            objections.make(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
        elif who == "no sale":
            objections.opt_out_of_sale(scene.asha, how=HERSELF, at=LATER + timedelta(seconds=1))
        elif who == "child":
            Contact.objects.of(scene.workspace).filter(pk=scene.asha.pk).update(birthday=date(2020, 1, 1))
    if who == "other partner":
        scene.says_yes(scene.ravi, "to_deccan")
        assert _answers(scene, scene.prepare())["Ravi Patil"] == (False, "no_consent")
        return
    reason = "objection" if who == "no sale" else who
    assert _answers(scene, scene.prepare(at=LATER + timedelta(seconds=2)))["Asha Menon"] == (False, reason)


def test_a_yes_taken_back_after_preparing_still_holds_the_file_back(scene: Scene) -> None:
    handover = scene.prepare()
    with tenancy.inside(scene.workspace):
        consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
    with pytest.raises(HandoverRefused, match="Nobody"):
        scene.take(handover)
    with tenancy.inside(scene.workspace):
        assert partners.went(scene.workspace.pk, scene.ids()) == {}


def test_it_can_be_taken_for_a_day(scene: Scene) -> None:
    handover = scene.prepare()
    assert b"Asha" in scene.take(handover, LATER + partners.OPEN_FOR - timedelta(seconds=1))
    with pytest.raises(HandoverRefused, match="time is over"):
        scene.take(handover, LATER + partners.OPEN_FOR)


def test_without_the_contract_that_the_policy_asks_for_nothing_goes(scene: Scene) -> None:
    scene.says_yes(scene.asha, "to_deccan")
    with pytest.raises(HandoverRefused, match="no contract"):
        scene.prepare(recipient="deccan")
    with tenancy.inside(scene.workspace):
        contracts.register_one(
            recipient="deccan", party="Deccan Bank", country="IN", safeguard="", signed_on=NOW.date(), until=None, paper=None,
            paper_name="", by=scene.owner, at=NOW,
        )  # fmt: skip
    assert b"Asha" in scene.take(scene.prepare(recipient="deccan"))
    for nobody in ("partner", "hosting"):
        with pytest.raises(HandoverRefused, match="no such partner"):
            scene.prepare(recipient=nobody)


def test_a_contract_is_over_from_the_midnight_of_the_shop(scene: Scene) -> None:
    last = datetime(2026, 11, 22, 18, 29, 59, tzinfo=UTC)
    with tenancy.inside(scene.workspace):
        policy = rules.of(scene.workspace.pk, LATER).policy
        contracts.register_one(
            recipient="sahyadri", party="Sahyadri", country="IN", safeguard="", signed_on=date(2026, 1, 1), until=date(2026, 11, 23),
            paper=None, paper_name="", by=scene.owner, at=NOW,
        )  # fmt: skip
        for at, said in ((last, ()), (last + timedelta(seconds=1), (contracts.Problem.CONTRACT_OVER,))):
            held = contracts.register(policy, workspace_id=scene.workspace.pk, language="en", at=at)
            assert next(one for one in held.bound if one.name == "sahyadri").problems == said
            assert partners.known(policy, workspace_id=scene.workspace.pk, at=at)["sahyadri"].problems == said


@pytest.mark.slow
def test_it_stands_in_the_ledger_in_the_registers_and_in_the_copy(scene: Scene) -> None:
    scene.take(scene.prepare())
    with tenancy.inside(scene.workspace):
        [entry] = LedgerEntry.objects.of(scene.workspace).filter(event="privacy.partner.given")
        assert (entry.about, entry.facts["recipient"], entry.facts["fields"]) == (scene.asha.pk, "sahyadri", FIELDS)
        assert partners.given(scene.workspace.pk)["sahyadri"].people == 1
        made = making.order(
            workspace=scene.workspace, contact_id=scene.asha.pk, language="en", by=scene.owner, at=LATER
        )
        making.make(made.pk, workspace_id=scene.workspace.pk)
        handed = making.open_for_person(made.pk, scene.workspace.pk, by=scene.owner, at=clock.now())
        told = _inside(b"".join(handed.pieces))
    assert [(one["party"], one["fields"], one["why"]) for one in told["received"]] == [
        ("Sahyadri Insurance", FIELDS, "A quotation")
    ]
    text = signed_in(scene.owner).get(reverse("privacy:register_recipients")).content.decode()
    assert "1 person handed over" in text


def _inside(archive: bytes) -> dict[str, object]:
    import zipfile

    with zipfile.ZipFile(io.BytesIO(archive)) as found:
        [name] = [one for one in found.namelist() if one.endswith(".json")]
        told: dict[str, object] = json.loads(found.read(name))
    return told


@pytest.mark.slow
def test_an_erasure_orders_the_partner_to_delete_by_its_reference(scene: Scene) -> None:
    scene.take(scene.prepare())
    with tenancy.inside(scene.workspace):
        [row] = HandoverPerson.objects.of(scene.workspace).filter(given_at__isnull=False)
    done = people.erase(scene.workspace, scene.asha)
    with tenancy.inside(scene.workspace):
        [item] = ErasureOpenItem.objects.of(scene.workspace).filter(kind="recipient", place="sahyadri")
        assert (item.rows, item.closed_at) == ([row.pk], None)
        kept = HandoverPerson.objects.of(scene.workspace).get(pk=row.pk)
        assert (kept.contact_id, kept.given_at) == (None, LATER)
    text = signed_in(scene.owner).get(reverse("privacy:erasure", args=[done.pk])).content.decode()
    assert "Write to Sahyadri Insurance" in text and str(row.pk) in text


@pytest.mark.slow
def test_who_was_left_out_orders_nothing(scene: Scene) -> None:
    scene.take(scene.prepare())
    people.erase(scene.workspace, scene.ravi)
    with tenancy.inside(scene.workspace):
        assert not ErasureOpenItem.objects.of(scene.workspace).filter(place="sahyadri").exists()


# --- pages -------------------------------------------------------------------------------------------------------


def _new(client: Client, **values: object) -> object:
    return client.post(
        reverse("privacy:register_handover_new", args=["sahyadri"]),
        {"whom": "agreed", "fields_given": FIELDS, "why": "A quotation", "format": "csv", **values},
    )


@pytest.mark.slow
def test_the_pages_lead_from_the_partner_to_the_file(scene: Scene) -> None:
    client = signed_in(scene.owner)
    assert "Sahyadri Insurance" in client.get(reverse("privacy:register_partners")).content.decode()
    form = client.get(reverse("privacy:register_handover_new", args=["sahyadri"])).content.decode()
    assert "checked" not in form, "nothing is ticked beforehand"
    answer = _new(client)
    assert answer.status_code == 303  # type: ignore[attr-defined]
    url = answer["Location"]  # type: ignore[index]
    page = client.get(url).content.decode()
    assert "1 person goes" in page and "Ravi" not in page
    file = client.post(f"{url}take/")
    content = b"".join(file.streaming_content)  # type: ignore[attr-defined]
    assert b"Asha Menon" in content and b"Likes tea" not in content
    assert (file["Cache-Control"], file["X-Content-Type-Options"]) == ("no-store, private", "nosniff")


@pytest.mark.slow
def test_a_saved_view_and_a_single_person_can_be_chosen_and_reasons_are_shown(scene: Scene) -> None:
    with tenancy.inside(scene.workspace):
        view = saved_views.save(member=scene.owner, at=NOW, name="All", definition=Definition())
    client = signed_in(scene.owner)
    page = client.get(_new(client, whom=f"view:{view.pk}")["Location"]).content.decode()  # type: ignore[index]
    assert "1 person goes" in page and "Ravi Patil" in page and "was never asked" in page
    address = reverse("privacy:register_handover_new", args=["sahyadri"]) + f"?contact={scene.ravi.pk}"
    answer = client.post(
        address, {"whom": f"contact:{scene.ravi.pk}", "fields_given": FIELDS, "why": "x", "format": "csv"}
    )
    page = client.get(answer["Location"]).content.decode()
    assert "Nobody in it may be handed over" in page and "Take the file" not in page
    assert (
        b"Hand data over to Sahyadri Insurance" in client.get(reverse("people:contact", args=[scene.ravi.pk])).content
    )
    other = client.post(
        address, {"whom": f"contact:{scene.asha.pk}", "fields_given": FIELDS, "why": "x", "format": "csv"}
    )
    assert other.status_code == 422, "only whom the page offered"


@pytest.mark.slow
def test_only_who_answers_requests_hands_over_and_after_a_fresh_sign_in(scene: Scene) -> None:
    url = reverse("privacy:register_handover_new", args=["sahyadri"])
    stale = signed_in(scene.owner, fresh=False).get(url)
    assert stale.status_code in {302, 303}
    handover = scene.prepare()
    take = reverse("privacy:register_handover_take", args=[handover.pk])
    for role, may in ((Role.AUDITOR, 403), (Role.AGENT, 403)):
        client = signed_in(make_member(scene.workspace, role=role))
        assert (client.get(url).status_code, client.post(take).status_code) == (may, 403)
    assert signed_in(make_member(scene.workspace, role=Role.MANAGER)).get(url).status_code == 200
    with tenancy.inside(scene.workspace):
        assert not HandoverPerson.objects.of(scene.workspace).filter(given_at__isnull=False).exists()


def test_a_policy_without_partners_says_so_and_shows_no_card(shree: Workspace) -> None:
    asha = factories.make_contact(shree, "Asha")
    client = signed_in(owner_of(shree))
    assert "names no partner" in client.get(reverse("privacy:register_partners")).content.decode()
    assert b"Hand data over" not in client.get(reverse("people:contact", args=[asha.pk])).content
    assert client.get(reverse("privacy:register_handover_new", args=["sahyadri"])).status_code == 404


@pytest.mark.parametrize("way", ["withdrawn", "refused", "out of sale", "objected"])
def test_a_partner_must_hear_that_a_yes_is_over(scene: Scene, way: str) -> None:
    scene.take(scene.prepare())
    later = LATER + timedelta(days=3)
    with tenancy.inside(scene.workspace):
        assert ended.waiting(scene.workspace.pk, at=later) == []
        consent.withdraw(contact=scene.asha, purpose="marketing", channels=["sms"], how=HERSELF, at=later)
        consent.withdraw(contact=scene.asha, purpose="to_deccan", how=HERSELF, at=later)
        assert ended.waiting(scene.workspace.pk, at=later) == []  # nothing of hers went there
        if way == "withdrawn":
            consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=later)
        elif way == "refused":
            notice = notices.show(workspace=scene.workspace, purposes=["to_sahyadri"], language="en", at=later)
            consent.refuse(contact=scene.asha, purpose="to_sahyadri", notice=notice, how=HERSELF, at=later)
        else:
            purpose = objections.SALE if way == "out of sale" else ""
            objections.make(contact=scene.asha, how=HERSELF, at=later, purpose=purpose)
        [row] = ended.waiting(scene.workspace.pk, at=later)
        assert (row.contact_id, row.ended_at, row.handover.party) == (scene.asha.pk, later, "Sahyadri Insurance")
        assert str(row.pk) in ended.letter(row) and "Asha" not in ended.letter(row)


@pytest.mark.slow
def test_the_letter_waits_on_the_page_until_somebody_notes_the_answer(scene: Scene) -> None:
    scene.take(scene.prepare())
    with tenancy.inside(scene.workspace):
        consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
        [row] = ended.waiting(scene.workspace.pk, at=LATER)
    client, url = signed_in(scene.owner), reverse("privacy:register_partner_told", args=[row.pk])
    assert url in client.get(reverse("privacy:register_partners")).content.decode()
    assert str(row.pk) in client.get(url).content.decode()
    assert client.post(url, {"answer": ""}).status_code == 422
    assert client.post(url, {"answer": "By e-mail; confirmed the same day"}).status_code == 303
    assert url not in client.get(reverse("privacy:register_partners")).content.decode()
    assert client.post(url, {"answer": "Again"}).status_code == 303
    with tenancy.inside(scene.workspace):
        kept = HandoverPerson.objects.of(scene.workspace).get(pk=row.pk)
        assert (kept.answer, kept.told_by_id) == ("By e-mail; confirmed the same day", scene.owner.pk)
        assert LedgerEntry.objects.of(scene.workspace).filter(event="privacy.partner.told").count() == 1


@pytest.mark.slow
@pytest.mark.parametrize("way", ["withdrawn", "objected"])
def test_a_letter_is_taken_away_while_she_agrees_again(scene: Scene, way: str) -> None:
    """Only while nothing else of hers stands against it: a yes to the partner does not undo her objection to everything."""
    scene.take(scene.prepare())
    here = scene.workspace
    with tenancy.inside(here):
        if way == "withdrawn":
            consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
        else:
            objections.make(contact=scene.asha, how=HERSELF, at=LATER)
        [row] = ended.waiting(here.pk, at=LATER)
        notice = notices.show(workspace=here, purposes=["to_sahyadri"], language="en", at=LATER)
        again = LATER + timedelta(minutes=1)
        consent.give(contact=scene.asha, purpose="to_sahyadri", notice=notice, how=HERSELF, at=again)
        assert (ended.waiting(here.pk, at=again) == []) is (way == "withdrawn")
    url = reverse("privacy:register_partner_told", args=[row.pk])
    with clock.standing_at(again):
        said = signed_in(scene.owner).get(url).content.decode()
    assert ("agreed again" in said, "Stop using these data" in said) == (
        (True, False) if way == "withdrawn" else (False, True)
    )
    with tenancy.inside(here):
        consent.withdraw(contact=scene.asha, purpose="to_sahyadri", how=HERSELF, at=again + timedelta(minutes=1))
        assert [one.pk for one in ended.waiting(here.pk, at=again + timedelta(minutes=1))] == [row.pk]


@pytest.mark.slow
def test_the_list_of_contacts_leads_to_a_handover_of_whom_it_shows(scene: Scene) -> None:
    client, auditor = signed_in(scene.owner), signed_in(make_member(scene.workspace, role=Role.AUDITOR))
    partners = f"{reverse('privacy:register_partners')}?owner=none&amp;sort=-created"
    address = f"{reverse('privacy:register_handover_new', args=['sahyadri'])}?owner=none&amp;sort=-created"
    page = client.get(reverse("people:contacts") + "?owner=none").content.decode()
    assert partners in page, "with the filters of the list"
    assert address in client.get(partners.replace("&amp;", "&")).content.decode()
    assert "The list you came from" in client.get(address.replace("&amp;", "&")).content.decode()
    assert partners not in auditor.get(reverse("people:contacts") + "?owner=none").content.decode()
    assert partners.partition("?")[0] not in client.get(reverse("people:companies")).content.decode()
