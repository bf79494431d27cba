import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections

from amanat.core import clock, filelinks
from amanat.core.filelinks import LinkRefused
from amanat.core.models_files import UsedLink

FILE, WORKSPACE, MEMBER = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _noon() -> Iterator[None]:
    with clock.standing_at(NOON):
        yield


def made(purpose: str = "download", **options: Any) -> str:
    return filelinks.link_token(FILE, workspace_id=WORKSPACE, member_id=MEMBER, purpose=purpose, **options)


def test_a_link_says_who_what_and_until_when() -> None:
    link = filelinks.read_link_token(made(), purpose="download")
    assert (link.file_id, link.workspace_id, link.member_id) == (FILE, WORKSPACE, MEMBER)
    assert link.expires_at == NOON + timedelta(minutes=5)


def test_two_links_to_one_file_differ() -> None:
    assert made() != made()


@pytest.mark.parametrize(
    "life", [timedelta(0), timedelta(seconds=-1), timedelta(minutes=5, seconds=1), timedelta(days=1)]
)
def test_a_link_lives_five_minutes_at_most(life: timedelta) -> None:
    with pytest.raises(ValueError, match="five minutes"):
        made(expires_at=NOON + life)


def test_a_link_ends_on_time() -> None:
    token = made(expires_at=NOON + timedelta(minutes=1))
    with clock.standing_at(NOON + timedelta(seconds=59)):
        filelinks.read_link_token(token, purpose="download")
    with clock.standing_at(NOON + timedelta(seconds=60)), pytest.raises(LinkRefused):
        filelinks.read_link_token(token, purpose="download")


def test_a_link_serves_one_purpose() -> None:
    with pytest.raises(LinkRefused):
        filelinks.read_link_token(made("preview"), purpose="download")


def test_altered_and_foreign_tokens_are_refused(settings: Any) -> None:
    token = made()
    for bad in ["", "x", token[:-1], token + "x", "A" + token[1:], token.replace(":", "."), token.upper()]:
        with pytest.raises(LinkRefused):
            filelinks.read_link_token(bad, purpose="download")
    settings.SECRET_KEY = "another secret key, also long enough to be one"
    with pytest.raises(LinkRefused):
        filelinks.read_link_token(token, purpose="download")


def test_a_link_opens_once(db: None) -> None:
    link = filelinks.read_link_token(made(), purpose="download")
    filelinks.consume(link)
    with pytest.raises(LinkRefused):
        filelinks.consume(link)
    filelinks.consume(filelinks.read_link_token(made(), purpose="download"))


def test_marks_of_ended_links_go(db: None) -> None:
    filelinks.consume(filelinks.read_link_token(made(), purpose="download"))
    assert filelinks.forget_used() == 0
    with clock.standing_at(NOON + timedelta(minutes=11)):
        assert filelinks.forget_used() == 1


def test_of_forty_openings_at_once_one_succeeds(django_db_setup: None, django_db_blocker: Any) -> None:
    link = filelinks.read_link_token(made(), purpose="download")
    outcomes: list[bool] = []
    start = threading.Barrier(40)

    def open_it() -> None:
        try:
            start.wait()
            filelinks.consume(link)
            outcomes.append(True)
        except LinkRefused:
            outcomes.append(False)
        finally:
            connections.close_all()

    with django_db_blocker.unblock():
        threads = [threading.Thread(target=open_it) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        UsedLink.objects.all().delete()
        connections.close_all()
    assert sorted(outcomes) == [False] * 39 + [True]
