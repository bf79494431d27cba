"""The pages: what would go, the order after a fresh sign-in, progress, open items, the certificate; and the probes about them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, ids, tenancy
from amanat.core.models_files import StoredFile
from amanat.people.models import Contact, Interaction
from amanat.people.tests import factories
from amanat.policy.probing import Asked, Finding
from amanat.privacy.erasure import belongings, erasing, lawful, probes, schema
from amanat.privacy.erasure.models import ChildFound, Erasure, ErasureCertificate, ErasureOpenItem
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import NAME
from amanat.publishing import versions


def _client(workspace: Workspace) -> Client:
    return signed_in(factories.owner(workspace))


def _probed(workspace: Workspace, probe: object) -> Finding:
    with tenancy.inside(workspace):
        asked = Asked(workspace.pk, versions.in_force(workspace.pk, clock.now()).policy, clock.now())
        return probe(asked)  # type: ignore[operator, no-any-return]


def test_the_page_before_says_what_goes_and_what_stays(shree: Workspace) -> None:
    scene = people.scene(shree)
    text = _client(shree).get(reverse("privacy:erase", args=[scene.her.pk])).content.decode()
    assert NAME in text
    assert "Phone numbers" in text
    assert "CGST Act section 36" in text


@pytest.mark.slow
def test_the_page_of_a_frozen_child_says_until_when_and_has_the_ways_out(shree: Workspace) -> None:
    her, client = people.make_her(shree), _client(shree)
    page = reverse("people:contact", args=[her.pk])
    assert client.post(reverse("privacy:child", args=[her.pk])).status_code == 303
    text = client.get(page).content.decode()
    assert people.NUMBER[-5:] not in text, "it is frozen"
    for words in ("Frozen: this may be a child", "It is no child", "Give a copy of the data"):
        assert words in text
    with tenancy.inside(shree):
        found = ChildFound.objects.of(shree).get()
    assert client.post(reverse("privacy:child_clear", args=[found.pk])).status_code == 303
    assert "Frozen" not in client.get(page).content.decode()


@pytest.mark.slow
def test_an_order_is_confirmed_and_leads_to_its_page(shree: Workspace) -> None:
    her, client = people.make_her(shree), _client(shree)
    url = reverse("privacy:erase", args=[her.pk])
    assert client.post(url, {"because": "request"}).status_code == 422
    answer = client.post(url, {"because": "request", "is_sure": "on"})
    with tenancy.inside(shree):
        ordered = Erasure.objects.of(shree).get()
    assert (answer.status_code, answer["Location"]) == (303, reverse("privacy:erasure", args=[ordered.pk]))
    assert b'hx-trigger="every 2s"' in client.get(answer["Location"]).content
    with tenancy.inside(shree):
        erasing.carry_out(ordered.pk, workspace_id=shree.pk)
    page = client.get(answer["Location"]).content.decode()
    assert "every 2s" not in page
    assert "Rows, files and keys destroyed" in page
    printed = client.get(reverse("privacy:erasure_certificate", args=[ordered.pk])).content.decode()
    with tenancy.inside(shree):
        assert ErasureCertificate.objects.of(shree).get().digest in printed
    assert NAME not in printed
    assert ordered.get_because_display() in client.get(reverse("privacy:erasures")).content.decode()


@pytest.mark.slow
def test_who_may_not_sees_nothing_of_it(shree: Workspace, other: Workspace) -> None:
    her = people.make_her(shree)
    agent = signed_in(make_member(shree, Role.AGENT))
    assert agent.get(reverse("privacy:erase", args=[her.pk])).status_code == 403
    assert agent.get(reverse("privacy:erasures")).status_code == 403
    stranger = _client(other)
    assert stranger.get(reverse("privacy:erase", args=[her.pk])).status_code == 404
    done = people.erase(shree, her)
    assert stranger.get(reverse("privacy:erasure", args=[done.pk])).status_code == 404
    assert stranger.get(reverse("privacy:erasure_certificate", args=[done.pk])).status_code == 404


@pytest.mark.slow
def test_an_open_item_is_answered_and_searched_again(shree: Workspace) -> None:
    her, client = people.make_her(shree), _client(shree)
    factories.make_contact(shree, "Vishal Shinde", notes=f"brother of {NAME}")
    done = people.erase(shree, her)
    with tenancy.inside(shree):
        item = ErasureOpenItem.objects.of(shree).get()
    close = reverse("privacy:erasure_item_close", args=[done.pk, item.pk])
    assert client.get(reverse("privacy:erasure_certificate", args=[done.pk])).status_code == 404
    client.post(close, {"answer": "  "})
    with tenancy.inside(shree):
        assert ErasureOpenItem.objects.of(shree).get().closed_at is None
    client.post(close, {"answer": "It is his own note"})
    client.post(reverse("privacy:erasure_search", args=[done.pk]))
    with tenancy.inside(shree):
        assert erasing.carry_out(done.pk, workspace_id=shree.pk).state == Erasure.State.DONE
    assert "It is his own note" in client.get(reverse("privacy:erasure_certificate", args=[done.pk])).content.decode()
    assert (
        client.post(reverse("privacy:erasure_item_close", args=[done.pk, ids.new()]), {"answer": "x"}).status_code
        == 404
    )


def test_a_member_says_that_it_is_a_child_and_takes_it_back(shree: Workspace) -> None:
    her, client = people.make_her(shree), _client(shree)
    page = reverse("people:contact", args=[her.pk])
    assert "This is a child" in client.get(page).content.decode()
    client.post(reverse("privacy:child", args=[her.pk]))
    assert "Frozen" in client.get(page).content.decode()
    assert NAME in client.get(reverse("privacy:erasures")).content.decode()
    with tenancy.inside(shree):
        found = ChildFound.objects.of(shree).get()
    client.post(reverse("privacy:child_clear", args=[found.pk]))
    with tenancy.inside(shree):
        assert ChildFound.objects.of(shree).get().state == ChildFound.State.CLEARED


@pytest.mark.parametrize("body", ["not what was issued", "[]", "{}"])
def test_a_certificate_that_somebody_changed_is_told_and_not_shown(shree: Workspace, body: str) -> None:
    with tenancy.inside(shree):
        ordered = Erasure.objects.create(
            workspace_id=shree.pk,
            contact_ids=[ids.new()],
            because="request",
            ordered_at=clock.now(),
            state="done",
            searched_at=clock.now(),
        )
        ErasureCertificate.objects.create(
            workspace_id=shree.pk, erasure=ordered, search="whole", issued_at=clock.now(), body=body, digest="d" * 64
        )
    answer = _client(shree).get(reverse("privacy:erasure_certificate", args=[ordered.pk]), follow=True)
    assert answer.redirect_chain == [(reverse("privacy:erasure", args=[ordered.pk]), 303)]
    assert "The certificate cannot be read" in answer.content.decode()


@pytest.mark.slow
def test_the_probe_of_certificates(shree: Workspace) -> None:
    her = people.make_her(shree)
    done = people.erase(shree, her)
    assert _probed(shree, probes.certified).is_kept
    with tenancy.inside(shree):
        Erasure.objects.create(
            workspace_id=shree.pk,
            contact_ids=[ids.new()],
            because="request",
            ordered_at=clock.now() - timedelta(days=31),
        )
    assert _probed(shree, probes.certified).facts["late"] == 1
    with tenancy.inside(shree):
        Erasure.objects.of(shree).exclude(pk=done.pk).delete()
        Erasure.objects.create(
            workspace_id=shree.pk, contact_ids=[ids.new()], because="request", ordered_at=clock.now(), state="done",
            searched_at=clock.now(),
        )  # fmt: skip
    assert _probed(shree, probes.certified).facts["unproved"] == 1


@pytest.mark.slow
def test_the_probe_finds_whoever_came_back(shree: Workspace) -> None:
    her = people.make_her(shree)
    people.erase(shree, her)
    assert _probed(shree, probes.gone).is_kept
    with tenancy.inside(shree):
        Contact.objects.create(workspace_id=shree.pk, id=her.pk, name="Back Again")
        Interaction.objects.create(
            workspace_id=shree.pk, contact_id=her.pk, happened_at=clock.now(), kind="note", summary="x"
        )
    assert _probed(shree, probes.gone).facts["back"] == 2


def test_the_probe_of_reach_sees_a_lost_index_and_a_table_nobody_declared(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _probed(shree, probes.reaches).is_kept
    traced, held = schema.traced, belongings.held
    with monkeypatch.context() as broken:
        broken.setattr(schema, "traced", lambda: [*traced(), Workspace])
        assert (found := _probed(shree, probes.reaches)).facts["missing"] == 1 and not found.is_kept
    monkeypatch.setattr(belongings, "held", lambda model: None if model is Contact else held(model))
    assert (found := _probed(shree, probes.reaches)).facts["undeclared"] == 1 and not found.is_kept


@pytest.mark.slow
def test_the_number_of_statements_does_not_grow(shree: Workspace, django_assert_max_num_queries: object) -> None:
    client = _client(shree)
    for number in range(3):
        people.erase(shree, factories.make_contact(shree, f"Person {number}"))
    with django_assert_max_num_queries(9):  # type: ignore[operator]
        client.get(reverse("privacy:erasures"))
    with tenancy.inside(shree):
        one = Erasure.objects.of(shree).first()
        assert one is not None
        assert not StoredFile.objects.of(shree).exists()
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        client.get(reverse("privacy:erasure", args=[one.pk]))


def test_a_breach_and_a_hold_say_why_they_stay() -> None:
    assert "register of breaches" in lawful.why("privacy.AffectedPerson")
    assert "held back" in lawful.why("privacy.LegalHold")
    assert "answered" in lawful.why("privacy.RightsRequest")
