"""Failing backups are told to the owners of the installation, and to nobody else."""

import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.utils import translation

from amanat.accounts import operating, tasks
from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.core import clock, jobs, safekeeping, tenancy
from amanat.core.configuration import Configuration
from amanat.core.safekeeping import Archive, Nightly

JOBS = "/settings/jobs/"
FAILED = "The last nightly backup failed."


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of backups of the test's own, and mail that can be looked at."""
    embedded: Configuration = dataclasses.replace(settings.CONFIGURATION, backup_folder=tmp_path, database_url="")
    settings.CONFIGURATION = embedded
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}


def say(settings: Any, **fields: str) -> None:
    begun = (clock.now() - timedelta(days=3)).isoformat()
    state = Nightly(since=begun, made_at=clock.now().isoformat())
    for name, value in fields.items():
        setattr(state, name, value)
    safekeeping.nightly_file(settings.CONFIGURATION).write_text(safekeeping.as_text(state))


@pytest.fixture
def failing(settings: Any) -> None:
    say(settings, problem="There is no room at /srv/backups.")


def page(member: Member) -> str:
    answer = factories.signed_in(member).get(JOBS)
    assert answer.status_code == 200
    return answer.content.decode()


def addresses() -> list[str]:
    return sorted(message.to[0] for message in mail.outbox)


def test_the_page_of_jobs_tells_the_owner_of_the_first_workspace(failing: None, shree: Workspace) -> None:
    shown = page(factories.owner_of(shree))
    assert FAILED in shown
    assert "./run doctor" in shown
    assert "/srv/backups" not in shown  # the reason names folders of the machine: it stays there


def test_other_workspaces_of_the_installation_do_not_hear_of_it(
    failing: None, shree: Workspace, other: Workspace
) -> None:
    assert FAILED not in page(factories.owner_of(other))
    assert operating.troubles_for(shree) == [FAILED]
    assert operating.troubles_for(other) == []


def test_when_all_is_well_nobody_is_told_anything(settings: Any, shree: Workspace) -> None:
    say(settings)
    assert "notice-marigold" not in page(factories.owner_of(shree))
    assert operating.tell() == 0
    assert mail.outbox == []


def test_each_owner_gets_one_mail_and_nobody_else_does(failing: None, shree: Workspace, other: Workspace) -> None:
    first = factories.owner_of(shree).user.email
    with tenancy.inside(shree):
        second = factories.make_member(shree, Role.OWNER, name="Om Two")
        factories.make_member(shree, Role.MANAGER, name="Not An Owner")
        gone = factories.make_member(shree, Role.OWNER, name="Was An Owner")
        Member.objects.of(shree).filter(pk=gone.pk).update(ended_at=clock.now())
    assert operating.tell() == 2
    assert addresses() == sorted([first, second.user.email])
    assert FAILED in mail.outbox[0].body
    assert mail.outbox[0].subject == "Amanat is not being backed up"


def test_a_user_who_was_switched_off_gets_none(failing: None, shree: Workspace) -> None:
    user = factories.owner_of(shree).user
    user.is_active = False
    user.save()
    assert operating.tell() == 0


def test_each_in_the_language_of_hers(failing: None, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    user = factories.owner_of(shree).user
    user.language = "hi"
    user.save()
    used: list[str] = []

    def noted(code: str) -> Any:
        used.append(code)
        return translation.override(code)

    monkeypatch.setattr(operating, "override", noted)
    assert operating.tell() == 1
    assert used == ["hi"]


def test_a_language_that_is_gone_does_not_keep_the_mail_back(failing: None, shree: Workspace) -> None:
    user = factories.owner_of(shree).user
    user.language = ""
    user.save()
    assert operating.tell() == 1


def test_the_archive_is_told_of_too(settings: Any, shree: Workspace) -> None:
    say(settings)
    begun = (clock.now() - timedelta(hours=2)).isoformat()
    path = safekeeping.archive_file(settings.CONFIGURATION)
    path.parent.mkdir()
    path.write_text(safekeeping.as_text(Archive(since=begun, newest=begun)))
    assert operating.troubles_for(shree) == ["The archive, from which any moment can be restored, has come to a stop."]
    assert operating.tell() == 1


def test_a_clock_moved_for_a_demonstration_makes_no_trouble(settings: Any, shree: Workspace) -> None:
    say(settings)
    moved = dataclasses.replace(settings.CONFIGURATION, time_offset=86400 * 90)
    settings.CONFIGURATION = moved
    with clock.standing_at(clock.now() + timedelta(days=90)):
        assert operating.troubles_for(shree) == []
    settings.CONFIGURATION = dataclasses.replace(moved, time_offset=0)
    with clock.standing_at(clock.now() + timedelta(days=90)):
        assert operating.troubles_for(shree) == ["No backup was made for more than a day."]


def test_without_a_workspace_there_is_nobody_to_tell(failing: None, db: None) -> None:
    assert operating.tell() == 0


def test_the_job_of_each_morning_does_it(failing: None, shree: Workspace) -> None:
    job = jobs.registered()["accounts.tell_of_backups"]
    assert job.purpose == "Mail the owners when backups fail"
    tasks.tell_of_backups()
    assert len(mail.outbox) == 1


def test_every_trouble_has_words() -> None:
    assert set(operating.WORDS) == set(safekeeping.Trouble)
