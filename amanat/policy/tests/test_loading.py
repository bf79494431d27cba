"""A file of the wrong shape: each error names the line and says what to write instead."""

from __future__ import annotations

import pytest

from amanat.policy import loading
from amanat.policy.loading import FormatInvalid
from amanat.policy.tests.samples import DEFAULT, changed

LINES = DEFAULT.splitlines()


def line_of(piece: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if piece in line)


@pytest.mark.parametrize(
    ("old", "new", "path", "wrong", "instead"),
    [
        ("min_age: 18", "min_age: '18'", "children.min_age", "“18” is not a whole number.", "without quotes"),
        ("min_age: 18", "min_age: -1", "children.min_age", "“-1” does not fit here.", "greater than or equal to 0"),
        ("min_age: 18", "age: 18", "children.age", "“age” is no name here.", "`min_age`"),
        ("post: true", "post: 'yes'", "changes.post", "“yes” is not true or false.", "Write true or false."),
        (
            "effective: 2026-12-01",
            "effective: '[01/06/2026]'",
            "policy.effective",
            "“[01/06/2026]” is no day.",
            "2026-12-01",
        ),
        (
            "effective: 2026-12-01",
            "effective: 01/06/2026",
            "policy.effective",
            "“01/06/2026” is no day.",
            "year-month-day",
        ),
        (
            "effective: 2026-12-01",
            "effective: 2026-02-30",
            "policy.effective",
            "“2026-02-30” is no day.",
            "year-month-day",
        ),
        (
            "effective: 2026-12-01",
            "effective: 20261201",
            "policy.effective",
            "“20261201” is not a day.",
            "year-month-day",
        ),
        (
            "last_login: P3Y",
            "last_login: 3 years",
            "keep.account.until.last_login",
            "“3 years” is no length of time.",
            "P3Y",
        ),
        (
            "last_login: P3Y",
            "last_login: 'a: b'",
            "keep.account.until.last_login",
            "“a: b” is no length of time.",
            "Write P3Y",
        ),
        ("last_login: P3Y", "last_login: P1M15D", "keep.account.until.last_login", "mixes months with days.", "P45D"),
        ("until: {issued: P7Y}", "until: P7Y", "keep.billing.until", "“P7Y” has no trigger", "{closure: P7Y}"),
        ("until: {issued: P7Y}", "until: {}", "keep.billing.until", "does not fit here", "at least 1"),
        ("archive: public", "archive: secret", "changes.archive", "“secret” is not known here.", "'on_request'"),
        ("langs: [en, hi, mr]", "langs: [en, fr]", "policy.langs.1", "“fr” is not known here.", "'mr'"),
        ("langs: [en, hi, mr]", "langs: []", "policy.langs", "does not fit here", "at least 1"),
        ("langs: [en, hi, mr]", "langs: en", "policy.langs", "“en” is not a list.", "`[one, two]`"),
        ("vocab: dpv-2.3", "vocab: dpv-2.0", "policy.vocab", "“dpv-2.0” is not known here.", "'dpv-2.3'"),
        ("amanat: 1\n", "amanat: 2\n", "amanat", "“2” is not known here.", "Write 1."),
        ("amanat: 1\n", "", "amanat", "This is missing.", "Add `amanat`."),
        (
            "children: {min_age: 18, freeze: PT1M, erase: PT24H}\n",
            "",
            "children",
            "This is missing.",
            "Add `children`.",
        ),
        ("is: [pd:Password]", "is: [Password]", "data.secret.is.0", "“Password” does not fit here.", "^(dpv|pd):"),
        ("is: [pd:Password]", "is: []", "data.secret.is", "does not fit here", "at least 1"),
        ("store: argon2id", "stored: argon2id", "data.secret.stored", "“stored” is no name here.", "`store`"),
        (
            "host: api.razorpay.com",
            "host: https://api.razorpay.com/",
            "recipients.gateway.host",
            "does not fit here.",
            "match",
        ),
        ("in: [US]", "in: [USA]", "recipients.whatsapp.in.0", "“USA” does not fit here.", "[A-Z]"),
        ("in: [US]", "in: [us]", "recipients.whatsapp.in.0", "“us” does not fit here.", "[A-Z]"),
        ("signals: [sec-gpc]", "signals: [sec-xyz]", "storage.signals.0", "“sec-xyz” is not known here.", "'dnt'"),
        (
            "{id: about, in: intro,",
            "{id: About us, in: intro,",
            "clauses.0.id",
            "“About us” does not fit here.",
            "match",
        ),
        (
            "{id: about, in: intro,",
            "{id: about, in: preface,",
            "clauses.0.in",
            "“preface” is not known here.",
            "'collect'",
        ),
        ("  hi:\n", "  fr:\n", "translations.fr", "“fr” does not fit here.", "(hi|mr)"),
        ("  hosting:   {is:", "  Hosting:   {is:", "recipients.Hosting", "“Hosting” does not fit here.", "[a-z]"),
        ("vault: {when:", "vault: {wen:", "vault.wen", "“wen” is no name here.", "`when`"),
        (
            "mail:      {is",
            "mail:      {colour: red, is",
            "recipients.mail.colour",
            "“colour” is no name here.",
            "is, gets, in, safeguard",
        ),
        ("{id: people,", "{nr: 1, id: people,", "clauses.12.nr", "“nr” is no name here.", "id, in, say, rests"),
        ("audit_every: P1M", "audit_every: 30", "security.audit_every", "“30” is no length of time.", "P30D"),
        ("audit_every: P1M", "audit_every: [P1M]", "security.audit_every", "is no length of time.", "P30D"),
        ("uses: [usage]", "uses: usage", "purposes.analytics.uses", "“usage” is not a list.", "`[one, two]`"),
        (
            "approvers: 2",
            "approvers: 2.5",
            "recipients.authority.approvers",
            "“2.5” is not a whole number.",
            "without quotes",
        ),
        ('tls: "1.2"', 'tls: "1.1"', "security.tls", "“1.1” is not known here.", "'1.3'"),
    ],
)
def test_problem_names_path_and_advice(old: str, new: str, path: str, wrong: str, instead: str) -> None:
    with pytest.raises(FormatInvalid) as invalid:
        loading.load(changed((old, new)))
    problem = invalid.value.problems[0]
    assert problem.path == path, str(invalid.value)
    assert wrong in problem.wrong, problem
    assert instead in problem.instead, problem


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min_age: 18", "min_age: x"),
        ("last_login: P3Y", "last_login: x"),
        ("archive: public", "archive: x"),
        ("min_age", "min_ages"),
    ],
)
def test_problem_stands_on_its_line(old: str, new: str) -> None:
    with pytest.raises(FormatInvalid) as invalid:
        loading.load(changed((old, new)))
    assert line_of(old) in {problem.line for problem in invalid.value.problems}


def test_all_problems_are_told_at_once_in_the_order_of_the_lines() -> None:
    text = changed(("min_age: 18", "min_age: x"), ("last_login: P3Y", "last_login: x"), ("vocab: dpv-2.3", "vocab: x"))
    with pytest.raises(FormatInvalid) as invalid:
        loading.load(text)
    assert [problem.path for problem in invalid.value.problems] == [
        "policy.vocab",
        "keep.account.until.last_login",
        "children.min_age",
    ]
    assert str(invalid.value).count("\n") == 2


@pytest.mark.parametrize("text", ["[]", "just words", "1", "amanat: 1"])
def test_something_else_is_no_policy(text: str) -> None:
    with pytest.raises(FormatInvalid):
        loading.load(text)


def test_broken_yaml_is_a_problem_of_the_file() -> None:
    with pytest.raises(FormatInvalid) as invalid:
        loading.load("amanat: 1\nkeep: {a: 1\n")
    [problem] = invalid.value.problems
    assert (problem.path, problem.line) == ("file", 3)


def test_a_document_becomes_the_same_policy_again() -> None:
    policy = loading.load(DEFAULT).policy
    assert loading.from_document(policy.as_document()) == policy


def test_a_policy_cannot_be_changed() -> None:
    policy = loading.load(DEFAULT).policy
    with pytest.raises(ValueError, match="frozen"):
        policy.children.min_age = 12  # type: ignore[misc]


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("uses: [usage],", f"uses: [{', '.join(['usage'] * 51)}],", "purposes.analytics.uses"),
        ("rests: [data],", f"rests: [{', '.join(['data'] * 51)}],", "clauses.2.rests"),
        ("rent, trade,", f"{'r' * 121}, trade,", "never.1"),
        (
            "regimes: {in-dpdp: P90D,",
            f"regimes: {{{', '.join(f'law{number}: P1D' for number in range(21))},",
            "rights.regimes",
        ),
        ('say: "No system', f'say: "{"x" * 2_001} No system', "clauses.15.say"),
        (
            "recipients:\n",
            "recipients:\n" + "".join(f"  r{n}: {{is: dpv:ThirdParty, gets: []}}\n" for n in range(101)),
            "recipients",
        ),
    ],
)
def test_more_than_a_policy_needs_is_refused(old: str, new: str, path: str) -> None:
    with pytest.raises(FormatInvalid) as invalid:
        loading.load(changed((old, new)))
    assert {problem.path for problem in invalid.value.problems} == {path}, str(invalid.value)
    assert len(str(invalid.value)) < 2_000


def test_an_unknown_name_is_shown_shortened() -> None:
    with pytest.raises(FormatInvalid) as invalid:
        loading.load(f"{'z' * 5_000}: 1\n{DEFAULT}")
    [problem] = invalid.value.problems
    assert len(problem.wrong) < 100
