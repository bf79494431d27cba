"""A restored backup in which an erased person and their papers are back: both go again, and the books stay."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import principals
from amanat.core import clock, tally, tenancy
from amanat.core.tombstones import Kind
from amanat.desk import papers
from amanat.desk.models import Paper, Payment, ServiceRecord
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.operations import replay
from amanat.people.models import Contact
from amanat.privacy.erasure import erasing
from amanat.privacy.vault import sealing
from amanat.privacy.vault.models import SealedRecord

pytestmark = pytest.mark.django_db


class Ended:
    """What the file of tombstones says."""

    def __init__(self, **ids: Any) -> None:
        self.ids = {Kind[name.upper()]: found for name, found in ids.items()}

    def ended_at(self, kind: Kind, subject: Any, *, workspace_id: Any) -> Any:
        return self.ids[kind][subject]

    def among(self, kind: Kind, subjects: Any, *, workspace_id: Any) -> list[Any]:
        return [one for one in subjects if one in self.ids.get(kind, ())]


def test_an_erased_person_goes_again_and_their_books_stay(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with clock.standing_at(NOW), tenancy.inside(shree):
        sunita, ravi = make_contact(rekha, "Sunita"), make_contact(rekha, "Ravi")
        record = make_record(rekha, contact=sunita, paid_paise=100, notes="secret")
        make_record(rekha, contact=ravi, notes="his own")
        ended: Any = Ended(contact=[sunita.pk])
        assert replay._purge(Contact, Kind.CONTACT, ended, shree.pk, NOW) == 1
        assert [contact.name for contact in Contact.objects.of(shree)] == ["Ravi"]
        kept = ServiceRecord.objects.of(shree).get(pk=record.pk)
        assert (kept.erased_at, kept.contact_id, kept.notes, kept.paid_paise) == (NOW, None, "", 100)
        assert Payment.objects.of(shree).count() == 1 and tally.count("contacts", workspace=shree) == 1
        assert ServiceRecord.objects.of(shree).filter(notes="his own", erased_at__isnull=True).count() == 1
        assert replay._purge(Contact, Kind.CONTACT, ended, shree.pk, NOW) == 0


def test_what_a_law_keeps_of_an_erased_person_is_sealed_again_until_its_first_day(shree: Workspace) -> None:
    erased, restored = datetime(2027, 6, 1, 9, tzinfo=UTC), datetime(2027, 9, 1, 9, tzinfo=UTC)
    rekha = owner_of(shree)
    with clock.standing_at(restored), tenancy.inside(shree):
        sunita, ravi, before = (make_contact(rekha, name) for name in ("Sunita", "Ravi", "Before"))
        moments = {sunita.pk: erased, before.pk: datetime(2026, 6, 1, tzinfo=UTC)}
        ended: Any = Ended(contact=moments)
        back = replay._people_back(ended, shree.pk)
        assert back == moments and erasing.again(back, workspace_id=shree.pk, at=restored) == 2
        assert [one.pk for one in Contact.objects.of(shree)] == [ravi.pk]
        [sealed] = SealedRecord.objects.of(shree)  # no law asked for it when the other one was erased
        assert sealed.ends_on.isoformat() == "2028-06-02"
        assert sealing.opened(sealed)["name"] == "Sunita"
        assert sealed.principal == principals.digest(sunita.pk, workspace_id=shree.pk)


def test_what_would_have_been_destroyed_by_now_is_not_sealed_again(shree: Workspace) -> None:
    restored = datetime(2029, 1, 1, tzinfo=UTC)
    with clock.standing_at(restored), tenancy.inside(shree):
        her = make_contact(owner_of(shree))
        erasing.again({her.pk: datetime(2027, 6, 1, tzinfo=UTC)}, workspace_id=shree.pk, at=restored)
        assert not SealedRecord.objects.of(shree).exists()


def test_papers_that_were_destroyed_are_counted_among_what_was_done_again(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with clock.standing_at(NOW), tenancy.inside(shree):
        back = papers.attach(kind="pan", number="AAAPA1234A", contact=make_contact(rekha), by=rekha, at=NOW)
        ended: Any = Ended(paper=[back.pk])
        done = replay.Replayed(papers=papers.destroy_again(ended, workspace=shree.pk, at=NOW))
        assert Paper.objects.of(shree).get().number_sealed is None
    assert str(done) == "Done again since the backup: 1 papers destroyed."
    assert "papers" in replay._OF_A_WORKSPACE
