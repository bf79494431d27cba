"""Jobs that ask the provider, against the double: nothing of it happens inside a transaction of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.core.outgoing import Unreachable
from amanat.messaging.channels import accounts, checking, sandboxes, templates
from amanat.messaging.channels.models import ChannelAccount, TemplateText
from amanat.messaging.channels.tests.calls import AT
from amanat.messaging.channels.tests.test_templates import GOOD
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Running]:
    with doubles.whatsapp(tmp_path) as running:
        yield running


def sandbox(shree: Workspace) -> ChannelAccount:
    with tenancy.inside(shree):
        return checking.connect_sandbox(workspace=shree, by=owner_of(shree), at=AT)


def written(owner: Member) -> TemplateText:
    template = templates.make(
        account=None, by=owner, at=AT, name="pan", title="", purpose="service", category="utility", channel="whatsapp"
    )
    return templates.write(template=template, language="en", by=owner, at=AT, **GOOD)


@pytest.mark.slow
def test_one_click_makes_a_number_that_works(shree: Workspace, double: Running) -> None:
    account = sandbox(shree)
    checking.look(shree.pk, account.pk)
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert (account.is_sandbox, account.state, account.quality, account.daily_limit) == (True, "ready", "green", 250)
    number = double.doubles.graph.numbers[account.settings["phone_number_id"]]
    assert number.callback.endswith(f"/w/{shree.pk}/hooks/{account.pk}/")
    assert number.past_until == 0


def test_a_number_that_the_sandbox_forgot_says_who_it_is_when_it_is_used(shree: Workspace, double: Running) -> None:
    account = sandbox(shree)
    double.doubles.graph.numbers.clear()
    checking.look(shree.pk, account.pk)
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert (account.state, account.trouble) == ("ready", "")
    known = double.doubles.graph.numbers[account.settings["phone_number_id"]]
    assert known.past_until > 0  # who wrote before may be answered, for a day


def test_without_the_sandbox_nothing_is_connected(shree: Workspace, double: Running, tmp_path: Path) -> None:
    with doubles.whatsapp(tmp_path / "gone"):
        pass  # its port is free again, and the setting still names it inside the block below
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Unreachable), tenancy.inside(shree):
        patch.setattr(sandboxes.settings, "SANDBOX_URL", "http://127.0.0.1:9", raising=False)
        checking.connect_sandbox(workspace=shree, by=owner_of(shree), at=AT)
    with tenancy.inside(shree):
        assert not ChannelAccount.objects.of(shree).exists()


def test_a_check_that_is_refused_says_why(shree: Workspace, double: Running) -> None:
    account = sandbox(shree)
    double.doubles.graph.numbers[account.settings["phone_number_id"]].token = "changed at the provider"
    checking.look(shree.pk, account.pk)
    with tenancy.inside(shree):
        account.refresh_from_db()
        assert account.state == "broken"
        assert "access token" in account.trouble
        assert checking.look_after(shree.pk, at=AT + timedelta(days=900)) == 1


@pytest.mark.slow
def test_a_text_is_handed_in_and_its_judgement_comes(shree: Workspace, double: Running) -> None:
    double.doubles.graph.settings["approve_after"] = 60
    account = sandbox(shree)
    with tenancy.inside(shree):
        owner = owner_of(shree)
        text = written(owner)
        checking.submit_soon(text=text, by=owner, at=AT)
    checking.submit(shree.pk, text.pk)
    checking.submit(shree.pk, text.pk)  # the job ran twice
    with tenancy.inside(shree):
        text.refresh_from_db()
        access = accounts.access(account)
    assert (text.state, bool(text.provider_id)) == ("submitted", True)
    stored = double.doubles.graph.templates.of(str(access.settings["waba_id"]))[text.provider_id]
    stored.update(status="REJECTED", rejected_reason="INVALID_FORMAT")
    checking.look(shree.pk, account.pk)
    with tenancy.inside(shree):
        found = TemplateText.objects.of(shree).get(pk=text.pk)
    assert (found.state, found.reason) == ("rejected", "INVALID_FORMAT")


def test_a_further_number_of_the_sandbox_belongs_to_the_same_business(shree: Workspace, double: Running) -> None:
    first, second = sandbox(shree), sandbox(shree)
    assert (first.is_default, second.is_default, second.name) == (True, False, "WhatsApp (sandbox) 2")
    assert first.settings["waba_id"] == second.settings["waba_id"]
    assert first.settings["phone_number_id"] != second.settings["phone_number_id"]
    checking.look(shree.pk, second.pk)
    with tenancy.inside(shree):
        second.refresh_from_db()
    assert (second.state, second.daily_limit) == ("ready", 250)


def test_without_a_number_a_text_is_not_handed_in_for_ever(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        text = written(owner)
        with pytest.raises(templates.TemplateRefused, match="Connect a WhatsApp number first"):
            checking.submit_soon(text=text, by=owner, at=AT)
        text.refresh_from_db()
    assert text.state == "draft"
