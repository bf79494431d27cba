"""What the bench fills a workspace with: killed and called again it goes on, and what it makes is sound."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import connections

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import ledger, tally, tenancy
from amanat.operations import bench
from amanat.operations.bench import actions, ledgers, messages, seed
from amanat.people.models import Contact, Interaction, Phone, SearchEntry


def test_a_group_of_actions_is_asked_for_by_one_name() -> None:
    assert bench.wanted_of("") == []
    assert bench.wanted_of("today;import") == ["today", "import"]
    assert bench.wanted_of("promises") == list(actions.PROMISES)
    assert bench.wanted_of("today;conversations") == ["today", *messages.ACTIONS]


@pytest.mark.usefixtures("committed_db")
def test_a_ledger_of_the_bench_is_one_that_checks_find_whole(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "AT_ONCE", 7)
    with tenancy.inside(shree):
        ledger.write("test.entry.written", workspace=shree)
    assert ledgers.fill(shree.pk, 20) > 0
    assert ledger.verify(shree.pk) == ledger.Verdict(shree.pk, 20, None)
    assert ledger.published_heads()[shree.pk][0] == 20
    assert ledgers.fill(shree.pk, 20) == 0
    with tenancy.inside(shree):
        ledger.write("test.entry.written", workspace=shree)
    ledger.seal(shree.pk)
    assert ledger.verify(shree.pk) == ledger.Verdict(shree.pk, 21, None)


@pytest.mark.usefixtures("committed_db")
def test_filling_goes_on_where_it_was(shree: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed, "settings", SimpleNamespace(CONFIGURATION=SimpleNamespace(data=tmp_path)))
    monkeypatch.setattr(seed, "BATCH", 20)
    member = owner_of(shree)
    assert seed.fill(member, 60, salt=1)
    # Killed after rows were written and before that was noted: they are written once.
    seed._marks().write_text(f'{{"{shree.pk}": 20}}')
    assert seed.fill(member, 60, salt=1)
    assert not seed.fill(member, 60, salt=1)
    with tenancy.inside(shree):
        counts = [model.objects.of(shree).count() for model in (Contact, Phone, SearchEntry, Interaction)]
        assert not Phone.objects.of(shree).exclude(contact__in=Contact.objects.of(shree)).exists()
        assert tally.count("contacts", workspace=shree) == 60
    assert counts == [60] * 4
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT current_setting('session_replication_role')")
        assert cursor.fetchone() == ("origin",)
