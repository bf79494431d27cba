"""The pages of reminders: rules made and changed, a day looked at, approval; who may do what."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk.tests.factories import make_contact, make_record, make_service
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, day_views, setting, tasks
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.tests.factories import agreeing, make_account, make_rule, make_template
from amanat.people.models import Contact, CustomField
from amanat.people.tests.factories import narrow_member

MORNING = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
DAY = date(2026, 11, 24)
DUE = DAY + timedelta(days=7)


@pytest.fixture(autouse=True)
def morning() -> Any:
    with clock.standing_at(MORNING):
        yield


@pytest.fixture
def owner(db: None, shree: Workspace) -> Member:
    with tenancy.inside(shree):
        return owner_of(shree)


@pytest.fixture
def client(owner: Member) -> Client:
    return signed_in(owner)


def filled(owner: Member, **changes: Any) -> dict[str, Any]:
    """What the form of a rule sends."""
    with tenancy.inside(owner.workspace_id):
        make_account(owner.workspace, "sms")
        template = make_template(owner.workspace, "sms")
    return {
        "name": "Insurance runs out", "on": "service_expiry", "field": "", "service": "", "days": "7", "side": "before",
        "at": "11:00", "fallback_hours": "6", "most_a_day": "2", "purpose": "reminders", "needs_approval": "on",
        "template_1": str(template.pk), "template_2": "", "template_3": "",
    } | changes  # fmt: skip


def rules(owner: Member) -> list[ReminderRule]:
    with tenancy.inside(owner.workspace_id):
        return list(ReminderRule.objects.of(owner.workspace_id))


def waiting_rounds() -> list[str]:
    """The rules that wait to be worked out soon."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>'rule' FROM procrastinate_jobs WHERE task_name = %s AND status = 'todo'", [setting.ROUND]
        )
        return [rule for (rule,) in cursor.fetchall()]


def test_without_rules_the_page_says_what_it_is_for(client: Client) -> None:
    assert "No reminders yet" in client.get("/reminders/").content.decode()


def test_a_rule_is_made_paused_and_then_let_to_work(client: Client, owner: Member) -> None:
    answer = client.post("/reminders/new/", filled(owner))
    (rule,) = rules(owner)
    assert answer.status_code == 303 and answer["Location"] == f"/reminders/{rule.pk}/"
    assert (rule.on, rule.days, rule.channels, rule.is_paused) == ("service_expiry", -7, ["sms"], True)
    assert "7 days before: A service runs out" in client.get("/reminders/").content.decode()
    client.post(f"/reminders/{rule.pk}/resume/")
    (rule,) = rules(owner)
    assert not rule.is_paused and rule.last_day == DAY
    assert waiting_rounds() == [str(rule.pk)]
    assert client.post(f"/reminders/{rule.pk}/edit/", filled(owner)).status_code == 303
    assert waiting_rounds() == [str(rule.pk)]  # one that waits is enough


def test_two_who_change_a_rule_at_once_do_not_undo_each_other(client: Client, owner: Member) -> None:
    client.post("/reminders/new/", filled(owner))
    edit = f"/reminders/{rules(owner)[0].pk}/edit/"
    seen = {"seen": re.findall(r'name="seen" value="([0-9a-f]{64})"', client.get(edit).content.decode())[0]}
    assert client.post(edit, filled(owner, name="Ends soon", **seen)).status_code == 303
    refused = client.post(edit, filled(owner, days="9", **seen))
    page = refused.content.decode()
    assert refused.status_code == 422 and "meanwhile: Ends soon, 7 days before: A service runs out" in page
    assert rules(owner)[0].days == -7
    seen = {"seen": re.findall(r'name="seen" value="([0-9a-f]{64})"', page)[0]}
    assert client.post(edit, filled(owner, days="9", **seen)).status_code == 303
    assert rules(owner)[0].days == -9


def test_sent_twice_it_is_one_rule(client: Client, owner: Member) -> None:
    page = client.get("/reminders/new/").content.decode()
    name, key = re.findall(r'name="([a-z_]*once[a-z_]*)" value="([^"]+)"', page)[0]
    form = filled(owner, **{name: key})
    assert [client.post("/reminders/new/", form).status_code for _again in range(2)] == [303, 303]
    assert len(rules(owner)) == 1


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": ""}, "This field is required"),
        ({"days": "-1"}, "greater than or equal to 0"),
        ({"days": "900"}, "less than or equal to 400"),
        ({"on": "field"}, "Choose the field that holds the date."),
        ({"quiet_days": ["0", "1", "2", "3", "4", "5", "6"]}, "One day must be left."),
        ({"purpose": "nothing"}, "Select a valid choice"),
        ({"template_1": ""}, "This field is required"),
        ({"template_1": "0198f0a0-0000-7000-8000-000000000000"}, "Select a valid choice"),
        ({"at": "25:00"}, "Enter a valid time"),
    ],
)
def test_a_wrong_rule_is_refused_in_words_at_its_place(
    client: Client, owner: Member, changes: dict[str, Any], words: str
) -> None:
    answer = client.post("/reminders/new/", filled(owner, **changes))
    assert answer.status_code == 422 and words in answer.content.decode()
    assert rules(owner) == []


def test_a_text_for_another_purpose_is_refused_at_its_field(client: Client, owner: Member) -> None:
    form = filled(owner)
    with tenancy.inside(owner.workspace_id):
        MessageTemplate.objects.of(owner.workspace_id).update(purpose="marketing")
    answer = client.post("/reminders/new/", form)
    assert answer.status_code == 422 and answer.context["form"].errors.keys() == {"template_1"}
    assert "another purpose than the rule" in answer.content.decode() and rules(owner) == []


def test_a_channel_that_the_purpose_does_not_name_is_refused(client: Client, owner: Member) -> None:
    form = filled(owner)
    with tenancy.inside(owner.workspace_id):
        make_account(owner.workspace, "sms")
        second = make_template(owner.workspace, "sms")
    answer = client.post("/reminders/new/", form | {"template_2": str(second.pk)})
    assert answer.status_code == 422 and "Each channel only once." in answer.content.decode()


def test_a_rule_is_changed_paused_and_ended(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace)
        make_record(owner, contact=agreeing(owner), due_on=DUE)
        carrying.work_out(rule, DAY, at=MORNING)
    form = filled(owner, name="Another name", days="3", side="after", on="unpaid")
    assert client.post(f"/reminders/{rule.pk}/edit/", form).status_code == 303
    (changed,) = rules(owner)
    assert (changed.name, changed.days, changed.on) == ("Another name", 3, "unpaid")
    client.post(f"/reminders/{rule.pk}/pause/")
    with tenancy.inside(owner.workspace_id):
        assert [(each.state, each.reason) for each in Dispatch.objects.of(owner.workspace_id)] == [
            ("dropped", "rule_paused")
        ]
        (left,) = Reminder.objects.of(owner.workspace_id)
        assert (left.state, left.reason) == ("skipped", "rule_paused"), "the day says so at once"
    client.post(f"/reminders/{rule.pk}/end/")
    assert client.get(f"/reminders/{rule.pk}/").status_code == 404


def a_day(owner: Member) -> ReminderRule:
    """One who agreed and one who did not, both due in a week."""
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace, needs_approval=True)
        make_record(owner, contact=agreeing(owner, "Sunita Deshmukh"), due_on=DUE)
        make_record(owner, contact=make_contact(owner, "Ravi Patil"), due_on=DUE)
    return rule


def test_a_day_to_come_shows_who_gets_what_and_who_not_and_why(client: Client, owner: Member) -> None:
    a_day(owner)
    page = client.get(f"/reminders/day/?on={DAY}").content.decode()
    going, _mark, rest = page.partition("Not sent, and why")
    assert "Sunita Deshmukh" in going and "Namaste Sunita, PAN correction is due on 1 Dec 2026." in going
    assert "Ravi Patil" in rest and "Was not asked yet" in rest
    with tenancy.inside(owner.workspace_id):
        assert not Reminder.objects.of(owner.workspace_id).exists()


@pytest.mark.slow
def test_what_waits_is_approved_or_left_out(client: Client, owner: Member) -> None:
    rule = a_day(owner)
    with tenancy.inside(owner.workspace_id):
        carrying.work_out(rule, DAY, at=MORNING)
        waiting = Reminder.objects.of(owner.workspace_id).get(state="waits")
    assert "Wait for approval" in client.get("/reminders/day/").content.decode()
    assert "waits for your approval" in client.get("/reminders/").content.decode()
    client.post("/reminders/approve/", {"id": [str(waiting.pk)], "what": "send"})
    with tenancy.inside(owner.workspace_id):
        assert Dispatch.objects.of(owner.workspace_id).count() == 1
    page = client.get("/reminders/day/").content.decode()
    assert "Wait for approval" not in page and "Sunita Deshmukh" in page


@pytest.mark.slow
def test_more_than_are_shown_are_sent_at_once(client: Client, owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_views, "MOST", 1)
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace, needs_approval=True)
        for name in ("Asha", "Balu", "Chitra"):
            make_record(owner, contact=agreeing(owner, name), due_on=DUE)
        carrying.work_out(rule, DAY, at=MORNING)
    page = client.get("/reminders/day/").content.decode()
    assert "Send all 3" in page and "Asha" in page and "Balu" not in page
    client.post("/reminders/approve/", {"all": "1"})
    with tenancy.inside(owner.workspace_id):
        assert Dispatch.objects.of(owner.workspace_id).count() == 3
    assert "Send all" not in client.get("/reminders/day/").content.decode()


def test_of_one_rule_all_is_all_of_that_rule(client: Client, owner: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_views, "MOST", 1)
    with tenancy.inside(owner.workspace_id):
        for name in ("Asha", "Balu"):
            make_record(owner, contact=agreeing(owner, name), due_on=DUE)
        rules = [make_rule(owner.workspace, needs_approval=True, most_a_day=5) for _number in range(3)]
        for rule in rules:
            carrying.work_out(rule, DAY, at=MORNING)
        setting.pause(rule=rules[2], by=owner, at=MORNING)
    assert "Send all 4" in client.get("/reminders/day/").content.decode()  # not what waits of a paused rule
    page = client.get(f"/reminders/day/?rule={rules[0].pk}").content.decode()
    assert "Send all 2" in page and f'name="rule" value="{rules[0].pk}"' in page
    answer = client.post("/reminders/approve/", {"all": "1", "rule": str(rules[0].pk)})
    assert answer["Location"] == f"/reminders/day/?rule={rules[0].pk}"
    with tenancy.inside(owner.workspace_id):
        ordered = Reminder.objects.of(owner.workspace_id).filter(state="ordered")
        assert set(ordered.values_list("rule", flat=True)) == {rules[0].pk} and ordered.count() == 2


def test_who_approves_second_or_ticks_nobody_is_told_so(client: Client, owner: Member) -> None:
    rule = a_day(owner)
    with tenancy.inside(owner.workspace_id):
        carrying.work_out(rule, DAY, at=MORNING)
        waiting = Reminder.objects.of(owner.workspace_id).get(state="waits")
    said = [
        client.post("/reminders/approve/", given, follow=True).content.decode()
        for given in ({"what": "send"}, *[{"id": [str(waiting.pk)], "what": "send"}] * 2)
    ]
    assert "Nobody is ticked" in said[0] and "1 reminder is on its way" in said[1]
    assert "Nothing of it waits any more" in said[2] and "0 reminders" not in said[2]
    with tenancy.inside(owner.workspace_id):
        assert Dispatch.objects.of(owner.workspace_id).count() == 1


def test_what_nobody_approved_on_its_day_is_left_out_and_says_so(client: Client, owner: Member) -> None:
    rule, yesterday = a_day(owner), DAY - timedelta(days=1)
    with tenancy.inside(owner.workspace_id):
        carrying.work_out(rule, DAY, at=MORNING)
        Reminder.objects.of(owner.workspace_id).filter(state="waits").update(day=yesterday)
    assert "Send the ticked" not in client.get(f"/reminders/day/?on={yesterday}").content.decode()
    assert "for your approval" not in client.get("/reminders/").content.decode()
    tasks.remind_one(owner.workspace_id)
    with tenancy.inside(owner.workspace_id):
        kept = Reminder.objects.of(owner.workspace_id).get(day=yesterday)
        assert (kept.state, kept.reason) == ("skipped", "unapproved")
    assert "Nobody approved it on its day" in client.get(f"/reminders/day/?on={yesterday}").content.decode()


def test_a_rule_with_fewer_channels_than_before_still_shows_its_day(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace, "whatsapp", "sms")
        make_record(owner, contact=agreeing(owner, "Sunita Deshmukh", channels=("sms",)), due_on=DUE)
        carrying.work_out(rule, DAY, at=MORNING)
        ReminderRule.objects.of(owner.workspace_id).update(channels=["whatsapp"], templates=rule.templates[:1])
    page = client.get("/reminders/day/")
    assert page.status_code == 200 and "Sunita Deshmukh" in page.content.decode()


@pytest.mark.parametrize("query", ["on=nonsense", "on=9999-12-31", "rule=nonsense", "on=2026-02-30"])
def test_nonsense_in_the_address_is_no_error(client: Client, owner: Member, query: str) -> None:
    a_day(owner)
    assert client.get(f"/reminders/day/?{query}").status_code == 200


def test_agents_see_reminders_of_their_people_and_set_none(owner: Member) -> None:
    rule = a_day(owner)
    with tenancy.inside(owner.workspace_id):
        carrying.work_out(rule, DAY, at=MORNING)
        agent = narrow_member(owner.workspace)
    client = signed_in(agent)
    page = client.get("/reminders/day/").content.decode()
    assert "Sunita" not in page and "Ravi" not in page
    refused = [client.post(f"/reminders/{rule.pk}/{act}/").status_code for act in ("pause", "resume", "end", "try")]
    assert refused == [403] * 4 and client.get("/reminders/new/").status_code == 403


def test_an_auditor_reads_only(owner: Member) -> None:
    rule = a_day(owner)
    with tenancy.inside(owner.workspace_id):
        auditor = make_member(owner.workspace, role=Role.AUDITOR)
    client = signed_in(auditor)
    page = client.get(f"/reminders/{rule.pk}/").content.decode()
    assert "End this rule" not in page
    assert client.post("/reminders/approve/", {"all": "1"}).status_code == 403


def test_another_workspace_sees_nothing_of_it(owner: Member, other: Workspace) -> None:
    rule = a_day(owner)
    with tenancy.inside(other):
        stranger = owner_of(other)
    client = signed_in(stranger)
    assert client.get(f"/reminders/{rule.pk}/").status_code == 404
    assert "Sunita" not in client.get(f"/reminders/day/?on={DAY}").content.decode()


def test_services_of_the_catalogue_can_be_chosen(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        service = make_service(owner.workspace, "Passport")
    client.post("/reminders/new/", filled(owner, service=str(service.pk)))
    (rule,) = rules(owner)
    assert rule.service_id == service.pk
    assert "(Passport)" in client.get("/reminders/").content.decode()


def test_the_page_of_a_rule_says_what_is_sent_over_which_channel(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace, "whatsapp", "sms", quiet_days=[6], fallback_hours=3)
    page = client.get(f"/reminders/{rule.pk}/").content.decode()
    assert "Sunday" in page and "Not delivered within 3 hours" in page
    assert page.count("en: Namaste Sunita, PAN correction is due on 30 Nov 2026.") == 2 and "English" in page
    with tenancy.inside(owner.workspace_id):
        ChannelAccount.objects.of(owner.workspace).filter(channel="sms").delete()
    assert "No number or mailbox is connected" in client.get(f"/reminders/{rule.pk}/").content.decode()


@pytest.mark.slow
def test_what_waits_shows_its_words_its_hour_and_its_ground(client: Client, owner: Member) -> None:
    rule = a_day(owner)
    with tenancy.inside(owner.workspace_id):
        carrying.work_out(rule, DAY, at=MORNING)
    waiting, _mark, _rest = client.get("/reminders/day/").content.decode().partition("Goes out")
    assert "Namaste Sunita, PAN correction is due on 1 Dec 2026." in waiting
    assert "11:00" in waiting and "agreed on" in waiting
    with tenancy.inside(owner.workspace_id):
        Contact.objects.of(owner.workspace).filter(name="Sunita Deshmukh").update(main_phone="")
    assert "It would not be sent now: No number or e-mail address" in client.get("/reminders/day/").content.decode()


def test_a_value_that_is_missing_is_named(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        make_rule(owner.workspace, on="follow_up", days=0, needs_approval=True)
        contact = agreeing(owner)
        Contact.objects.of(owner.workspace).filter(pk=contact.pk).update(follow_up_on=DAY)
    page = client.get(f"/reminders/day/?on={DAY}").content.decode()
    assert "A value for the text is missing: Service, Day the service is due" in page


@pytest.mark.parametrize(("on", "is_refused"), [("birthday", True), ("service_due", False), ("follow_up", False)])
def test_a_text_about_a_service_is_not_for_a_persons_own_date(
    client: Client, owner: Member, on: str, is_refused: bool
) -> None:
    answer = client.post("/reminders/new/", filled(owner, on=on))
    assert ("This text speaks of a service" in answer.content.decode()) is is_refused


def test_a_rule_names_the_own_field_it_looks_at(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        CustomField.objects.create(
            workspace_id=owner.workspace_id, on="contact", kind="date", key="insured_until", label="Insurance until"
        )
        rule = make_rule(owner.workspace, on="field", field="insured_until", days=-7)
        agreeing(owner, custom={"insured_until": (DAY + timedelta(days=7)).isoformat()})
    for page in ("/reminders/", f"/reminders/{rule.pk}/", f"/reminders/day/?on={DAY + timedelta(days=0)}"):
        assert "7 days before: Insurance until" in client.get(page).content.decode()


def test_an_hour_at_which_nobody_may_be_written_to_is_refused_and_named(client: Client, owner: Member) -> None:
    answer = client.post("/reminders/new/", filled(owner, at="21:30"))
    assert (answer.status_code, rules(owner)) == (422, [])
    assert "nobody may be written to for this purpose from 21:00 on" in answer.content.decode()


def test_the_list_of_rules_says_how_many_were_not_sent(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace)
        make_record(owner, contact=make_contact(owner, "Deepa"), due_on=DUE)
        carrying.work_out(rule, DAY, at=MORNING)
    assert '<td class="number phone-hide">1</td></tr>' in client.get("/reminders/").content.decode()


def test_what_the_provider_has_and_nobody_got_yet_says_so(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        rule = make_rule(owner.workspace)
        make_record(owner, contact=agreeing(owner, language="ta"), due_on=DUE)
        carrying.work_out(rule, DAY, at=MORNING)
        labels = []
        for values in ({}, {"state": "done", "delivery": "sent", "sent_at": MORNING}):
            Dispatch.objects.of(owner.workspace_id).update(**values)
            labels.append([str(line.label) for line in client.get("/reminders/day/").context["going"]])
    assert labels == [["To be sent"], ["Sent, not delivered yet"]]


def test_a_text_in_another_language_than_the_persons_says_so_beforehand(client: Client, owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        make_rule(owner.workspace)
        for language in ("ta", "en"):
            make_record(owner, contact=agreeing(owner, f"Asha {language}", language=language), due_on=DUE)
    going = client.get("/reminders/day/").context["going"]
    assert [(line.contact.name, line.language) for line in going] == [("Asha ta", "English"), ("Asha en", "")]


def test_a_day_too_far_away_says_which_is_the_furthest(client: Client, owner: Member) -> None:
    page = client.get("/reminders/day/?on=2036-01-01").content.decode()
    assert "this is the furthest" in page and f"{DAY + timedelta(days=day_views.MOST_DAYS):%Y}" in page


@pytest.mark.parametrize(("days", "told"), [(-7, "Saturday, 28 November"), (7, "Monday, 30 November")])
def test_a_quiet_day_says_so_and_when_it_is_told_instead(client: Client, owner: Member, days: int, told: str) -> None:
    with tenancy.inside(owner.workspace_id):
        make_rule(owner.workspace, name="Insurance", quiet_days=[6], days=days)
        make_rule(owner.workspace, name="Visits", days=days)
    page = client.get("/reminders/day/?on=2026-11-29").content.decode()
    assert f"Sunday: “Insurance” writes to nobody. What falls on this day is told on {told}." in page
    assert "“Visits” writes" not in page and "writes to nobody" not in client.get("/reminders/day/").content.decode()
