"""Each way to spoil the default policy is found by its own check, on its own line, with advice."""

from __future__ import annotations

import time

import pytest

from amanat.policy import linting
from amanat.policy.linting import CHECKS, Severity
from amanat.policy.tests.mutations import MUTATIONS
from amanat.policy.tests.samples import DEFAULT, changed, checks, errors, policy
from amanat.policy.tests.test_wording import WORDINGS


@pytest.mark.parametrize(
    ("pairs", "expected", "piece"), [row[1:] for row in MUTATIONS], ids=[row[0] for row in MUTATIONS]
)
def test_mutation_is_found(pairs: list[tuple[str, str]], expected: set[str], piece: str) -> None:
    found = errors(changed(*pairs))
    assert {finding.check for finding in found} == expected, "\n".join(map(str, found))
    assert any(piece in f"{finding.wrong} {finding.instead}" for finding in found)
    assert all(finding.wrong.endswith((".", "]")) and finding.instead for finding in found)


@pytest.mark.parametrize("pairs", [row[1] for row in MUTATIONS[:14]], ids=[row[0] for row in MUTATIONS[:14]])
def test_mutation_is_found_on_its_line(pairs: list[tuple[str, str]]) -> None:
    text = changed(*pairs)
    lines = zip(DEFAULT.splitlines(), text.splitlines(), strict=True)
    differing = {number for number, (old, new) in enumerate(lines, 1) if old != new}
    # What nothing uses or says any more is told where it stands, not where it was used.
    elsewhere = {
        "data.without-purpose",
        "data.without-retention",
        "rule.undisclosed",
        "cookie.consent",
        "reference.missing",
    }
    assert {finding.line for finding in errors(text) if finding.check not in elsewhere} <= differing


def test_the_default_policy_has_no_error() -> None:
    assert errors(DEFAULT) == []


def test_its_warnings_are_what_a_workspace_must_fill_in() -> None:
    found = linting.lint_text(DEFAULT)
    assert {finding.check for finding in found} == {"contact.example", "attested.hidden"}
    assert {finding.severity for finding in found} == {Severity.WARNING}


def test_own_addresses_and_evidence_leave_nothing() -> None:
    text = changed(
        ("privacy@business.example", "privacy@acme.co.in"),
        ("+91 120 000 0000", "+91 120 456 7890"),
        ("officer@business.example", "officer@acme.co.in"),
        ("premises: {}", 'premises: {evidence: "report of 2026", until: 2027-06-30}'),
        ("surveillance: {}", 'surveillance: {evidence: "report of 2026", until: 2027-06-30}'),
    )
    assert linting.lint_text(text) == []


@pytest.mark.parametrize("until", ["2026-11-30", "2020-01-01"])
def test_evidence_that_has_run_out_hides_its_sentence(until: str) -> None:
    text = changed(
        ("premises: {}", f"premises: {{evidence: x, until: {until}}}"),
        ("surveillance: {}", "surveillance: {evidence: x, until: 2030-01-01}"),
    )
    assert "attested.hidden" in {finding.check for finding in linting.lint_text(text)}


def test_a_sole_trader_needs_no_companies_floor() -> None:
    trader = changed(
        ("company: true", "company: false"), ("floor: [in-cgst-36, in-companies-128-5]", "floor: [in-cgst-36]")
    )
    assert errors(trader) == []


@pytest.mark.parametrize(
    ("period", "found"), [("P7Y", True), ("P8Y", True), ("P9Y", False), ("P107M", True), ("P108M", False)]
)
def test_a_period_that_is_long_enough_needs_no_floor(period: str, found: bool) -> None:
    text = changed(("{issued: P7Y}, floor: [in-cgst-36, in-companies-128-5]", f"{{issued: {period}}}"))
    assert ("keep.below-floor" in checks(text)) is found


def test_a_policy_without_indian_law_keeps_its_own_age() -> None:
    text = changed(
        ("regimes: [in-dpdp, eu-gdpr, us-ccpa], law: [in-2026.11, ", "regimes: [eu-gdpr, us-ccpa], law: ["),
        ("in-telecom-2026.11, in-books-2026.11, ", ""),
        ("min_age: 18", "min_age: 16"),
        (", floor: [in-cgst-36, in-companies-128-5]", ""),
        (", floor: [in-certin-180d, in-dpdp-8-3]", ""),
    )
    assert errors(text) == []
    assert checks(changed(("min_age: 16", "min_age: 15"), text=text)) == {"children.age"}


def test_advice_names_the_nearest_word() -> None:
    [finding] = [one for one in errors(changed(("kinds: [access,", "kinds: [acess,"))) if one.check == "word.unknown"]
    assert finding.instead == "Write `access`."
    [finding] = [one for one in errors(changed(("[pd:CallLog,", "[pd:CallLogs,"))) if one.check == "term.unknown"]
    assert finding.instead == "Write pd:CallLog."


def test_format_problems_are_findings_too() -> None:
    found = linting.lint_text(changed(("min_age: 18", "min_age: young"), ("archive: public", "archive: x")))
    assert [finding.check for finding in found] == ["format", "format"]
    assert [finding.path for finding in found] == ["children.min_age", "changes.archive"]
    assert "[format]" in str(found[0])


def test_findings_come_in_the_order_of_the_lines() -> None:
    found = linting.lint_text(changed(("min_age: 18", "min_age: 3"), ("safeguard: scc", "safeguard: privacy_shield")))
    assert [finding.line for finding in found] == sorted(finding.line for finding in found)


def test_without_a_document_findings_have_no_lines_but_all_else() -> None:
    found = linting.lint(policy(("min_age: 18", "min_age: 16")))
    assert [(finding.check, finding.line) for finding in found if finding.severity is Severity.ERROR] == [
        ("children.age", 1)
    ]


def test_each_check_that_can_fail_a_policy_is_tried_here() -> None:
    tried = {check for row in MUTATIONS for check in row[2]} | {check for _, check in WORDINGS}
    errors_there_are = {
        name
        for name, check in CHECKS.items()
        if check.severity is Severity.ERROR and not name.startswith(("code.", "clause.probe-unknown"))
    }
    assert errors_there_are - tried == set()


def test_loading_linting_and_rendering_take_less_than_50_milliseconds_of_work() -> None:
    from amanat.policy import loading, rendering

    def once() -> float:
        begun = time.process_time()
        loaded = loading.load(DEFAULT)
        linting.lint(loaded.policy, document=loaded.document)
        rendering.render(loaded.policy, "hi")
        return time.process_time() - begun

    once()  # reads the vocabulary and the law packs, once a process
    assert min(once() for _ in range(5)) < 0.050
