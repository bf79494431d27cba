"""Each probe is green on a healthy system and red when the thing it measures is broken."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.http import HttpResponse

from amanat.accounts.models import Workspace
from amanat.basis import (
    consent,
    gate,
    hours,
    importing,
    middleware,
    objections,
    passcodes,
    probes,
    probes_storage,
    reading,
    restrictions,
    rules,
    storage,
    suppression,
)
from amanat.basis.gate import Answer, Reason
from amanat.basis.models import ConsentRecord, Decision, Method
from amanat.core import clock, codes, tenancy
from amanat.core.limits import Limit
from amanat.people.masking import Guard
from amanat.policy import probing, ready
from amanat.policy.probing import Asked, Finding
from amanat.publishing import visiting

MINE = {name: one for name, one in probing.registered().items() if name.startswith("basis.")}


@pytest.fixture
def asked(shree: Workspace) -> Iterator[Asked]:
    with tenancy.inside(shree):
        yield Asked(shree.pk, rules.of(shree.pk).policy, clock.now())


@pytest.mark.parametrize("hour", [0, 12, 18, 19, 23])
def test_whoever_is_of_age_today_is_so_at_every_hour(asked: Asked, hour: int) -> None:
    """From 18:30 UTC on it is tomorrow in India."""
    then = dataclasses.replace(asked, at=asked.at.replace(hour=hour, minute=45))
    assert MINE["basis.children"].run(then).is_kept


@pytest.mark.parametrize("name", sorted(MINE))
def test_every_probe_is_green_on_a_healthy_system_and_says_its_figures(asked: Asked, name: str) -> None:
    found = MINE[name].run(asked)
    assert found.is_kept, (name, dict(found.facts))
    assert str(found.said).format(**found.facts)


@pytest.mark.parametrize("ready_name", ready.names())
def test_every_ready_policy_is_kept(shree: Workspace, ready_name: str) -> None:
    policy = ready.policy(ready_name)
    with tenancy.inside(shree):
        for name in (
            "basis.purpose-of-reading",
            "basis.storage-register",
            "basis.storage-life",
            "basis.storage-consent",
        ):
            found = MINE[name].run(Asked(shree.pk, policy, clock.now()))
            assert found.is_kept, (name, dict(found.facts))


def always(is_allowed: bool) -> Callable[..., Any]:
    def answer(facts: Any, question: Any) -> Answer:
        return Answer(facts.contact_id, is_allowed, Reason.GROUND if is_allowed else Reason.OBJECTION, "x")

    return answer


BREAKS: list[tuple[str, Any, str, Any]] = [
    ("basis.consent-first", gate, "judge", always(True)),
    ("basis.consent-first", gate, "judge", always(False)),
    ("basis.withdrawal", consent, "withdraw", lambda **given: []),
    ("basis.service-continues", gate, "judge", always(False)),
    ("basis.objection-and-restriction", objections, "make", lambda **given: None),
    ("basis.objection-and-restriction", restrictions, "impose", lambda **given: None),
    ("basis.children", gate, "age", lambda birthday, today: 40),
    ("basis.hours", gate, "_opens", lambda facts, question: question.at),
    ("basis.purpose-of-reading", reading, "fields_of", lambda policy, purpose, kinds: frozenset(kinds)),
    ("basis.decisions", gate, "_write_down", lambda *given: None),
    ("basis.no-sale", objections, "opt_out_of_sale", lambda *given, **named: False),
    ("basis.storage-register", storage, "may_set", lambda *given: True),
    ("basis.storage-consent", storage, "may_set", lambda *given: True),
    ("basis.storage-consent", storage, "has_signal", lambda request: False),
    ("basis.storage-register", middleware, "_clean", lambda request, response: None),
    ("basis.codes", passcodes, "LIFE", timedelta(days=1)),
    ("basis.codes", codes, "is_right", lambda *given, **named: True),
    ("basis.codes", passcodes, "TRIES", Limit(1_000, timedelta(minutes=15), per="code")),
    ("basis.purpose-of-reading", Guard, "shown", lambda self, name, text: text),
    ("basis.masked", reading, "fields_masked", lambda role, kinds: frozenset()),
    ("basis.masked", Guard, "cell", lambda self, name, draw: draw),
    ("basis.masked", Guard, "shown", lambda self, name, text: text),
    ("basis.public-pages-without-cookies", probes_storage.public_views, "start", lambda request, workspace_id: HttpResponse("x")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "where", "what", "broken"), BREAKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_probe_turns_red_when_the_thing_is_broken(  # noqa: PLR0917
    asked: Asked, monkeypatch: pytest.MonkeyPatch, name: str, where: Any, what: str, broken: Any
) -> None:
    monkeypatch.setattr(where, what, broken)
    found: Finding = MINE[name].run(asked)
    assert not found.is_kept, dict(found.facts)


def test_a_cookie_that_lives_longer_than_promised_turns_its_probe_red(asked: Asked) -> None:
    keys = {
        name: key.model_copy(update={"life": key.life.parse("PT1H")}) for name, key in asked.policy.storage.keys.items()
    }
    shorter = asked.policy.model_copy(update={"storage": asked.policy.storage.model_copy(update={"keys": keys})})
    assert not MINE["basis.storage-life"].run(Asked(asked.workspace_id, shorter, asked.at)).is_kept


@pytest.fixture
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Settings of the site that is visited, whose layers are put together anew."""
    monkeypatch.setattr(visiting, "_handler", cache(visiting._handler.__wrapped__))
    return settings


def test_a_page_that_may_load_from_elsewhere_turns_its_probe_red(asked: Asked, site: Any) -> None:
    site.SECURE_CSP = {**site.SECURE_CSP, "script-src": ["https://tracker.example"]}
    assert not MINE["basis.no-other-host"].run(asked).is_kept


def test_telling_other_sites_where_a_reader_was_turns_its_probe_red(asked: Asked, site: Any) -> None:
    site.SECURE_REFERRER_POLICY = "unsafe-url"
    assert not MINE["basis.links"].run(asked).is_kept


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        ("amanat.core.middleware.caller", "basis.device-permissions"),
        ("django.middleware.csp.ContentSecurityPolicyMiddleware", "basis.no-other-host"),
        ("django.middleware.security.SecurityMiddleware", "basis.links"),
        ("amanat.basis.middleware.declared_storage_only", "basis.storage-register"),
    ],
)
def test_a_layer_that_was_taken_out_of_the_site_turns_its_probe_red(
    asked: Asked, site: Any, layer: str, name: str
) -> None:
    site.MIDDLEWARE = [one for one in site.MIDDLEWARE if one != layer]
    assert not MINE[name].run(asked).is_kept


def test_a_cookie_of_a_package_that_the_policy_does_not_name_turns_the_probe_red(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "own_cookies", lambda: {"visitor_id": next(iter(storage._OWN_COOKIES.values()))})
    assert not MINE["basis.storage-register"].run(asked).is_kept


def test_a_box_that_is_ticked_beforehand_turns_its_probe_red(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "_forms", lambda asked: ['<input type="checkbox" checked>'])
    assert not MINE["basis.nothing-ticked"].run(asked).is_kept


@pytest.mark.slow
def test_a_withdrawal_that_forgets_other_records_with_the_number_is_seen(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "add", lambda *given, **named: 0)
    assert not MINE["basis.withdrawal"].run(asked).is_kept


def test_the_invented_person_leaves_no_act_that_counts_for_others(asked: Asked, shree: Workspace) -> None:
    """Probes run in a savepoint that is taken back; what they leave inside it is about nobody else."""
    MINE["basis.consent-first"].run(asked)
    assert set(ConsentRecord.objects.of(shree).values_list("contact__name", flat=True)) == {probes.NAME}
    assert not Decision.objects.of(shree).exists()


def test_the_number_of_the_invented_person_has_an_indian_clock() -> None:
    assert str(hours.zone_of(probes.NUMBER, "")) == "Asia/Kolkata"


def test_an_import_that_asks_for_no_source_is_found(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing.DeclaredConsent, "told", lambda self, given: dict(given))
    found = MINE["basis.source-of-files"].run(asked)
    assert (found.is_kept, found.facts["refused"]) == (False, 0)


def test_a_yes_from_a_file_without_its_source_is_found(asked: Asked) -> None:
    someone = probes.person(asked)
    ConsentRecord.objects.create(
        workspace_id=asked.workspace_id, contact=someone, principal=b"x" * 32, purpose="marketing", channel="email",
        what=ConsentRecord.What.GIVEN, at=asked.at, method=Method.FILE, evidence={"import": "x", "file": "x.csv"},
    )  # fmt: skip
    assert not MINE["basis.source-of-files"].run(asked).is_kept


def test_a_channel_that_goes_past_the_gate_is_found(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    real = gate.judge

    def lenient(facts: gate.Facts, question: gate.Question) -> Answer:
        answer = real(facts, question)
        if question.channel == "sms" and answer.reason is Reason.RESTRICTED:
            return Answer(facts.contact_id, True, Reason.CONSENT, question.rule)
        return answer

    monkeypatch.setattr(gate, "judge", lenient)
    found = MINE["basis.one-gate"].run(asked)
    assert not found.is_kept and int(found.facts["wrong"] or 0) >= 1


@pytest.mark.slow
def test_a_channel_that_nobody_declared_is_found(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules.Rules, "check_channel", lambda self, purpose, channel: None)
    assert not MINE["basis.one-gate"].run(asked).is_kept
