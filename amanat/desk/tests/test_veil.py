"""An auditor sees the end of a number on services as she does on people, and no filter or order tells what is hidden."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.desk import listing, services, veil
from amanat.desk.listing import Filters
from amanat.desk.models import ServiceRecord
from amanat.desk.services import NewService
from amanat.people import contacts, lists, masking, vocabulary
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Contact, CustomField

NUMBER, PHONE = "ACK-55512345736", "+919822012345"


@pytest.fixture
def auditor(shree: Workspace) -> Member:
    return factories.make_member(shree, role=Role.AUDITOR)


@pytest.fixture
def record(shree: Workspace) -> ServiceRecord:
    with tenancy.inside(shree):
        for on, key in (("service", "aadhaar"), ("contact", "faith")):
            CustomField.objects.create(
                workspace_id=shree.pk, key=key, label=key, kind="text", on=on,
                personal_kind="pd:OfficialID" if on == "service" else "pd:Religion",
            )  # fmt: skip
        by = factories.owner_of(shree)
        draft = ContactDraft(
            name="Asha", phones=[(PHONE, "")], addresses=[AddressDraft(city="Sinnar")], custom={"faith": "Jain"}
        )
        asha = contacts.create(workspace=shree, by=by, at=clock.now(), draft=draft)
        wanted = NewService(
            None, title="PAN card", fee_paise=100, acknowledgement=NUMBER, custom={"aadhaar": "9999 4105 7058"}
        )
        made = services.create(workspace=shree, wanted=wanted, by=by, at=clock.now(), contact=asha)
        return services.set_status(
            record=made, status=ServiceRecord.Status.SUBMITTED, by=by, at=clock.now(), acknowledgement=NUMBER
        )


@pytest.mark.parametrize(
    "address",
    [
        "/services/?view=all&columns=acknowledgement&columns=custom.aadhaar", "/services/{id}/", "/contacts/{person}/", "/search/?q=PAN",
    ],
)  # fmt: skip
def test_an_auditor_sees_only_the_end(shree: Workspace, auditor: Member, record: ServiceRecord, address: str) -> None:
    url = address.format(id=record.pk, person=record.contact_id)
    agent = factories.signed_in(factories.make_member(shree, role=Role.AGENT)).get(url).content.decode()
    seen = factories.signed_in(auditor).get(url).content.decode()
    assert NUMBER in agent and NUMBER not in seen and "•••• 736" in seen
    assert "98220" not in seen and "4105" not in seen and "4105" not in agent


def test_a_manager_sees_all_of_it(shree: Workspace, record: ServiceRecord) -> None:
    seen = (
        factories.signed_in(factories.make_member(shree, role=Role.MANAGER))
        .get(f"/services/{record.pk}/")
        .content.decode()
    )
    assert NUMBER in seen and "98220 12345" in seen and "9999 4105 7058" in seen


ASKING = ["city=Sinnar", "custom.faith=Jain"]


@pytest.mark.parametrize("query", ASKING)
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.OWNER])
def test_a_filter_on_what_is_hidden_is_refused(shree: Workspace, record: ServiceRecord, query: str, role: Role) -> None:
    member = factories.make_member(shree, role=role)
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        definition = lists.parse(QueryDict(query), on="contact", words=words)
        if role == Role.OWNER:
            assert [row.name for row in lists.rows_of(definition, member=member, words=words)] == ["Asha"]
            return
        for ask in (lists.rows_of, lists.count):
            with pytest.raises(lists.Refused):
                list(ask(definition, member=member, words=words))  # type: ignore[operator]


@pytest.mark.parametrize("query", ASKING)
def test_the_page_answers_alike_whether_somebody_fits_or_not(
    shree: Workspace, auditor: Member, record: ServiceRecord, query: str
) -> None:
    client = factories.signed_in(auditor)
    hit, miss = (client.get(f"/contacts/?{query}{more}") for more in ("", "xyz"))
    assert "Asha" not in hit.content.decode()
    assert (hit.status_code, hit.content.decode().count("<tr")) == (
        miss.status_code,
        miss.content.decode().count("<tr"),
    )


def test_a_filter_on_an_own_field_of_services_is_refused(
    shree: Workspace, auditor: Member, record: ServiceRecord
) -> None:
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        filters = Filters.read(QueryDict("custom.aadhaar=4105"), words)
        with pytest.raises(lists.Refused):
            listing.custom(auditor, filters, words)
        owner = factories.owner_of(shree)
        assert ServiceRecord.objects.of(shree).filter(listing.custom(owner, filters, words)).count() == 1


def test_an_order_by_a_withheld_field_is_refused_and_restricted_people_are_left_out(
    shree: Workspace, record: ServiceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = factories.owner_of(shree)

    def guarded(**held: Any) -> None:
        monkeypatch.setattr(masking, "guard", lambda member, words, purpose: masking.Guard(purpose, **held))

    with tenancy.inside(shree):
        words = vocabulary.of(shree)

        def listed(query: str) -> list[Contact]:
            return list(
                lists.rows_of(lists.parse(QueryDict(query), on="contact", words=words), member=owner, words=words)
            )

        guarded(withheld=frozenset({"last_contact_at", "phones"}))
        for query in ("sort=-last_contact", "last_contact_after=2020-01-01", "has_phone=yes"):
            with pytest.raises(lists.Refused):
                listed(query)
        assert len(listed("sort=name")) == 1
        guarded(restricted=frozenset({record.contact_id}))
        assert (len(listed("city=Sinnar")), len(listed(""))) == (0, 1)


def test_what_is_withheld_comes_back_empty() -> None:
    held = masking.Guard("x", withheld=frozenset({"phones", "custom-a"}), masked=frozenset({"custom-b"}))
    assert veil.phone(held, PHONE) == "" and veil.phone(masking.Guard(), PHONE) == "+91 98220 12345"
    assert veil.custom(held, {"a": "1", "b": "12345678", "c": 3}) == {"b": "•••• 678", "c": 3}
