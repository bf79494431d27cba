"""People hear of a new policy before it holds: each once, in her language, as far as the gate and the policy let us."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.basis import gate, probes_sources, rules, telling
from amanat.basis.gate import Answer, Reason
from amanat.basis.models import Decision, Telling
from amanat.core import clock, tenancy
from amanat.people import contacts
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact
from amanat.policy.probing import Asked
from amanat.publishing import beginning, publish
from amanat.publishing.beginning import Details
from amanat.publishing.models import PolicyVersion

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
SOURCE = beginning.source(Details("Shree", "Satara", "Main Road", "p@shree.test", "+912162234567", NOW.date()))
WIDER = SOURCE.replace("uses: [identity, choice]", "uses: [identity, choice, usage]")


def add(workspace: Workspace, name: str, address: str = "", *, language: str = "en", at: datetime = NOW) -> Contact:
    draft = ContactDraft(name=name, emails=[(address, "")] if address else [], language=language)
    with clock.standing_at(at), tenancy.inside(workspace):
        return contacts.create(workspace=workspace, by=factories.owner_of(workspace), at=at, draft=draft)


def publish_it(workspace: Workspace, source: str, at: datetime) -> PolicyVersion:
    with tenancy.inside(workspace):
        made = publish.publish(workspace=workspace, source=source, by=factories.owner_of(workspace), at=at)
    assert made is not None
    return made


@pytest.fixture
def version(shree: Workspace) -> PolicyVersion:
    """A version that asks for more, told of a minute ago, and three people: one without address, one whose mail two share."""
    add(shree, "Asha", "asha@people.test", language="mr")
    add(shree, "Ravi", "ravi@people.test", language="en")
    add(shree, "Without")
    add(shree, "Her son", "asha@people.test")
    publish_it(shree, SOURCE, NOW)
    made = publish_it(shree, WIDER, NOW + DAY)
    mail.outbox.clear()
    return made


def place_of(version: PolicyVersion) -> Telling:
    with tenancy.inside(version.workspace_id):
        return Telling.objects.of(version.workspace_id).get(version=version)


@pytest.mark.slow
def test_each_is_told_once_in_her_language_a_month_ahead(shree: Workspace, version: PolicyVersion) -> None:
    at = NOW + DAY + MINUTE
    assert telling.waiting(at) == [shree.pk]
    assert telling.tell(shree.pk, at=at) == 2
    assert telling.tell(shree.pk, at=at + MINUTE) == 0 and telling.waiting(at + MINUTE) == []
    assert [one.to for one in mail.outbox] == [["asha@people.test"], ["ravi@people.test"]]
    marathi, english = mail.outbox
    assert "२०२६" in marathi.body or "2026" in marathi.body
    assert "Namaste" in english.body and "Namaste" not in marathi.body
    assert f"/w/{shree.pk}/choices/" in english.body and "close your account" not in english.body
    assert version.effective_at - at > 29 * DAY
    place = place_of(version)
    assert (place.told, place.passed_over, place.done_at) == (2, 0, at)
    with tenancy.inside(shree):
        assert set(Decision.objects.of(shree).filter(what=telling.WHAT).values_list("purpose", "is_allowed")) == {
            ("law", True)
        }


def test_a_first_version_and_a_stricter_one_are_told_to_nobody(shree: Workspace) -> None:
    add(shree, "Asha", "asha@people.test")
    publish_it(shree, SOURCE, NOW)
    publish_it(shree, SOURCE.replace("uses: [identity, choice]", "uses: [identity]"), NOW + DAY)
    assert telling.waiting(NOW + DAY) == [] and telling.tell(shree.pk, at=NOW + DAY) == 0


@pytest.mark.slow
def test_it_goes_on_where_it_stopped_and_newcomers_are_not_told_of_what_was(
    shree: Workspace, version: PolicyVersion
) -> None:
    at = NOW + DAY + MINUTE
    assert telling.tell(shree.pk, at=at, most=1) == 1
    add(shree, "New", "new@people.test", at=at)
    assert telling.tell(shree.pk, at=at + MINUTE) == 1
    assert [one.to[0] for one in mail.outbox] == ["asha@people.test", "ravi@people.test"]


def test_who_is_deleted_meanwhile_or_refused_by_the_gate_is_not_written_to(
    shree: Workspace, version: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(name="Ravi").update(deleted_at=NOW)
    monkeypatch.setattr(
        gate, "decide", lambda contact, **told: Answer(contact.pk, False, Reason.RESTRICTED, "rights.kinds")
    )
    assert telling.tell(shree.pk, at=NOW + DAY + MINUTE) == 0 and mail.outbox == []
    assert (place_of(version).told, place_of(version).passed_over) == (0, 1)


@pytest.mark.slow
def test_a_server_that_is_down_is_tried_again_and_one_bad_address_holds_up_nobody(
    shree: Workspace, version: PolicyVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = EmailMessage.send

    def picky(self: EmailMessage, **more: Any) -> int:
        if self.to == ["asha@people.test"]:
            raise smtplib.SMTPRecipientsRefused({})
        return real(self, **more)

    monkeypatch.setattr(EmailMessage, "send", picky)
    at = NOW + DAY + MINUTE
    assert telling.tell(shree.pk, at=at) == 0
    assert telling.waiting(at) == [] and telling.tell(shree.pk, at=at + MINUTE) == 0
    told = sum(telling.tell(shree.pk, at=at + hour * timedelta(hours=1)) for hour in range(1, 7))
    assert told == 1 and [one.to[0] for one in mail.outbox] == ["ravi@people.test"]
    assert (place_of(version).told, place_of(version).passed_over) == (1, 1)


def test_a_mail_sent_again_after_a_crash_has_the_same_identity(shree: Workspace, version: PolicyVersion) -> None:
    with tenancy.inside(shree):
        asha = Contact.objects.of(shree).get(name="Asha")
        first, again = (telling.message(asha, version, shree).extra_headers["Message-ID"] for _time in range(2))
        other = telling.message(Contact.objects.of(shree).get(name="Ravi"), version, shree)
    assert first == again != other.extra_headers["Message-ID"]


@pytest.mark.slow
def test_the_promise_is_red_when_nobody_was_told_or_too_late(shree: Workspace, version: PolicyVersion) -> None:
    def found(at: datetime) -> Any:
        with clock.standing_at(at), tenancy.inside(shree):
            return probes_sources.people_told(Asked(shree.pk, rules.of(shree.pk).policy, at))

    assert found(NOW + 2 * DAY).is_kept
    assert (found(NOW + 6 * DAY).is_kept, found(NOW + 6 * DAY).facts["waiting"]) == (False, 1)
    telling.tell(shree.pk, at=NOW + 6 * DAY)
    telling.tell(shree.pk, at=NOW + 6 * DAY)
    assert found(NOW + 7 * DAY).is_kept and found(NOW + 7 * DAY).facts["told"] == 2
    with tenancy.inside(shree):
        Telling.objects.of(shree).update(done_at=version.effective_at + DAY)
    assert found(NOW + 7 * DAY).facts["late"] == 1
