"""Is the file whole? Names that lead nowhere, missing parts, missing addresses, unknown laws and words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from amanat.policy import law, references
from amanat.policy.linting.findings import Case, Complaint, Severity, check
from amanat.policy.reading import Place

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
    return f"Write `{found[0]}`." if found else f"There are: {', '.join(known)}."


@check("contact.missing")
def contact_missing(case: Case) -> Iterator[Complaint]:
    """Each way to ask for a right needs its address; two of the seeds promise "the details below" and give none."""
    contact = case.policy.parties.contact
    for way in ("email", *(way for way in case.policy.rights.by if way in {"phone", "post"})):
        if not getattr(contact, way).strip():
            wrong = f"People are told to use {way}, but there is none."
            yield ("parties", "contact", way), wrong, f"Write the {way} at which you answer."
    if not case.policy.parties.officer.email.strip():
        yield ("parties", "officer", "email"), "The officer cannot be reached.", "Write the officer's e-mail address."


@check("contact.example", Severity.WARNING)
def contact_example(case: Case) -> Iterator[Complaint]:
    parties = case.policy.parties
    given: list[tuple[Place, str]] = [
        (("contact", way), getattr(parties.contact, way)) for way in ("email", "phone", "post")
    ]
    for place, value in [*given, (("officer", "email"), parties.officer.email)]:
        if _EXAMPLE.search(value):
            yield ("parties", *place), f"“{value}” is an example.", "Write your own before you publish."


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
                yield place, f"There is no kind of data “{name}”.", near(name, policy.data)


@check("trigger.unknown")
def trigger_unknown(case: Case) -> Iterator[Complaint]:
    for name, keep in case.policy.keep.items():
        for trigger in keep.until:
            if trigger not in TRIGGERS:
                yield (
                    ("keep", name, "until", trigger),
                    f"Nothing happens that is called “{trigger}”.",
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
                yield place, f"“{word}” is not known here.", near(word, words[section])


@check("law.unknown")
def law_unknown(case: Case) -> Iterator[Complaint]:
    for name in case.policy.head.law:
        if name not in law.names():
            yield ("policy", "law"), f"There is no law pack “{name}”.", near(name, law.names())
    for regime in case.policy.head.regimes:
        if regime not in case.regimes:
            known = {name: pack for pack in map(law.pack, law.names()) for name in pack.regimes}
            advice = f"Add `{known[regime].id}` to `law`." if regime in known else near(regime, known)
            yield ("policy", "regimes"), f"No chosen law pack knows the law “{regime}”.", advice


@check("page.parts")
def page_parts(case: Case) -> Iterator[Complaint]:
    present = {clause.part for clause in case.policy.clauses}
    for part in _PARTS:
        if part not in present:
            yield ("clauses",), f"The page has no part “{part}”.", f"Write a clause with `in: {part}`."


@check("clause.twice")
def clause_twice(case: Case) -> Iterator[Complaint]:
    for name, count in Counter(clause.id for clause in case.policy.clauses).items():
        if count > 1:
            yield ("clauses", name), f"{count} clauses are called “{name}”.", "Give each its own id."
