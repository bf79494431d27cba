"""The one gate: may this person's data be used for this purpose, over this channel, at this moment?

It is asked at the moment of use, inside the statement or transaction that does the work, never earlier. One query fetches what is known
about up to some hundred people; `judge` then answers from those facts and the policy alone, so that an answer can be explained,
repeated for any past moment, and tested without a database.

The checks, the first that stops decides:
1. the person is there, and not in the bin;
2. what the law orders needs nobody's leave;
3. a restriction stops everything else (GDPR article 18);
4. a child's data is not used (DPDP Act s.9; the age stands in the policy), unless a guardian agreed to it, and never to follow a child
   or to advertise;
5. a suppressed address is not written to;
6. an objection stops what does not rest on a legal duty;
7. where a law in scope asks for consent, it was given, for this purpose and channel, to what the purpose means now, and is neither
   withdrawn nor over;
8. whoever carries the channel is named in the policy as a recipient;
9. it is the hour for it on the person's own clock, or she wrote herself and this answers her. If not, the answer says when it will be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.accounts import own_addresses
from amanat.basis import guardians, hours, regimes, rules, suppression
from amanat.basis.rules import Rules, UnknownChannel, UnknownPurpose
from amanat.core import ids
from amanat.core.tenancy import HasId, workspace_id_of

MOST = 1000


class Reason(StrEnum):
    """Why the gate answered as it did."""

    CONSENT = "consent"
    GROUND = "ground"
    LEGAL_DUTY = "legal_duty"
    UNKNOWN_PERSON = "unknown_person"
    IN_BIN = "in_bin"
    RESTRICTED = "restricted"
    CHILD = "child"
    SUPPRESSED = "suppressed"
    OBJECTION = "objection"
    NO_CONSENT = "no_consent"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    CONSENT_OVER = "consent_over"
    NO_RECIPIENT = "no_recipient"
    NOT_NOW = "not_now"
    ASK_ANEW = "ask_anew"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one person at one moment, as far as one purpose and channel are concerned."""

    contact_id: UUID
    exists: bool = True
    in_bin: bool = False
    birthday: date | None = None
    phone: str = ""
    country: str = ""
    consent: str = ""  #: the last act: "given", "refused", "withdrawn", or ""
    consent_id: UUID | None = None
    consent_until: datetime | None = None
    consent_version: int = 0  #: of the policy that was shown when she agreed
    guardian_agreed: bool = False  #: the last act is a guardian's, who still answers for the child
    objects: bool = False
    restricted: tuple[str, ...] = ()  #: grounds of the restrictions in force
    suppressed: str = ""  #: why the address is suppressed, or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """`rule` is the path of the rule in the policy on which the answer rests."""

    contact_id: UUID
    is_allowed: bool
    reason: Reason
    rule: str
    consent_id: UUID | None = None
    next_at: datetime | None = None  #: when it may be, where only the hour stands against it

    @property
    def is_agreed(self) -> bool:
        """Whether it may be now or at another hour."""
        return self.is_allowed or self.reason == Reason.NOT_NOW


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about each person: `at` is an aware time, `today` the day of `at` where the workspace is."""

    rules: Rules
    purpose: str
    channel: str
    at: datetime
    today: date
    is_answer: bool = False  #: the person wrote a short while ago and waits: no hour is too late

    @property
    def rule(self) -> str:
        return f"purposes.{self.purpose}"

    def grounds(self, facts: Facts) -> frozenset[str]:
        laws = regimes.protecting(self.rules.policy.head.regimes, country=facts.country, phone=facts.phone)
        return self.rules.grounds(self.purpose, laws)


type _Check = Callable[[Facts, Question, frozenset[str]], tuple[bool, Reason, str] | None]


def decide(
    contact: HasId | UUID,
    *,
    workspace: HasId | UUID,
    purpose: str,
    at: datetime,
    today: date,
    channel: str = "",
    what: str = "",
) -> Answer:
    """The answer for one person; written down when `what` names who asks. Raises UnknownPurpose, UnknownChannel."""
    contact_id = contact if isinstance(contact, UUID) else contact.pk
    return decide_many(
        [contact_id], workspace=workspace, purpose=purpose, channel=channel, at=at, today=today, what=what
    )[0]


def decide_many(
    contacts: Sequence[UUID],
    *,
    workspace: HasId | UUID,
    purpose: str,
    at: datetime,
    today: date,
    channel: str = "",
    what: str = "",
    addresses: Sequence[str] = (),
    is_answer: bool = False,
) -> list[Answer]:
    """Answers in the order of `contacts`, at most 1,000, by one query. With `what` ("message", "export") each is written down.

    `addresses` says where each is written to, in the same order, where that may be another address than her main one: it must not
    be suppressed either (one query more).
    """
    if len(contacts) > MOST:
        raise ValueError(f"at most {MOST} people at once")
    here = workspace_id_of(workspace)
    question = _question(rules.of(here, at), purpose, channel, at, today, is_answer=is_answer)
    known = _facts(here, [(contact, question) for contact in contacts], at)
    if addresses:
        known = _with_addresses(known, addresses, here, question)
    answers = [judge(facts, question) for facts in known]
    if what:
        _write_down(here, question, answers, [answer.contact_id for answer in answers], what)
    return answers


def decide_for_oneself(
    asked: Sequence[tuple[UUID, str]],
    *,
    workspace: HasId | UUID,
    purpose: str,
    at: datetime,
    today: date,
    channel: str,
    what: str = "",
) -> list[Answer]:
    """The answers for members who have something sent to themselves, as (member, address): by the same checks, and only to their own.

    No contact stands behind it, so `contact_id` of an answer is the member's, and what is written down names nobody. She asked a moment
    ago and waits: no hour is too late.
    """
    here = workspace_id_of(workspace)
    question = _question(rules.of(here, at), purpose, channel, at, today, is_answer=True)
    kind = rules.address_kind(channel)
    own = own_addresses.of([member for member, _address in asked], workspace_id=here, kind=kind)
    known = [
        Facts(member, exists=address in own.get(member, ()), phone=address if kind == "phone" else "")
        for member, address in asked
    ]
    answers = [
        judge(facts, question)
        for facts in _with_addresses(known, [address for _member, address in asked], here, question)
    ]
    if what:
        _write_down(here, question, answers, [None] * len(answers), what)
    return answers


def overview(
    contact: HasId | UUID, *, workspace: HasId | UUID, wanted: Sequence[tuple[str, str]], at: datetime, today: date
) -> list[Answer]:
    """The answers for one person and many purposes and channels, in their order, by one query. Writes nothing."""
    here, contact_id = workspace_id_of(workspace), contact if isinstance(contact, UUID) else contact.pk
    in_force = rules.of(here, at)
    questions = [_question(in_force, purpose, channel, at, today) for purpose, channel in wanted]
    found = _facts(here, [(contact_id, question) for question in questions], at)
    return [judge(facts, question) for facts, question in zip(found, questions, strict=True)]


def overview_of_known(
    contact: HasId | UUID, *, workspace: HasId | UUID, wanted: Iterable[tuple[str, str]], at: datetime, today: date
) -> dict[tuple[str, str], Answer]:
    """The same by purpose and channel, without what the policy does not know. Writes nothing."""
    here, contact_id = workspace_id_of(workspace), contact if isinstance(contact, UUID) else contact.pk
    in_force, questions = rules.of(here, at), dict[tuple[str, str], Question]()
    for purpose, channel in wanted:
        with suppress(UnknownPurpose, UnknownChannel):
            questions[purpose, channel] = _question(in_force, purpose, channel, at, today)
    found = _facts(here, [(contact_id, question) for question in questions.values()], at)
    return {pair: judge(facts, question) for facts, (pair, question) in zip(found, questions.items(), strict=True)}


def known(
    contact: HasId | UUID, *, workspace: HasId | UUID, purpose: str, at: datetime, today: date, channel: str = ""
) -> tuple[Facts, Question]:
    """What the answer for one person would rest on."""
    here = workspace_id_of(workspace)
    question = _question(rules.of(here, at), purpose, channel, at, today)
    return _facts(here, [(contact if isinstance(contact, UUID) else contact.pk, question)], at)[0], question


def judge(facts: Facts, question: Question) -> Answer:
    """The answer that follows from the facts and the policy alone."""
    return next(answer for answer in findings(facts, question) if answer is not None)


def findings(facts: Facts, question: Question) -> Iterator[Answer | None]:
    """What each check says, in order: an answer, or None when it has nothing against it. The last always answers."""
    grounds = question.grounds(facts) if facts.exists else frozenset()
    for check in CHECKS:
        found = check(facts, question, grounds)
        if found is None:
            yield None
            continue
        yield Answer(
            facts.contact_id, *found, facts.consent_id if found[1] is Reason.CONSENT else None,
            _opens(facts, question) if found[1] is Reason.NOT_NOW else None,
        )  # fmt: skip


def _is_there(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    if not facts.exists:
        return False, Reason.UNKNOWN_PERSON, question.rule
    return (False, Reason.IN_BIN, "rights.kinds") if facts.in_bin else None


def _law_orders(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return (True, Reason.LEGAL_DUTY, question.rule) if rules.is_legal_duty(grounds) else None


def _restriction(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return (False, Reason.RESTRICTED, "rights.kinds") if facts.restricted else None


def _child(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    if facts.birthday is None or age(facts.birthday, question.today) >= question.rules.policy.children.min_age:
        return None
    if facts.guardian_agreed and not guardians.is_never_for_children(question.rules, question.purpose):
        # For a child it is the guardian's yes that counts, whatever the ground: one that is over counts for nothing.
        return _against_yes(facts, question)
    return False, Reason.CHILD, "children.min_age"


def _suppressed(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return (False, Reason.SUPPRESSED, "rights.opt_out_effect") if facts.suppressed else None


def _objection(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return (False, Reason.OBJECTION, "rights.kinds") if facts.objects else None


_SAID = {"refused": Reason.REFUSED, "withdrawn": Reason.WITHDRAWN}


def _consent(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return _against_yes(facts, question) if rules.needs_consent(grounds) else None


def _against_yes(facts: Facts, question: Question) -> tuple[bool, Reason, str] | None:
    """What stands against counting on the last act: that it is no yes, that it is over, or a yes to something narrower."""
    match facts.consent:
        case "given" if facts.consent_until is not None and facts.consent_until <= question.at:
            return False, Reason.CONSENT_OVER, question.rule
        case "given" if not question.rules.counts(question.purpose, facts.consent_version):
            return False, Reason.ASK_ANEW, question.rule
        case "given":
            return None
        case said:
            return False, _SAID.get(said, Reason.NO_CONSENT), question.rule


def _recipient(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    carrier = rules.CARRIERS.get(question.channel, "mail") if question.channel else ""
    if not carrier or carrier in question.rules.policy.recipients:
        return None
    return False, Reason.NO_RECIPIENT, "recipients"


def _hours(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    if question.is_answer:
        return None
    return (False, Reason.NOT_NOW, "policy.law") if _opens(facts, question) > question.at else None


def _opens(facts: Facts, question: Question) -> datetime:
    """The first moment from the one asked about that lies in the window, for promotion or for service, on the person's clock."""
    window = hours.window(question.rules.policy, question.purpose, question.channel)
    if window is None:
        return question.at
    return window.next_open(question.at.astimezone(hours.zone_of(facts.phone, facts.country)))


def _nothing_against(facts: Facts, question: Question, grounds: frozenset[str]) -> tuple[bool, Reason, str] | None:
    return True, Reason.CONSENT if rules.needs_consent(grounds) else Reason.GROUND, question.rule


CHECKS: tuple[_Check, ...] = (
    _is_there, _law_orders, _restriction, _child, _suppressed, _objection, _consent, _recipient, _hours, _nothing_against,
)  # fmt: skip


def age(birthday: date, today: date) -> int:
    """Full years. Who was born on 29 February is a year older on 1 March of the other years."""
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))


def _question(
    in_force: Rules, purpose: str, channel: str, at: datetime, today: date, *, is_answer: bool = False
) -> Question:
    in_force.check_way(purpose, channel)
    return Question(in_force, purpose, channel, at, today, is_answer)


def _with_addresses(
    known: Sequence[Facts], addresses: Sequence[str], workspace_id: UUID, question: Question
) -> list[Facts]:
    """The facts, with what stands against the very addresses that are written to."""
    stands = suppression.against(
        set(addresses), workspace=workspace_id, purpose=question.purpose, channel=question.channel, at=question.at
    )
    return [
        replace(facts, suppressed=facts.suppressed or stands.get(address, ""))
        for facts, address in zip(known, addresses, strict=True)
    ]


def _facts(workspace_id: UUID, asked: Sequence[tuple[UUID, Question]], at: datetime) -> list[Facts]:
    """What is known about each person as far as her question is concerned, in their order, by one query."""
    inner, outer = suppression.pads(workspace_id)
    values: dict[str, Any] = {
        "workspace": workspace_id,
        "contacts": [contact for contact, _question in asked],
        "purposes": [question.purpose for _contact, question in asked],
        "channels": [question.channel for _contact, question in asked],
        "addresses": [rules.address_kind(question.channel) for _contact, question in asked],
        "at": at,
        "inner": inner,
        "outer": outer,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT * FROM known_of_people(%(workspace)s, %(contacts)s::uuid[], %(purposes)s::text[], %(channels)s::text[], "
            "%(addresses)s::text[], %(at)s, %(inner)s, %(outer)s)",
            values,
        )
        return [_fact(row) for row in cursor.fetchall()]


def _fact(row: tuple[Any, ...]) -> Facts:
    *plain, restricted, suppressed = row
    make: Any = Facts
    found: Facts = make(*plain, tuple(restricted), suppressed)
    return found


def _write_down(
    workspace_id: UUID, question: Question, answers: Sequence[Answer], people: Sequence[UUID | None], what: str
) -> None:
    """`people` are the contacts that the answers are about, in their order; None where there is none."""
    told = [
        (answer, contact)
        for answer, contact in zip(answers, people, strict=True)
        if contact is None or answer.reason != Reason.UNKNOWN_PERSON
    ]
    with connection.cursor() as cursor:
        cursor.execute(_DECIDED, [
            workspace_id, question.purpose, question.channel, question.at, question.rules.version, what,
            [ids.new() for _answer in told], [contact for _answer, contact in told],
            [answer.is_allowed for answer, _contact in told], [answer.reason.value for answer, _contact in told],
            [answer.rule for answer, _contact in told],
        ])  # fmt: skip


#: One statement of arrays: a row for each message that is sent is written here, in a sixth of the time.
_DECIDED = """
INSERT INTO basis_decision (workspace_id, purpose, channel, at, policy_version, what, id, contact_id, is_allowed, reason, rule)
SELECT %s, %s, %s, %s, %s, %s, v.* FROM unnest(%s::uuid[], %s::uuid[], %s::boolean[], %s::text[], %s::text[]) v
"""
