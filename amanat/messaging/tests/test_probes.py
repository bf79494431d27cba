"""Each probe of messages is green on a healthy system and red when what it measures is broken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, rules
from amanat.basis.consent import How
from amanat.basis.gate import Answer, Reason
from amanat.basis.models import Method
from amanat.core import clock, tenancy
from amanat.messaging import probes
from amanat.messaging.channels import mail_making, sms, unsubscribing
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.inbox import bodies, saying
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying
from amanat.messaging.reminders.models import ReminderRule
from amanat.messaging.reminders.tests.factories import agreeing, make_rule
from amanat.policy import probing
from amanat.policy.probing import Asked, Finding

MINE = {name: one for name, one in probing.registered().items() if name.startswith("messaging.")}


@pytest.fixture
def asked(db: None, shree: Workspace) -> Iterator[Asked]:
    with tenancy.inside(shree):
        yield Asked(shree.pk, rules.of(shree.pk).policy, clock.now())


@pytest.fixture
def owner(asked: Asked, shree: Workspace) -> Member:
    return owner_of(shree)


def run(name: str, asked: Asked) -> Finding:
    found = MINE[f"messaging.{name}"].run(asked)
    assert str(found.said).format(**found.facts)
    return found


@pytest.mark.parametrize("name", sorted(name.removeprefix("messaging.") for name in MINE))
def test_every_probe_is_green_on_a_healthy_system(asked: Asked, name: str) -> None:
    found = run(name, asked)
    assert found.is_kept, dict(found.facts)


def a_dispatch(owner: Member, **values: Any) -> Dispatch:
    """One message that a rule ordered, then changed."""
    contact = agreeing(owner)
    make_rule(owner.workspace)
    message = saying.say(
        contact=contact, channel="sms", words=saying.Words(text="Namaste"), by=None, at=clock.now(),
        errand=saying.Errand(purpose="reminders"),
    )  # fmt: skip
    rows = Dispatch.objects.of(owner.workspace_id).filter(message=message)
    rows.update(**values)
    return rows.get()


@pytest.mark.parametrize(
    "values",
    [
        {"state": "done", "begun_at": "now", "decided_at": None, "rule": "purposes.reminders"},
        {"state": "done", "begun_at": "now", "decided_at": "now", "rule": ""},
        {"state": "done", "begun_at": "now", "decided_at": "now", "rule": "purposes.x", "purpose": "x"},
        {"state": "refused", "reason": ""},
    ],
    ids=["undecided", "no rule", "no such purpose", "mute"],
)
def test_a_message_that_left_without_a_decision_is_seen(asked: Asked, owner: Member, values: dict[str, Any]) -> None:
    now = clock.now()
    a_dispatch(owner, **{name: now if value == "now" else value for name, value in values.items()})
    assert not run("decided", asked).is_kept


@pytest.mark.parametrize(("minutes", "is_kept"), [(5, False), (-5, True)])
def test_one_who_said_stop_and_was_written_to_is_seen(asked: Asked, owner: Member, minutes: int, is_kept: bool) -> None:
    row = a_dispatch(owner)
    at = clock.now() - timedelta(hours=1)
    consent.withdraw(contact=row.contact, purpose="reminders", channels=["sms"], how=How(Method.LINK), at=at)
    Dispatch.objects.of(owner.workspace_id).filter(pk=row.pk).update(begun_at=at + timedelta(minutes=minutes))
    found = run("stop", asked)
    assert found.is_kept is is_kept and found.facts["acts"] == 1


def everybody_may(contacts: Any, **_question: Any) -> list[Answer]:
    return [Answer(contact, True, Reason.GROUND, "purposes.reminders") for contact in contacts]


def test_a_gate_that_says_yes_to_everybody_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "decide_many", everybody_may)
    assert not run("reminders", asked).is_kept


def test_a_reminder_sent_twice_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def unwritten(rule: ReminderRule, day: Any, *, at: Any) -> int:
        from amanat.messaging.reminders.models import Reminder

        Reminder.objects.of(rule.workspace_id).delete()
        return original(rule, day, at=at)

    original = carrying.work_out
    monkeypatch.setattr(carrying, "work_out", unwritten)
    assert not run("reminders", asked).is_kept


def test_a_rule_that_works_while_it_is_paused_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def heedless(workspace_id: Any, *, only: Any = None) -> None:
        rule = ReminderRule.objects.of(workspace_id).get(pk=only)
        carrying.work_out(rule, probes._day(asked), at=asked.at)

    monkeypatch.setattr(probes.tasks, "remind_one", heedless)
    assert not run("reminders", asked).is_kept


def test_a_window_that_never_shuts_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "is_window_open", lambda _thread, _at: True)
    assert not run("window", asked).is_kept


def test_a_window_that_never_opens_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saying, "is_window_open", lambda _thread, _at: False)
    assert not run("window", asked).is_kept


def test_an_sms_that_leaves_unregistered_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms, "refusal", lambda _access, _message: None)
    assert not run("sms", asked).is_kept


def test_offers_at_night_are_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "decide", lambda contact, **_question: everybody_may([contact.pk])[0])
    assert not run("sms", asked).is_kept


@pytest.mark.parametrize(
    ("place", "name", "broken"),
    [
        (mail_making, "named", lambda _name, address: f"<{address}>"),
        (unsubscribing, "foot", lambda _link, **_whose: ""),
        (mail_making, "is_address", lambda _text: True),
        (sms, "refusal", lambda _access, _message: None),
    ],
    ids=["no name", "no foot", "from nobody", "unregistered"],
)
def test_a_message_that_hides_whom_it_comes_from_is_seen(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, broken: Any
) -> None:
    monkeypatch.setattr(place, name, broken)
    assert not run("sender", asked).is_kept


def test_a_text_that_lies_open_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "seal", lambda text, **_place: text.encode() or None)
    assert not run("metadata", asked).is_kept


def test_what_outlives_its_person_is_seen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes.deleted, "purge", lambda **_what: 0)
    assert not run("metadata", asked).is_kept


def test_an_offer_that_left_as_something_else_is_seen(asked: Asked, owner: Member) -> None:
    """The gate had said yes, but to a question about another purpose than the text's."""
    now = clock.now()
    row = a_dispatch(owner, state="done", begun_at=now, decided_at=now, rule="purposes.reminders")
    text = TemplateText.objects.of(owner.workspace_id).get()
    Message.objects.of(owner.workspace_id).filter(pk=row.message_id).update(text_of=text)
    assert run("decided", asked).is_kept
    MessageTemplate.objects.of(owner.workspace_id).update(purpose="marketing")
    found = run("decided", asked)
    assert (found.is_kept, found.facts["other"]) == (False, 1)


@pytest.mark.parametrize("answer", [True, False])
def test_a_message_that_is_not_judged_when_it_is_taken_up_is_seen(
    asked: Asked, monkeypatch: pytest.MonkeyPatch, *, answer: bool
) -> None:
    def always(contacts: Any, **_question: Any) -> list[Answer]:
        return [Answer(contact, answer, Reason.GROUND, "purposes.reminders") for contact in contacts]

    monkeypatch.setattr(gate, "decide_many", always)
    assert run("asked_again", asked).facts == {"back": not answer, "goes": answer}
