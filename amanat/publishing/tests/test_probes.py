"""Each probe is green while the promise is kept, and red when the thing it looks at is really broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.test import override_settings

from amanat.accounts.models import Workspace
from amanat.core import clock, routes, tenancy
from amanat.policy import probing
from amanat.policy.format import Clause
from amanat.policy.probing import Asked, Finding
from amanat.publishing import inventory, mails, probes_reading, public_views, publish, versions, visiting
from amanat.publishing import probes as own
from amanat.publishing.models import AddressCheck, PolicyMail, PolicyVersion
from amanat.publishing.tests.samples import DETAILS, NOW, REWORDED, WIDER, changed, published

DAY = timedelta(days=1)
NAMES = sorted(name for name in probing.registered() if name.startswith("publishing."))
LATER = NOW + 40 * DAY
HANDED = ('operator: {name: "Shree CSC Kendra"', 'operator: {name: "Somebody Else"')


def run(workspace: Workspace, name: str, at: Any = LATER, **changes: Any) -> Finding:
    """The probe's finding; `changes` replace blocks of the policy it is asked about."""
    with clock.standing_at(at), tenancy.inside(workspace):
        policy = versions.in_force(workspace).policy
        if changes:
            policy = type(policy).model_construct(policy.model_fields_set, **{**dict(policy), **changes})
        return probing.registered()[name].run(Asked(workspace.pk, policy, at))


@pytest.fixture
def kept(shree: Workspace) -> Workspace:
    """Three versions, one of them widening what we do, with every mail sent, and the address of the policy confirmed."""
    published(shree)
    published(shree, WIDER, at=NOW + DAY)
    published(shree, WIDER, REWORDED, at=NOW + 35 * DAY)
    mails.send_due(shree, at=NOW + 2 * DAY)
    with tenancy.inside(shree):
        AddressCheck.objects.create(
            workspace_id=shree.pk, address=DETAILS.email, code=b"x", sent_at=NOW, ends_at=NOW + DAY, confirmed_at=NOW
        )
    return shree


def test_there_are_probes_for_what_publishing_promises() -> None:
    keys = {key for name in NAMES for key in probing.registered()[name].keys}
    assert keys >= {
        "PAGE",
        "PAGE-PARTS",
        "LASTUPD",
        "N-POST",
        "N-PREV",
        "N-UPDATE",
        "N-EFFECT",
        "N-EMAIL",
        "N-CONT",
        "SCOPE",
        "COMMIT",
    }
    assert keys >= {
        "O-EMAIL",
        "O-PHONE",
        "O-ADDR",
        "O-DPO",
        "O-JURIS",
        "O-CTRL",
        "ACCEPT",
        "DISCLAIM",
        "MINIM",
        "REVIEWINVITE",
    }


@pytest.mark.sampled
@pytest.mark.parametrize("name", NAMES)
def test_it_is_green_while_all_is_kept(kept: Workspace, name: str) -> None:
    found = run(kept, name)
    assert found.is_kept, (str(found.said), found.facts)
    assert str(found.said).format(**found.facts)


@pytest.mark.slow
def test_the_page_is_red_with_a_cookie(kept: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    page = public_views._page

    def with_cookie(*args: Any) -> Any:
        answer = page(*args)
        answer.set_cookie("language", "en")  # another, undeclared, would be taken off before it leaves
        return answer

    monkeypatch.setattr(public_views, "_page", with_cookie)
    assert run(kept, "publishing.page").facts["cookies"] == 1 and not run(kept, "publishing.page").is_kept


@pytest.mark.slow
@pytest.mark.parametrize("put", ["<script>1</script>", '<img src="https://elsewhere.test/dot.gif">'])
def test_the_page_is_red_with_a_script_or_a_thing_from_elsewhere(
    kept: Workspace, monkeypatch: pytest.MonkeyPatch, put: str
) -> None:
    page = public_views._page

    def spoilt(*args: Any) -> Any:
        answer = page(*args)
        answer.content += put.encode()
        return answer

    monkeypatch.setattr(public_views, "_page", spoilt)
    assert not run(kept, "publishing.page").is_kept


@pytest.mark.slow
def test_the_page_is_red_when_machines_are_told_something_else(
    kept: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public_views, "machine_readable", lambda held: {"hash": "sha256:00"})
    assert not run(kept, "publishing.page").is_kept


def spoil(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> Callable[[], bool]:
    """Every page we visit has a piece of its text replaced; asks afterwards whether it stood anywhere."""
    visit, done = visiting.visit, []

    class Spoilt(visiting.Visited):
        def __init__(self, answer: Any) -> None:
            if hasattr(answer, "content") and answer.status_code == 200:
                done.append(old in answer.content.decode())
                answer.content = answer.content.decode().replace(old, new).encode()
            super().__init__(answer)

    def spoilt(address: str, **headers: str) -> Any:
        monkeypatch.setattr(visiting, "Visited", Spoilt)
        return visit(address, **headers)

    def really_done() -> bool:
        return any(done)

    monkeypatch.setattr(own, "visit", spoilt)
    return really_done


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("publishing.parts", 'id="share"', 'id="somewhere"'),
        ("publishing.parts", '<li id="never"', '<li id="perhaps"'),
        ("publishing.dated", "25 December 2026", "26 July 2025"),
        ("publishing.reachable", "+912162234567", "on request"),
        ("publishing.responsible", "Shree CSC Kendra", "We"),
        ("publishing.venue", "Kolkata", "our choice"),
        ("publishing.status", 'id="never"', ""),
        ("publishing.posted", "/versions/2/", "/versions/3/"),
    ],
)
def test_it_is_red_when_the_page_does_not_say_it(
    kept: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str
) -> None:
    assert run(kept, name).is_kept
    was_there = spoil(monkeypatch, old, new)
    assert not run(kept, name).is_kept and was_there()


@pytest.fixture
def plant(kept: Workspace, committed_db: None, superuser: psycopg.Connection) -> Callable[[str], None]:
    """Change rows as the superuser of the database could, whom the rules do not stop."""

    def change(sql: str) -> None:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(sql.encode())
        superuser.commit()
        versions._policies.clear()

    return change


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("name", "sql"),
    [
        (
            "publishing.posted",
            "UPDATE publishing_policyversion SET document = replace(document, 'P30D', 'P31D') WHERE number = 1",
        ),
        ("publishing.posted", "DELETE FROM publishing_policyversion WHERE number = 1"),
        ("publishing.lead", "UPDATE publishing_policyversion SET effective_at = published_at WHERE number = 2"),
        ("publishing.mailed", "DELETE FROM publishing_policymail"),
        ("publishing.mailed", "UPDATE publishing_policymail SET sent_at = NULL"),
        ("publishing.mailed", "UPDATE publishing_policymail SET sent_at = sent_at + interval '60 days'"),
        ("publishing.recorded", "DELETE FROM core_ledgerentry WHERE event = 'publishing.version.published'"),
        ("publishing.recorded", "UPDATE publishing_policyversion SET changes = '[]' WHERE number = 2"),
        ("publishing.silence", "UPDATE publishing_policyversion SET asks_anew = '{}'"),
    ],
)
def test_it_is_red_when_the_rows_are_not_as_they_were_made(
    kept: Workspace, plant: Callable[[str], None], name: str, sql: str
) -> None:
    plant(sql)
    assert not run(kept, name).is_kept


@pytest.mark.slow
def test_publishing_without_a_fresh_sign_in_is_red(kept: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    stale = {name: replace(one, fresh=False) for name, one in routes.table().items()}
    monkeypatch.setattr(routes, "table", lambda: stale)
    assert run(kept, "publishing.recorded").facts["is_guarded"] is False
    assert not run(kept, "publishing.recorded").is_kept


@pytest.mark.slow
def test_examples_and_odd_numbers_are_no_ways_to_reach_us(shree: Workspace) -> None:
    assert run(shree, "publishing.reachable").facts["missing"] == 3, "nothing was told yet"
    for change in (
        ('"privacy@shree.test", phone', '"privacy@business.example", phone'),
        ('"+912162234567"', '"at the shop"'),
    ):
        with tenancy.inside(shree):
            publish.publish(workspace=shree, source=changed(change), by=None, at=NOW)
        assert not run(shree, "publishing.reachable", at=NOW).is_kept


@pytest.mark.slow
def test_a_sign_in_page_that_leads_nowhere_is_red(kept: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(kept, "publishing.scope").is_kept
    with override_settings(CONFIGURATION=_elsewhere()):
        assert run(kept, "publishing.scope").facts["is_covered"] is False


@pytest.mark.slow
def test_a_workspace_that_is_not_the_operators_can_ask_all_the_same(kept: Workspace, other: Workspace) -> None:
    """The site's own page is that of the workspace made first, which cannot be read from inside another."""
    assert run(kept, "publishing.scope").is_kept
    assert run(other, "publishing.scope").is_kept


def _elsewhere() -> Any:
    from dataclasses import replace

    from django.conf import settings

    settings.ALLOWED_HOSTS.append("shop.test")
    return replace(settings.CONFIGURATION, base_url="https://shop.test")


@pytest.mark.slow
def test_a_disclaimer_that_leans_on_a_rule_is_red(kept: Workspace) -> None:
    with tenancy.inside(kept):
        clauses = versions.in_force(kept, LATER).policy.clauses
    leaning = tuple(
        Clause.model_construct(None, **{**dict(one), "rests": ("security",)}) if one.kind == "disclaimer" else one
        for one in clauses
    )
    assert not run(kept, "publishing.disclaimers", clauses=leaning).is_kept


@pytest.mark.slow
def test_silence_that_counts_is_red(kept: Workspace) -> None:
    with tenancy.inside(kept):
        changes = versions.in_force(kept, LATER).policy.changes
    assert not run(kept, "publishing.silence", changes=changes.model_copy(update={"silence_is": "yes"})).is_kept


@pytest.mark.slow
def test_a_cookie_nobody_declared_is_red(kept: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_cookies", {*inventory._cookies, "tracker"})
    found = run(kept, "publishing.disclosed")
    assert not found.is_kept and found.facts["undisclosed"] == 1


@pytest.mark.slow
def test_probes_change_no_row(kept: Workspace) -> None:
    with tenancy.inside(kept):
        before = PolicyVersion.objects.of(kept).count(), PolicyMail.objects.of(kept).count()
    for name in NAMES:
        run(kept, name)
    with tenancy.inside(kept):
        assert (PolicyVersion.objects.of(kept).count(), PolicyMail.objects.of(kept).count()) == before


@pytest.mark.slow
def test_the_page_that_leads_nowhere_is_hard_to_read(kept: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    real = visiting.visit

    def without(old: str, new: str) -> Callable[..., visiting.Visited]:
        def visit(address: str, **headers: str) -> visiting.Visited:
            seen = real(address, **headers)
            assert old in seen.text
            return visiting.read(seen, seen.text.replace(old, new))

        return visit

    broken = {
        '<a class="skip" href="#main">': '<a class="skip" href="/">',
        '<html lang="en"': "<html",
        'id="collect"': 'id="gathering"',
        "<h2": "<h4",
        "</main>": '<img src="/static/x.png"></main>',
    }
    for old, new in broken.items():
        monkeypatch.setattr(probes_reading, "visit", without(old, new))
        assert not run(kept, "publishing.readable").is_kept, old


@pytest.mark.slow
def test_a_new_operator_who_came_too_early_or_unmailed_is_found(kept: Workspace) -> None:
    version = published(kept, WIDER, REWORDED, HANDED, at=NOW + 36 * DAY)
    assert version.effective_at == NOW + 66 * DAY
    assert run(kept, "publishing.handed_over").is_kept
    with tenancy.inside(kept):
        assert version.mails.count() == 1
        version.mails.all().delete()
    assert run(kept, "publishing.handed_over").facts["untold"] == 1


def test_a_sale_is_told_as_early_as_promised_though_the_lead_is_shorter(shree: Workspace) -> None:
    longer = ("notice_before_sale: P30D", "notice_before_sale: P45D")
    published(shree, longer)
    version = published(shree, longer, HANDED, at=NOW + DAY)
    assert version.effective_at == NOW + 46 * DAY
    wider = published(shree, longer, WIDER, at=NOW + 2 * DAY)
    assert wider.effective_at == NOW + 32 * DAY
