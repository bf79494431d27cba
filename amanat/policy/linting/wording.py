"""Words that promise what is not so: the false and void sentences that policies copy from each other."""

from __future__ import annotations

import re
from collections.abc import Iterator

from amanat.policy.linting.findings import Case, CheckFunction, Complaint, Severity, check
from amanat.policy.linting.sentences import sentences
from amanat.policy.references import REFERENCE
from amanat.policy.telling import _, told

#: id, severity, what is looked for, what is wrong, what to write instead.
_WORDINGS: tuple[tuple[str, Severity, str, str, str], ...] = (
    (
        "wording.tls-at-rest",
        Severity.ERROR,
        r"\b(?:ssl|tls)\b[^.]{0,60}\bat rest\b|\bat rest\b[^.]{0,40}\b(?:ssl|tls)\b",
        _("TLS encrypts data on its way, not where it lies."),
        _("Say “encrypted on its way ({security.tls}) and where it lies ({security.at_rest})”."),
    ),
    (
        "wording.privacy-shield",
        Severity.ERROR,
        r"privacy[ -]shield",
        _("Privacy Shield has been void since July 2020."),
        _("Name the safeguard of each recipient instead."),
    ),
    (
        "wording.non-personal",
        Severity.ERROR,
        r"\b(?:non-?personal|anonymous|(?:not|n[’']t|no) (?:be )?personal(?:ly)?)\b[^.]*\bip[ -]?address"
        r"|\bip[ -]?address[^.]*\b(?:non-?personal|anonymous|(?:not|no|never) (?:be |considered |treated as )*personal)"
        r"|\bip[ -]?address(?:es)? (?:do(?:es)? not|never|cannot) (?:be used to )?(?:personally )?identif",
        _("An IP address is personal data."),
        _("List it among what is collected, as pd:IPAddress."),
    ),
    (
        "wording.by-use",
        Severity.ERROR,
        r"\bby (?:using|accessing|visiting)\b[^.]*\b(?:agree|accept|consent)|\bcontinued use\b"
        r"|\bif you do not agree\b[^.]*\bdo not (?:use|access)",
        _("Using something is no consent and accepts nothing."),
        _("Ask for a clear act; leave this sentence out."),
    ),
    (
        "wording.placeholder",
        Severity.ERROR,
        r"\[[^\]]*\]|\bTBD\b|\bTODO\b|\blorem ipsum\b|\b(?:dd|mm)/(?:mm|dd)/yyyy\b",
        _("A placeholder was left in."),
        _("Write what belongs there, or leave the sentence out."),
    ),
    (
        "wording.browser-settings",
        Severity.ERROR,
        r"\b(?:control|refuse|manage|disable|clear)\b[^.]*\bcookies?\b[^.]*\bbrowser"
        r"|\bbrowser\b[^.]*\b(?:control|refuse|manage|disable|block)\b[^.]*\bcookies?\b",
        _("Browser settings are no consent to storage."),
        _("Say what is kept without consent, and ask for the rest."),
    ),
    (
        "wording.vague",
        Severity.WARNING,
        r"\bas long as (?:is )?necessary\b|\breasonable (?:period|time)\b|\bwhere appropriate\b|\bindustry[ -]standard\b"
        r"|\bfrom time to time\b|\bregular(?:ly)? (?:[a-z-]+ ){0,2}(?:audits?|backups?|updates?|assessments?)\b",
        _("Nobody can test this."),
        _("Write a rule with a number, and its {path} here."),
    ),
)
_CERTIFIED = re.compile(r"\b(SOC ?[123]|ISO(?:/IEC)? ?\d{4,5}|PCI[ -]DSS)\b|\bcertified\b", re.IGNORECASE)


def _looking_for(pattern: str, wrong: str, instead: str) -> CheckFunction:
    searched = re.compile(pattern, re.IGNORECASE)

    def run(case: Case) -> Iterator[Complaint]:
        for place, text in sentences(case):
            if found := searched.search(text):
                yield place, told(_("“{words}”: {wrong}"), words=found[0][:60], wrong=told(wrong)), told(instead)

    return run


for _id, _severity, _pattern, _wrong, _instead in _WORDINGS:
    check(_id, _severity)(_looking_for(_pattern, _wrong, _instead))


@check("wording.certified")
def certified(case: Case) -> Iterator[Complaint]:
    """A certificate is claimed only in a clause that rests on a report which is valid on the policy's first day."""
    policy = case.policy
    for clause in policy.clauses:
        labels = " ".join(policy.labels.get(path, "") for path in REFERENCE.findall(clause.say))
        if not (found := _CERTIFIED.search(f"{clause.say} {labels}")):
            continue
        resting = [path.rpartition(".")[2] for path in clause.rests if path.startswith("security.attest.")]
        reports = [policy.security.attest[name] for name in resting if name in policy.security.attest]
        if not any(report.is_valid(policy.head.effective) for report in reports):
            wrong = told(_("“{words}” is claimed without a report."), words=found[0])
            instead = told(
                _("Write `kind: attested`, and `evidence` and `until` below `security.attest`, or leave it out.")
            )
            yield ("clauses", clause.id, "say"), wrong, instead
