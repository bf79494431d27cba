"""False and void sentences are refused, true ones let through, vague ones looked at."""

from __future__ import annotations

import pytest

from amanat.policy import linting
from amanat.policy.tests.samples import changed, checks, errors, with_clause

#: Sentences of the kind the seeds hold, in other words; the check that must refuse them.
WORDINGS = [
    ("Our SSL/TLS encryption protects data at rest.", "wording.tls-at-rest"),
    ("Data at rest is protected with TLS.", "wording.tls-at-rest"),
    ("We comply with the Privacy Shield.", "wording.privacy-shield"),
    ("Our privacy-shield certificate covers you.", "wording.privacy-shield"),
    ("Non-personal details, such as your IP address, are noted.", "wording.non-personal"),
    ("Your IP address is anonymous.", "wording.non-personal"),
    ("Your IP address is not personal data.", "wording.non-personal"),
    ("An IP address does not identify you.", "wording.non-personal"),
    ("We collect information that is not personal, such as your IP address.", "wording.non-personal"),
    ("By using the service you agree to this.", "wording.by-use"),
    ("By accessing our site, you accept these terms.", "wording.by-use"),
    ("Continued use means acceptance.", "wording.by-use"),
    ("If you do not agree, please do not use the service.", "wording.by-use"),
    ("Last changed on [date].", "wording.placeholder"),
    ("Our address is TBD.", "wording.placeholder"),
    ("You can control cookies in your browser.", "wording.browser-settings"),
    ("Tell your browser to refuse all cookies.", "wording.browser-settings"),
    ("Clear your cookie choices in your browser.", "wording.browser-settings"),
    ("We are SOC 2 certified.", "wording.certified"),
    ("Our hosting is ISO 27001 audited.", "wording.certified"),
    ("A certified team watches.", "wording.certified"),
    ("We keep it seven years.", "sentence.typed-number"),
    ("Answers come in thirty days.", "sentence.typed-number"),
    ("We answer in 30 days.", "sentence.typed-number"),
    ("We answer in ३० days.", "sentence.typed-number"),
    ("उत्तर तीस दिन में मिलता है।", "sentence.typed-number"),
    ("We keep it for ٣ years.", "sentence.typed-number"),
]


@pytest.mark.parametrize(("sentence", "check"), WORDINGS)
def test_false_wording_is_refused(sentence: str, check: str) -> None:
    assert check in checks(with_clause(sentence))


@pytest.mark.parametrize(
    "sentence",
    [
        "Data is encrypted on its way by TLS. It is encrypted again where it lies.",
        "You may use the service without agreeing to news.",
        "Your browser's settings are respected.",
        "Regular customers are welcome.",
        "Nothing is anonymous that names you.",
        "IP addresses are shortened, so that they do not identify you.",
        "An address of yours is personal.",
        "One of us answers.",
        "For years we have kept our word.",
        "It takes {rights.opt_out_effect}.",
    ],
)
def test_true_wording_is_let_through(sentence: str) -> None:
    assert checks(with_clause(sentence)) == set()


@pytest.mark.parametrize(
    "sentence",
    [
        "We keep data as long as necessary.",
        "We run regular audits.",
        "We run regular security assessments.",
        "Backups are made; regular off-site backups.",
        "We tell you where appropriate.",
    ],
)
def test_vague_wording_is_a_warning(sentence: str) -> None:
    text = with_clause(sentence)
    assert errors(text) == []
    assert "wording.vague" in {finding.check for finding in linting.lint_text(text)}


def test_a_certificate_may_be_claimed_with_its_report() -> None:
    def told(attestation: str) -> set[str]:
        text = with_clause(
            "A report confirms it: {security.attest.soc2}.",
            "kind: attested, rests: [security.attest.soc2], probe: [S-SOC2]",
        )
        text = changed(
            ("attest: {", f"attest: {{soc2: {attestation}, "),
            ("\ntranslations:", "\nlabels: {security.attest.soc2: SOC 2 Type II}\n\ntranslations:"),
            ("  hi:\n", "  hi:\n    security.attest.soc2: SOC 2 Type II\n"),
            ("  mr:\n", "  mr:\n    security.attest.soc2: SOC 2 Type II\n"),
            text=text,
        )
        return checks(text)

    assert told("{evidence: report of the auditor, until: 2027-06-30}") == set()
    assert told("{}") == {"wording.certified"}
    assert told("{evidence: report of the auditor, until: 2026-06-30}") == {"wording.certified"}
    assert told("{until: 2027-06-30}") == {"wording.certified"}
