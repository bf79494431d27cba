"""Mails about a version: in which order, how long a failed one waits, what each says and to whom it may not go any more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.utils import translation

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage
from amanat.publishing import comparing, mails, versions
from amanat.publishing.models import PolicyMail, PolicyVersion
from amanat.publishing.tests.samples import DETAILS, NOW, REWORDED, SHORTER, SOURCE, published

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def outbox(settings: Any) -> None:
    settings.MAILERS = {"default": {"BACKEND": "amanat.core.outbox.EmailBackend"}}


@pytest.fixture
def version(shree: Workspace) -> PolicyVersion:
    """The first version; what it mailed by itself is gone, so that a test orders its own."""
    row = published(shree)
    with tenancy.inside(shree):
        PolicyMail.objects.of(shree).delete()
    return row


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EmailMessage]]:
    """A mail server that takes nothing; what it was handed."""
    tried: list[EmailMessage] = []

    def refuse(message: EmailMessage, *args: Any, **kwargs: Any) -> int:
        tried.append(message)
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMessage, "send", refuse)
    yield tried


def order(version: PolicyVersion, *, at: datetime = NOW) -> list[PolicyMail]:
    with tenancy.inside(version.workspace_id):
        assert mails.order(version, at=at) == PolicyMail.objects.of(version.workspace_id).count()
        return list(PolicyMail.objects.of(version.workspace_id))


def only(workspace: Workspace) -> PolicyMail:
    with tenancy.inside(workspace):
        return PolicyMail.objects.of(workspace).get()


def waiting_at(at: datetime) -> list[Any]:
    with clock.standing_at(at):
        return mails.waiting()


@pytest.mark.slow
def test_each_failed_try_doubles_the_wait_up_to_an_hour(
    shree: Workspace, version: PolicyVersion, broken: list[EmailMessage]
) -> None:
    order(version)
    at, waits = NOW, []
    for tries in range(1, 9):
        assert mails.send_due(shree, at=at) == 0
        mail = only(shree)
        assert (mail.tries, mail.sent_at, mail.dropped_at) == (tries, None, None)
        waits.append(int((mail.due_at - at) / MINUTE))
        at = mail.due_at
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    assert len(broken) == 8


def test_a_mail_waits_to_its_moment_and_no_longer(shree: Workspace, version: PolicyVersion) -> None:
    order(version, at=NOW + DAY)
    before = NOW + DAY - timedelta(microseconds=1)
    assert (waiting_at(before), mails.send_due(shree, at=before)) == ([], 0)
    assert waiting_at(NOW + DAY) == [shree.pk]
    assert mails.send_due(shree, at=NOW + DAY) == 1
    assert waiting_at(NOW + 9 * DAY) == []
    assert only(shree).sent_at == NOW + DAY


def test_who_waited_longest_is_written_to_first(shree: Workspace, version: PolicyVersion) -> None:
    late, early = make_member(shree, name="Late Member"), make_member(shree, name="Early Member")
    order(version)
    with tenancy.inside(shree):
        rows = PolicyMail.objects.of(shree)
        rows.filter(member=late).update(due_at=NOW + 2 * MINUTE)
        rows.filter(member=early).update(due_at=NOW - MINUTE)
    assert mails.send_due(shree, at=NOW + 2 * MINUTE) == 3
    sent = list(LocalMessage.objects.order_by("id").values_list("to", flat=True))
    assert sent == [early.user.email, owner_of(shree).user.email, late.user.email]


@pytest.mark.parametrize("which", ["left", "closed"])
def test_who_may_not_come_in_any_more_is_dropped_not_written_to(
    shree: Workspace, version: PolicyVersion, which: str
) -> None:
    gone = make_member(shree, name="Gone Member")
    order(version)
    with tenancy.inside(shree):
        if which == "closed":
            gone.user.is_active = False
            gone.user.save()
        else:
            Member.objects.of(shree).filter(pk=gone.pk).update(ended_at=NOW)
    assert mails.send_due(shree, at=NOW) == 1
    with tenancy.inside(shree):
        row = PolicyMail.objects.of(shree).get(member=gone)
        assert (row.dropped_at, row.sent_at, row.tries) == (NOW, None, 0)
        assert not mails.open_of(shree).exists()
    assert not LocalMessage.objects.filter(to=gone.user.email).exists()


def test_the_sweep_of_one_workspace_leaves_the_mails_of_another(
    shree: Workspace, other: Workspace, version: PolicyVersion
) -> None:
    order(version)
    published_there = published(other)
    with tenancy.inside(other):
        PolicyMail.objects.of(other).delete()
    order(published_there)
    assert set(waiting_at(NOW)) == {shree.pk, other.pk}
    assert mails.send_due(other, at=NOW) == 1
    assert waiting_at(NOW) == [shree.pk]
    assert only(shree).sent_at is None


def test_a_mail_has_one_identity_however_often_it_is_tried(
    shree: Workspace, version: PolicyVersion, broken: list[EmailMessage]
) -> None:
    (mail,) = order(version)
    mails.send_due(shree, at=NOW)
    mails.send_due(shree, at=NOW + DAY)
    first, second = (message.extra_headers["Message-ID"] for message in broken)
    assert first == second and str(mail.pk) in first


# --- words ----------------------------------------------------------------------------------------------------------------------


def written(version: PolicyVersion, language: str = "en", closing: str = "") -> tuple[str, str]:
    with tenancy.inside(version.workspace_id), translation.override(language):
        return mails.written(version, language=language, closing=closing)


def test_a_mail_names_workspace_day_number_and_page(shree: Workspace) -> None:
    published(shree)
    row = published(shree, REWORDED, SHORTER, at=NOW + DAY)
    subject, body = written(row)
    assert subject == "The privacy policy of Shree CSC Kendra changes on 21 November 2026"
    assert "Version 2 holds from 21 November 2026. These sentences are new:" in body
    assert body.count("\n– ") == 3 and "– No system can be perfectly secure." in body
    assert mails.address(row) in body and mails.address(row).endswith(f"/w/{shree.pk}/privacy/versions/2/")
    assert body.endswith(".\n") and "\n\n\n" not in body


def test_a_day_in_a_mail_is_the_workspaces_own(shree: Workspace) -> None:
    row = published(shree, at=NOW.replace(hour=20))
    assert "21 November 2026" in written(row)[0]
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(time_zone="UTC")
    assert "20 November 2026" in written(row)[0]


def test_without_a_sentence_that_differs_no_list_is_promised(db: None) -> None:
    told = {name: getattr(DETAILS, name) for name in ("place", "address", "email", "phone")}
    with clock.standing_at(NOW):
        workspace = make_workspace(DETAILS.name, **told)
    _subject, body = written(published(workspace))
    assert "changes. Version 1 holds from 20 November 2026." in body
    assert "These sentences are new" not in body and "– " not in body


def test_a_sentence_that_goes_is_told_as_removed(shree: Workspace) -> None:
    published(shree)
    without = "\n".join(line for line in SOURCE.split("\n") if "no-absolute" not in line)
    row = published(shree, source=without, at=NOW + DAY)
    _subject, body = written(row)
    assert "– Removed: No system is perfectly secure." in body


def test_a_mail_quotes_twelve_sentences_and_leaves_the_rest_to_the_page(shree: Workspace) -> None:
    published(shree)
    many = re.sub(r'(say: "[^"]*)\."', r'\1, as promised."', SOURCE, count=16)
    row = published(shree, source=many, at=NOW + DAY)
    with tenancy.inside(shree):
        before, after = (versions.numbered(shree, number).policy for number in (1, 2))
    differing = [one.after for one in comparing.sentences(before, after, "en") if one.after]
    assert len(differing) > 13
    _subject, body = written(row)
    assert body.count("\n– ") == 12
    assert f"– {differing[11]}\n" in body and differing[12] not in body


def test_a_closing_takes_the_place_of_what_a_member_can_do(version: PolicyVersion) -> None:
    assert "close your account before that day" in written(version)[1]
    body = written(version, closing="Write to us if this is not what you want.")[1]
    assert body.endswith("Write to us if this is not what you want.\n") and "close your account" not in body


@pytest.mark.parametrize(("language", "piece"), [("hi", "नवंबर"), ("mr", "नोव्हेंबर"), ("en", "November")])
def test_a_mail_speaks_the_readers_language(version: PolicyVersion, language: str, piece: str) -> None:
    subject, body = written(version, language)
    assert piece in subject and piece in body
    assert ("Namaste," in body) == (language == "en")


# --- pieces of sentences --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("a b c", "a b c", [("same", "a b c")]),
        ("a b c", "a x c", [("same", "a"), ("gone", "b"), ("new", "x"), ("same", "c")]),
        ("a b", "a b c", [("same", "a b"), ("new", "c")]),
        ("a b c", "b c", [("gone", "a"), ("same", "b c")]),
        ("", "a b", [("new", "a b")]),
        ("a b", "", [("gone", "a b")]),
    ],
)
def test_a_difference_is_told_word_by_word(before: str, after: str, pieces: list[tuple[str, str]]) -> None:
    found = comparing.Difference("c", "h", before, after).pieces
    assert [(one.what, one.text) for one in found] == pieces


@pytest.mark.parametrize(("before", "after", "kind"), [("", "a", "added"), ("a", "", "removed"), ("a", "b", "changed")])
def test_a_difference_says_of_which_kind_it_is(before: str, after: str, kind: str) -> None:
    assert comparing.Difference("c", "h", before, after).kind == kind
