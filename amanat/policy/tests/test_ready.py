"""The ready policies: each whole, clean, in three languages, and keeping what a published policy of its trade promises."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any

import jsonschema_rs
import pytest
from django.utils import translation

from amanat.policy import documents, linting, loading, merging, reading, ready, rendering
from amanat.policy.documents import content_hash
from amanat.policy.linting import Severity
from amanat.policy.ready import reasons
from amanat.policy.terms import LANGUAGES
from amanat.policy.tests.samples import DEFAULT, READY

TRADES = [name for name in ready.names() if name != "default"]
#: How many promises of each trade's published policy are accounted for.
PROMISES = {"agency": 70, "ai-crm": 102, "calling": 104, "csc-centre": 109, "sales-crm": 109}


def mapped(name: str) -> list[dict[str, Any]]:
    held = reading.read_file(READY / f"{name}.clauses.yaml").value
    assert held["policy"] == name
    return [promise for section in held["sections"] for promise in section["promises"]]


def test_the_ready_policies_there_are() -> None:
    assert ready.names() == ["default", "agency", "ai-crm", "calling", "csc-centre", "sales-crm"]


@pytest.mark.parametrize("name", ready.names())
def test_each_is_without_errors(name: str) -> None:
    policy = ready.policy(name)
    found = linting.lint(policy)
    assert [finding for finding in found if finding.severity is Severity.ERROR] == []
    assert {finding.check for finding in found} == {"contact.example", "attested.hidden"}
    assert policy.head.id == name


@pytest.mark.parametrize("name", ready.names())
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_has_a_page_in_each_language(name: str, language: str) -> None:
    page = rendering.render(ready.policy(name), language)
    assert [part.id for part in page.parts] == ["intro", "collect", "use", "share", "protect", "keep", "choices"]
    assert "{" not in page.as_text()


@pytest.mark.parametrize("name", ready.names())
def test_each_fits_the_published_schema(name: str) -> None:
    jsonschema_rs.validate(documents.schema(), json.loads(json.dumps(ready.document(name))))


def test_the_default_is_its_file() -> None:
    assert content_hash(ready.policy("default")) == content_hash(loading.load(DEFAULT).policy)


@pytest.mark.parametrize("name", TRADES)
def test_each_trade_differs_from_the_default(name: str) -> None:
    assert content_hash(ready.policy(name)) != content_hash(ready.policy("default"))


@pytest.mark.parametrize(
    ("name", "there", "not_there"),
    [
        ("agency", "purposes.improve", "recipients.partner"),
        ("ai-crm", "recipients.analytics", "data.voice"),
        ("calling", "purposes.record", "purposes.reminders"),
        ("csc-centre", "recipients.whatsapp", "purposes.record"),
        ("sales-crm", "data.figures", "purposes.reminders"),
    ],
)
def test_each_trade_has_what_it_does_and_nothing_else(name: str, there: str, not_there: str) -> None:
    policy = ready.policy(name)
    for path, expected in ((there, True), (not_there, False)):
        block, entry = path.split(".")
        assert (entry in getattr(policy, block)) is expected


def test_what_is_left_out_is_named_nowhere() -> None:
    text = json.dumps(ready.document("agency"))
    for word in ("voice", "reminders.", "partner"):
        assert f'"{word}' not in text
    assert "voice" not in ready.policy("agency").recipients["hosting"].gets


@pytest.mark.parametrize("name", ready.names())
def test_who_carries_a_channel_that_people_are_asked_for_is_named(name: str) -> None:
    policy = ready.policy(name)
    asked = {channel for purpose in policy.purposes.values() for channel in purpose.per}
    assert {"email", "sms", "whatsapp", "call"} <= asked
    for carrier in ("mail", "carrier", "whatsapp"):
        recipient = policy.recipients[carrier]
        assert recipient.countries and recipient.contract == "required"
        assert recipient.safeguard or set(recipient.countries) == {"IN"}


@pytest.mark.parametrize("name", ["", "nothing", "../default", "agency.clauses", "__init__"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(KeyError):
        ready.document(name)


def test_a_change_of_the_default_cannot_go_unseen() -> None:
    with pytest.raises(KeyError):
        ready._leave_out(ready.document("default"), "recipients.nobody")
    with pytest.raises(KeyError):
        ready._leave_out(ready.document("default"), "clauses.nothing")


def test_documents_are_not_shared() -> None:
    first = ready.document("agency")
    first["recipients"]["hosting"]["gets"] = ()
    assert ready.document("agency")["recipients"]["hosting"]["gets"]
    assert ready.document("default")["recipients"]["hosting"]["gets"]


@pytest.mark.parametrize("names", list(combinations(ready.names(), 2)), ids="+".join)
def test_any_two_merge_without_errors(names: tuple[str, str]) -> None:
    merged = merging.merge([ready.policy(name) for name in names]).policy
    assert [finding for finding in linting.lint(merged) if finding.severity is Severity.ERROR] == []


def test_all_of_them_merge_into_one() -> None:
    policies = [ready.policy(name) for name in ready.names()]
    merged = merging.merge(policies)
    assert [finding for finding in linting.lint(merged.policy) if finding.severity is Severity.ERROR] == []
    assert merged.policy.recipients["hosting"].countries == ("EU", "IN", "US")
    assert merged.policy.recipients["hosting"].safeguard == "scc"
    assert "X18" in {resolution.conflict for resolution in merged.resolutions}
    assert all("{" not in rendering.render(merged.policy, language).as_text() for language in LANGUAGES)


@pytest.mark.parametrize("name", TRADES)
def test_every_promise_is_kept_changed_or_rejected_with_a_reason(name: str) -> None:
    policy = ready.policy(name)
    clauses = {clause.id: clause for clause in policy.clauses}
    promises = mapped(name)
    assert len(promises) == PROMISES[name]
    for promise in promises:
        if "rejected" in promise:
            assert "clause" not in promise, promise
            assert len(promise["rejected"]) > 20, promise
            continue
        clause = clauses[promise["clause"]]
        for path in promise["rules"]:
            assert any(path == rest or path.startswith(f"{rest}.") for rest in clause.rests), promise
        if not promise["key"].startswith("DATA "):
            assert promise["key"] in clause.probe, promise


@pytest.mark.parametrize("name", TRADES)
def test_every_kind_of_data_that_was_promised_is_declared(name: str) -> None:
    policy = ready.policy(name)
    for promise in mapped(name):
        if "rejected" in promise or not promise["key"].startswith("DATA pd:"):
            continue
        [rule] = promise["rules"]
        assert promise["key"].removeprefix("DATA ") in policy.data[rule.removeprefix("data.")].terms, promise


def test_every_reason_can_be_told_in_other_languages() -> None:
    with translation.override("en"):
        known = {str(one) for one in reasons.REASONS}
    told = {
        promise[why] for name in TRADES for promise in mapped(name) for why in ("changed", "rejected") if why in promise
    }
    assert told == known


def test_the_false_and_void_promises_are_rejected() -> None:
    rejected = {promise["key"] for name in TRADES for promise in mapped(name) if "rejected" in promise}
    assert rejected == {"ACCEPT", "N-CONT", "NONPERS", "X-SHIELD", "N-EFFECT"}


def test_nobody_is_named() -> None:
    for file in READY.glob("*.yaml"):
        text = file.read_text("utf-8").lower()
        assert not [
            name
            for name in ("spar ", "spera", "sparkconnect", "crmdost", "salepro", "digi smart", "crmsoftware")
            if name in text
        ]
