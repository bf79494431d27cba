"""Who would get what: channel, language, moment, and the reason where nobody would."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method
from amanat.core import ids, tenancy
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import make_contact, make_record
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests.post import write
from amanat.messaging.reminders import planning, values
from amanat.messaging.reminders.dates import Occasion
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.planning import Plan
from amanat.messaging.reminders.tests.factories import agreeing, make_rule, make_template
from amanat.people.models import Contact

DAY = date(2026, 11, 24)  # a Tuesday
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # 06:30 in Nashik
DUE = DAY + timedelta(days=7)
SECOND = timedelta(seconds=1)


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def planned(rule: ReminderRule, *, at: datetime = MORNING, **more: Any) -> list[Plan]:
    return list(planning.plans(rule, DAY, at=at, **more))


def due(owner: Member, contact: Contact) -> ServiceRecord:
    return make_record(owner, contact=contact, due_on=DUE)


def test_a_reminder_is_planned_for_the_hour_of_the_rule_on_the_persons_clock(owner: Member) -> None:
    sunita = agreeing(owner, phone="+919822041736")
    record = due(owner, sunita)
    (plan,) = planned(make_rule(owner.workspace))
    assert plan.is_to_be_sent
    assert (plan.channel, plan.address, plan.occasion.about) == ("sms", "+919822041736", record.pk)
    assert plan.due_at == datetime(2026, 11, 24, 5, 30, tzinfo=UTC)  # 11:00 in Nashik
    assert plan.use_by == datetime(2026, 11, 24, 18, 30, tzinfo=UTC)  # midnight in Nashik
    assert plan.values == ("Sunita", "PAN correction", "1 Dec 2026")
    assert plan.consent_id == ConsentRecord.objects.of(owner.workspace_id).get().pk


def test_a_number_abroad_has_its_own_clock(owner: Member) -> None:
    due(owner, agreeing(owner, phone="+442079460958"))
    (plan,) = planned(make_rule(owner.workspace))
    assert plan.due_at == datetime(2026, 11, 24, 11, 0, tzinfo=UTC)


def test_who_did_not_agree_gets_nothing_and_the_plan_says_why(owner: Member) -> None:
    due(owner, make_contact(owner))
    (plan,) = planned(make_rule(owner.workspace))
    assert not plan.is_to_be_sent and plan.reason == "no_consent"


def test_who_took_it_back_gets_nothing(owner: Member) -> None:
    sunita = agreeing(owner)
    due(owner, sunita)
    consent.withdraw(
        contact=sunita, purpose="reminders", channels=["sms"], how=How(Method.FILE), at=MORNING - timedelta(minutes=1)
    )
    (plan,) = planned(make_rule(owner.workspace))
    assert plan.reason == "suppressed"


def test_the_second_channel_is_taken_where_the_first_is_not_agreed_to(owner: Member) -> None:
    due(owner, agreeing(owner, channels=("sms",)))
    (plan,) = planned(make_rule(owner.workspace, "whatsapp", "sms"))
    assert (plan.step, plan.channel) == (1, "sms")


def test_from_a_later_channel_on_only_that_is_tried(owner: Member) -> None:
    due(owner, agreeing(owner, channels=("whatsapp",)))
    (plan,) = planned(make_rule(owner.workspace, "whatsapp", "sms"), first_step=1)
    assert plan.reason == "no_consent"


@pytest.mark.parametrize(
    ("language", "begins"),
    [("mr", "mr"), ("hi", "hi"), ("", "hi"), ("ta", "hi")],
    ids=["hers", "same", "none", "not there"],
)
def test_the_text_is_in_her_language_else_in_the_workspaces(owner: Member, language: str, begins: str) -> None:
    Workspace.objects.of(owner.workspace_id).update(language="hi")
    sunita = agreeing(owner)
    Contact.objects.of(owner.workspace_id).filter(pk=sunita.pk).update(language=language)
    due(owner, sunita)
    template = make_template(owner.workspace, "sms", languages=("en", "hi", "mr"))
    (plan,) = planned(make_rule(owner.workspace, templates=[template.pk]))
    assert plan.text is not None and plan.text.language == begins


def test_values_read_in_the_language_of_the_text(owner: Member) -> None:
    sunita = agreeing(owner)
    due(owner, sunita)
    template = make_template(owner.workspace, "sms", languages=("hi",))
    (plan,) = planned(make_rule(owner.workspace, templates=[template.pk]))
    assert plan.values[2] != "1 Dec 2026" and "2026" in plan.values[2]


def test_half_a_sentence_is_not_sent(owner: Member) -> None:
    due(owner, agreeing(owner))
    rule = make_rule(owner.workspace)
    TemplateText.objects.of(owner.workspace_id).update(variables=["first_name", "expiry_date", "due_date"])
    (plan,) = planned(rule)
    assert plan.reason == "no_value"


@pytest.mark.parametrize("state", ["draft", "submitted", "rejected", "paused"])
def test_a_text_that_was_not_approved_is_not_sent(owner: Member, state: str) -> None:
    due(owner, agreeing(owner))
    rule = make_rule(owner.workspace)
    TemplateText.objects.of(owner.workspace_id).update(state=state)
    (plan,) = planned(rule)
    assert plan.reason == "no_text"


def test_without_a_number_or_account_it_says_so(owner: Member) -> None:
    sunita = agreeing(owner)
    due(owner, sunita)
    rule = make_rule(owner.workspace)
    Contact.objects.of(owner.workspace_id).filter(pk=sunita.pk).update(main_phone="")
    assert [plan.reason for plan in planned(rule)] == ["no_address"]
    ChannelAccount.objects.of(owner.workspace_id).delete()
    assert [plan.reason for plan in planned(rule)] == ["no_account"]


def test_nobody_gets_more_than_the_rule_allows_in_a_day(owner: Member) -> None:
    sunita = agreeing(owner)
    for _record in range(3):
        due(owner, sunita)
    reasons = [plan.reason for plan in planned(make_rule(owner.workspace, most_a_day=2))]
    assert sorted(reasons) == ["", "", "cap"]


def test_worked_out_too_late_in_the_day_it_is_not_sent_at_night(owner: Member) -> None:
    due(owner, agreeing(owner))
    (plan,) = planned(make_rule(owner.workspace), at=datetime(2026, 11, 24, 17, 30, tzinfo=UTC))  # 23:00 in Nashik
    assert plan.reason == "late"


def test_an_early_hour_waits_for_the_window(owner: Member) -> None:
    due(owner, agreeing(owner))
    rule = make_rule(owner.workspace, at="05:00")
    rule.refresh_from_db()
    (plan,) = planned(rule, at=datetime(2026, 11, 23, 23, 0, tzinfo=UTC))  # 04:30
    assert plan.is_to_be_sent and plan.due_at is not None
    assert plan.due_at == datetime(2026, 11, 24, 2, 30, tzinfo=UTC)  # 08:00, when the window for service opens


@pytest.mark.slow
def test_the_same_number_of_statements_for_one_and_for_fifty(owner: Member) -> None:
    rule = make_rule(owner.workspace)
    counts = []
    for people in (1, 49):
        for _one in range(people):
            due(owner, agreeing(owner))
        with CaptureQueriesContext(
            connection,
        ) as seen:
            planned(rule)
        counts.append(len(seen))
    assert counts[0] == counts[1]


SMS = ChannelAccount(channel="sms")
MR, EN = TemplateText(language="mr"), TemplateText(language="en")


def answered(reason: gate.Reason) -> gate.Answer:
    return gate.Answer(ids.new(), reason is gate.Reason.CONSENT, reason, "purposes.reminders")


def test_of_several_reasons_the_first_is_told_and_an_hour_is_none() -> None:
    """Each that is mended shows the one behind it."""
    known: dict[str, Any] = {
        "account": None, "text": None, "address": "", "answer": None, "read": ["Asha", ""], "is_late": True,
    }  # fmt: skip
    told = []
    for mended in (
        {}, {"account": SMS}, {"text": EN}, {"address": "+919822041736"}, {"answer": answered(gate.Reason.OBJECTION)},
        {"answer": answered(gate.Reason.CONSENT)}, {"read": ["Asha", "1 Dec"]}, {"is_late": False},
        {"answer": answered(gate.Reason.NOT_NOW)},
    ):  # fmt: skip
        known |= mended
        told.append(planning.against(**known))
    assert told == ["no_account", "no_text", "no_address", "no_purpose", "objection", "no_value", "late", "", ""]


@pytest.mark.parametrize(
    ("texts", "languages", "found"),
    [
        ([MR, EN], ("mr", "en"), MR),
        ([EN, MR], ("hi", "mr"), MR),
        ([MR, EN], ("hi", "ta"), EN),
        ([MR], ("hi", "ta"), MR),
        ([], ("hi", "en"), None),
    ],
    ids=["hers", "second", "english", "any", "none"],
)
def test_the_first_language_there_is(texts: list[TemplateText], languages: tuple[str, ...], found: object) -> None:
    assert planning.text_for({text.language: text for text in texts}, *languages) is found


def test_a_way_has_the_approved_texts_of_its_own_template_and_an_account(owner: Member) -> None:
    """Of the second the template was ended, the third has one of another channel."""
    here = owner.workspace
    good, ended, wrong = (
        make_template(here, channel, languages=("en", "hi")) for channel in ("sms", "whatsapp", "sms")
    )
    own = ChannelAccount.objects.create(
        workspace_id=here.pk, channel="sms", provider="test", name="second", address="SHRTWO", is_default=False
    )
    rule = make_rule(here, "sms", "whatsapp", "email", templates=[good.pk, ended.pk, wrong.pk])
    MessageTemplate.objects.of(here).filter(pk=good.pk).update(account=own)
    MessageTemplate.objects.of(here).filter(pk=ended.pk).update(ended_at=MORNING)
    TemplateText.objects.of(here).filter(template=good, language="hi").update(state="rejected")
    found = [
        (way.step, way.channel, sorted(way.texts), way.title, way.account and way.account.name)
        for way in planning.ways(rule)
    ]
    assert found == [
        (0, "sms", ["en"], "Something is due", "second"),
        (1, "whatsapp", [], "", "whatsapp"),
        (2, "email", [], "Something is due", "email"),
    ]


def test_what_somebody_had_today_is_counted_as_far_as_it_may_have_come(owner: Member) -> None:
    """Not what is for another day, came to nothing, or was no reminder; and of each person her own."""
    sunita, ravi = agreeing(owner), agreeing(owner, "Ravi Rao", phone="+919822041799")
    due(owner, sunita)
    rule = make_rule(owner.workspace, most_a_day=2)
    account = ChannelAccount.objects.of(owner.workspace_id).get()
    midnight = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)  # in Nashik
    counted = [{}, {"due_at": midnight}]
    passed = [
        {"due_at": midnight - SECOND}, {"due_at": midnight + timedelta(days=1)}, {"state": "refused"}, {"state": "dropped"},
        {"state": "dead"}, {"delivery": "failed"}, {"source": "batch"}, {"contact": ravi},
    ]  # fmt: skip

    def sent(**known: Any) -> None:
        message = write(known.get("contact", sunita), account)
        values = {"contact": sunita, "source": "reminder", "state": "done", "due_at": MORNING, "channel": "sms"} | known
        Dispatch.objects.create(
            workspace_id=owner.workspace_id,
            message=message,
            account=account,
            address="x",
            purpose="reminders",
            source_id=ids.new(),
            **values,
        )

    for one in (*passed, counted[0]):
        sent(**one)
    assert [plan.reason for plan in planned(rule)] == [""]
    sent(**counted[1])
    assert [plan.reason for plan in planned(rule)] == ["cap"]
    assert [plan.reason for plan in planned(rule, first_step=0, only=[Occasion(ids.new(), ids.new(), DUE)])] == []


def test_labels_of_what_nobody_knows_and_none_without_a_text() -> None:
    occasion, contact = Occasion(ids.new(), ids.new(), DUE), Contact()
    text = TemplateText(variables=["first_name", "due_date"])
    assert Plan(occasion, contact).missing == []
    assert Plan(occasion, contact, text=text, values=("Asha", "")).missing == [str(values.ALL["due_date"].label)]


def test_of_nothing_nothing_is_asked(owner: Member) -> None:
    with CaptureQueriesContext(connection) as seen:
        assert planning.changed(owner.workspace_id, []) == set()
    assert len(seen) == 0


def test_where_no_channel_is_left_the_first_reason_is_told(owner: Member) -> None:
    sunita = make_contact(owner, phone="")
    due(owner, sunita)
    Contact.objects.of(owner.workspace_id).filter(pk=sunita.pk).update(main_phone="+919822041736", main_email="")
    rule = make_rule(owner.workspace, "sms", "email")
    assert [(plan.reason, plan.step) for plan in planned(rule)] == [("no_consent", 0)]
    assert [(plan.reason, plan.step) for plan in planned(rule, first_step=1)] == [("no_address", 1)]
    assert [plan.reason for plan in planned(rule, first_step=2)] == ["no_account"]


@pytest.mark.parametrize(
    ("before", "reason"), [(SECOND, ""), (timedelta(), "late")], ids=["a second before", "midnight"]
)
def test_at_midnight_the_day_is_over(owner: Member, before: timedelta, reason: str) -> None:
    """No window stands against an e-mail."""
    due(owner, agreeing(owner, channels=("email",), emails=[("sunita@example.in", "")]))
    midnight = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
    assert [plan.reason for plan in planned(make_rule(owner.workspace, "email"), at=midnight - before)] == [reason]


def test_a_message_of_no_template_cannot_be_outdated(owner: Member) -> None:
    sunita = agreeing(owner)
    make_rule(owner.workspace)
    account = ChannelAccount.objects.of(owner.workspace_id).get()
    row = Dispatch(workspace_id=owner.workspace_id, message=write(sunita, account), account=account)
    reminder = Reminder(workspace_id=owner.workspace_id, contact=sunita, about=sunita.pk, on_day=DUE)
    assert planning.changed(owner.workspace_id, [(row, reminder)]) == set()


def test_an_hour_at_which_nobody_may_be_written_to_is_what_is_said(owner: Member) -> None:
    due(owner, agreeing(owner))
    assert [plan.reason for plan in planned(make_rule(owner.workspace, at=time(23)))] == ["not_now"]


def test_rules_take_their_turn_by_their_hour_and_of_one_hour_always_alike() -> None:
    first, second, late = (ReminderRule(at=time(hour)) for hour in (9, 9, 17))
    first.pk, second.pk = sorted((first.pk, second.pk))
    assert planning.in_turn([late, second, first]) == [first, second, late]


def test_the_day_of_a_person_is_counted_by_the_clock_of_the_workspace(owner: Member) -> None:
    """Sent at half past ten in the evening before, in New York; in Nashik it is the day itself."""
    sunita = agreeing(owner)
    due(owner, sunita)
    rule = make_rule(owner.workspace, most_a_day=1)
    account = ChannelAccount.objects.of(owner.workspace_id).get()
    Dispatch.objects.create(
        workspace_id=owner.workspace_id, message=write(sunita, account), account=account, contact=sunita, address="x",
        channel="sms", purpose="reminders", source="reminder", source_id=ids.new(), state="done",
        due_at=datetime(2026, 11, 24, 3, 30, tzinfo=UTC),
    )  # fmt: skip
    assert [plan.reason for plan in planned(rule)] == ["cap"]
    Workspace.objects.of(owner.workspace_id).update(time_zone="America/New_York")
    assert [plan.reason for plan in planned(rule)] == [""]


def test_people_of_several_clocks_in_any_order_are_asked_about_each_at_her_own_hour(owner: Member) -> None:
    phones = ("+919822041701", "+442079460958", "+919822041702")
    for number, phone in enumerate(phones):
        due(owner, agreeing(owner, f"Asha {number}", phone=phone))
    found = {plan.address: plan.due_at for plan in planned(make_rule(owner.workspace))}
    noon = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
    assert found == dict.fromkeys(phones, noon - timedelta(hours=5, minutes=30)) | {phones[1]: noon}


def test_a_purpose_that_the_policy_does_not_have_is_what_is_said(owner: Member) -> None:
    due(owner, agreeing(owner))
    assert [plan.reason for plan in planned(make_rule(owner.workspace, purpose="selling"))] == ["no_purpose"]
