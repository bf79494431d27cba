"""Is the file whole? Names that lead nowhere, missing parts, missing addresses, unknown laws and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from amanat.policy import law, references
from amanat.policy.linting.findings import Case, Complaint, Severity, check
from amanat.policy.reading import Place
from amanat.policy.telling import _, told

#: What can end the keeping of something.
TRIGGERS = (
    "last_login",
    "closure",
    "request",
    "recorded",
    "last_interaction",
    "opt_out",
    "issued",
    "case_closed",
    "seen",
    "made",
    "relied_on_end",
    "request_closed",
    "withdrawn",
)
_PARTS = ("collect", "use", "share", "protect", "choices")
_EXAMPLE = re.compile(r"\.example\b|\bexample\.(com|org|net|in)\b|000[ -]?0000", re.IGNORECASE)


def near(word: str, known: Iterable[str]) -> str:
    """Advice: the nearest known word, or all of them."""
    known = list(known)
    found = get_close_matches(word, known, 1)
    return told(_("Write `{words}`."), words=found[0]) if found else told(_("There are: {all}."), all=", ".join(known))


@check("contact.missing")
def contact_missing(case: Case) -> Iterator[Complaint]:
    """Each way to ask for a right needs its address; two of the seeds promise "the details below" and give none."""
    contact = case.policy.parties.contact
    for way in ("email", *(way for way in case.policy.rights.by if way in {"phone", "post"})):
        if not getattr(contact, way).strip():
            wrong = told(_("People are told to use {way}, but there is none."), way=way)
            yield ("parties", "contact", way), wrong, told(_("Write the {way} at which you answer."), way=way)
    if not case.policy.parties.officer.email.strip():
        yield (
            ("parties", "officer", "email"),
            told(_("The officer cannot be reached.")),
            told(_("Write the officer's e-mail address.")),
        )


@check("contact.example", Severity.WARNING)
def contact_example(case: Case) -> Iterator[Complaint]:
    parties = case.policy.parties
    given: list[tuple[Place, str]] = [
        (("contact", way), getattr(parties.contact, way)) for way in ("email", "phone", "post")
    ]
    for place, value in [*given, (("officer", "email"), parties.officer.email)]:
        if _EXAMPLE.search(value):
            yield (
                ("parties", *place),
                told(_("“{value}” is an example."), value=value),
                told(_("Write your own before you publish.")),
            )


@check("name.unknown")
def name_unknown(case: Case) -> Iterator[Complaint]:
    """`uses`, `gets` and `of` name kinds of data."""
    policy = case.policy
    used: list[tuple[Place, tuple[str, ...]]] = [
        *((("purposes", name, "uses"), purpose.uses) for name, purpose in policy.purposes.items()),
        *((("recipients", name, "gets"), recipient.gets) for name, recipient in policy.recipients.items()),
        *((("keep", name, "of"), keep.of) for name, keep in policy.keep.items()),
    ]
    for place, names in used:
        for name in names:
            if name not in policy.data:
                yield place, told(_("There is no kind of data “{name}”."), name=name), near(name, policy.data)


@check("trigger.unknown")
def trigger_unknown(case: Case) -> Iterator[Complaint]:
    for name, keep in case.policy.keep.items():
        for trigger in keep.until:
            if trigger not in TRIGGERS:
                yield (
                    ("keep", name, "until", trigger),
                    told(_("Nothing happens that is called “{trigger}”."), trigger=trigger),
                    near(trigger, TRIGGERS),
                )


@check("word.unknown")
def word_unknown(case: Case) -> Iterator[Complaint]:
    """Channels, rights, ways and the things never done are words the program knows how to keep."""
    policy, words = case.policy, references.vocabulary("en")
    used: list[tuple[Place, str, tuple[str, ...]]] = [
        *((("purposes", name, "per"), "channels", purpose.per) for name, purpose in policy.purposes.items()),
        (("rights", "kinds"), "kinds", policy.rights.kinds),
        (("rights", "by"), "ways", policy.rights.by),
        (("never",), "never", tuple(word for word in policy.never if ":" not in word)),
    ]
    for place, section, chosen in used:
        for word in chosen:
            if word not in words[section]:
                yield place, told(_("“{word}” is not known here."), word=word), near(word, words[section])


@check("law.unknown")
def law_unknown(case: Case) -> Iterator[Complaint]:
    for name in case.policy.head.law:
        if name not in law.names():
            yield ("policy", "law"), told(_("There is no law pack “{name}”."), name=name), near(name, law.names())
    for regime in case.policy.head.regimes:
        if regime not in case.regimes:
            known = {name: pack for pack in map(law.pack, law.names()) for name in pack.regimes}
            advice = (
                told(_("Add `{known}` to `law`."), known=known[regime].id) if regime in known else near(regime, known)
            )
            yield ("policy", "regimes"), told(_("No chosen law pack knows the law “{regime}”."), regime=regime), advice


@check("page.parts")
def page_parts(case: Case) -> Iterator[Complaint]:
    present = {clause.part for clause in case.policy.clauses}
    for part in _PARTS:
        if part not in present:
            yield (
                ("clauses",),
                told(_("The page has no part “{part}”."), part=part),
                told(_("Write a clause with `in: {part}`."), part=part),
            )


@check("clause.twice")
def clause_twice(case: Case) -> Iterator[Complaint]:
    for name, count in Counter(clause.id for clause in case.policy.clauses).items():
        if count > 1:
            yield (
                ("clauses", name),
                told(_("{count} clauses are called “{name}”."), count=count, name=name),
                told(_("Give each its own id.")),
            )
