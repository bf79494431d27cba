"""Mails about a new version: everybody once, in her own language, whatever stops the sweep."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage
from amanat.publishing import mails, tasks
from amanat.publishing.models import PolicyMail
from amanat.publishing.tests.samples import LONGER, NOW, published

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def outbox(settings: Any) -> None:
    """Mails go where they go on a site without a mail server: into the database, with the transaction that sends them."""
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}


@pytest.fixture
def prakash(shree: Workspace) -> Member:
    member = make_member(shree, name="Prakash Jadhav")
    member.user.language = "mr"
    member.user.save()
    return member


@pytest.fixture
def announced(shree: Workspace, prakash: Member) -> Workspace:
    """A version that is kept longer, published on NOW + a day; what the first publication mailed is sent and gone."""
    published(shree)
    mails.send_due(shree, at=NOW)
    LocalMessage.objects.all().delete()
    published(shree, LONGER, at=NOW + DAY)
    return shree


def sweep(at: Any) -> list[str]:
    with clock.standing_at(at):
        tasks.tell_of_versions()
    return sorted(LocalMessage.objects.values_list("to", flat=True))


@pytest.mark.slow
def test_every_member_gets_one_mail_however_often_it_is_swept(announced: Workspace, prakash: Member) -> None:
    everybody = sorted([owner_of(announced).user.email, prakash.user.email])
    assert sweep(NOW + DAY) == everybody
    assert sweep(NOW + DAY + timedelta(minutes=1)) == everybody
    assert mails.waiting() == []


@pytest.mark.slow
def test_the_mail_says_the_day_and_the_new_sentence_in_the_readers_language(
    announced: Workspace, prakash: Member
) -> None:
    sweep(NOW + DAY)
    english = LocalMessage.objects.get(to=owner_of(announced).user.email)
    marathi = LocalMessage.objects.get(to=prakash.user.email)
    assert "21 December 2026" in english.title and "60 days after its account is closed" in english.body
    assert f"/w/{announced.pk}/privacy/versions/2/" in english.body and "Silence is not taken for a yes" in english.body
    assert "६० दिवस" in marathi.body or "60 दिवस" in marathi.body
    assert "60 days" not in marathi.body


@pytest.mark.slow
def test_a_mail_that_cannot_be_sent_comes_later_and_holds_up_no_other(
    announced: Workspace, prakash: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = EmailMessage.send

    def unreachable(message: EmailMessage, *args: Any, **kwargs: Any) -> int:
        if message.to == [prakash.user.email]:
            raise ConnectionRefusedError
        return send(message, *args, **kwargs)

    monkeypatch.setattr(EmailMessage, "send", unreachable)
    assert sweep(NOW + DAY) == [owner_of(announced).user.email]
    monkeypatch.setattr(EmailMessage, "send", send)
    assert len(sweep(NOW + DAY + timedelta(minutes=1))) == 1, "it waits a little longer with each try"
    assert len(sweep(NOW + DAY + timedelta(minutes=2))) == 2


@pytest.mark.slow
def test_a_stop_in_the_middle_of_the_sweep_loses_no_mail_and_sends_none_twice(
    announced: Workspace, prakash: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saved = PolicyMail.save, []

    def stopped(mail: PolicyMail, **kwargs: Any) -> None:
        saved.append(mail)
        if len(saved) == 2:
            raise KeyboardInterrupt
        save(mail, **kwargs)

    monkeypatch.setattr(PolicyMail, "save", stopped)
    with pytest.raises(KeyboardInterrupt), clock.standing_at(NOW + DAY):
        mails.send_due(announced, at=NOW + DAY)
    assert LocalMessage.objects.count() == 1
    assert sweep(NOW + DAY) == sorted([owner_of(announced).user.email, prakash.user.email])


def test_who_left_before_it_was_sent_is_not_written_to(announced: Workspace, prakash: Member) -> None:
    with tenancy.inside(announced):
        Member.objects.of(announced).filter(pk=prakash.pk).update(ended_at=NOW + DAY)
    assert sweep(NOW + DAY) == [owner_of(announced).user.email]
    assert mails.waiting() == []


@pytest.mark.slow
def test_two_sweeps_at_once_send_each_mail_once(committed_db: None, shree: Workspace) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    for number in range(6):
        make_member(shree, name=f"Member {number}")
    published(shree)
    published(shree, LONGER, at=NOW + DAY)

    def run(_number: int) -> int:
        try:
            return mails.send_due(shree, at=NOW + DAY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as threads:
        sent = list(threads.map(run, range(3)))
    with tenancy.inside(shree):
        wanted = PolicyMail.objects.of(shree).filter(version__number=2).count()
        assert PolicyMail.objects.of(shree).filter(version__number=2, sent_at__isnull=False).count() == wanted == 7
    assert sum(sent) == LocalMessage.objects.count()
