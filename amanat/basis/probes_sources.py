"""Probes of where a yes comes from and over which ways it holds: files with a declared source, and one gate for every channel."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from amanat.basis import consent, restrictions, rules, telling
from amanat.basis.importing import DeclaredConsent
from amanat.basis.models import ConsentRecord, Method, Restriction, Telling
from amanat.basis.probes import HERSELF, agrees, answer_of, asked_of_people, person, reachable
from amanat.policy.probing import Asked, Finding, probe

__all__ = ["one_gate", "source_of_files"]


@probe(
    "basis.source-of-files",
    _("Nobody is brought in as having agreed without saying where and when"),
    keys=("B-DUTY",),
    rules=("purposes", "parties.operator"),
)
def source_of_files(asked: Asked) -> Finding:
    """The question of an import is answered without a source, without a day and with one to come; and every yes from a file on record."""
    question, agreed = DeclaredConsent(), ["marketing:email"]
    poor: tuple[dict[str, Any], ...] = (
        {"agreed": agreed, "agreed_source": "", "agreed_on": date(2026, 1, 2)},
        {"agreed": agreed, "agreed_source": "the counter", "agreed_on": None},
        {"agreed": agreed, "agreed_source": "the counter", "agreed_on": asked.at.date() + timedelta(days=400)},
    )
    refused = sum(_is_refused(question, answers) for answers in poor)
    records = ConsentRecord.objects.of(asked.workspace_id).filter(method=Method.FILE)
    sourceless = records.exclude(evidence__has_keys=["source", "file", "import"]).count()
    unsigned = records.filter(by__isnull=True).count()
    return Finding(
        refused == len(poor) and not sourceless and not unsigned,
        _(
            "{refused} of {tried} files without a source were refused; {records} yeses from files, {sourceless} without one"
        ),
        {
            "refused": refused,
            "tried": len(poor),
            "records": records.count(),
            "sourceless": sourceless + unsigned,
        },
    )


def _is_refused(question: DeclaredConsent, answers: dict[str, Any]) -> bool:
    try:
        question.told(answers)
    except ValidationError:
        return True
    return False


#: How long people may wait for the job that tells them to come by.
LATEST_TELLING = timedelta(days=3)


@probe(
    "basis.people-told",
    _("People are mailed ahead of what matters, once each"),
    keys=("N-EMAIL",),
    rules=("changes.email_if", "changes.lead"),
    minutes=6 * 60,
)
def people_told(asked: Asked) -> Finding:
    """Each version of the last month of which members were mailed: whether everybody with an address was told, and in time."""
    versions = list(telling.mailed(asked.workspace_id, since=asked.at - telling.TOLD_WITHIN))
    places = {one.version_id: one for one in Telling.objects.of(asked.workspace_id).filter(version__in=versions)}
    waiting = sum(
        (place := places.get(one.pk)) is None or place.done_at is None
        for one in versions
        if one.published_at < asked.at - LATEST_TELLING
    )
    late = sum(
        place.done_at is not None and place.done_at > one.effective_at
        for one in versions
        if one.effective_at > one.published_at and (place := places.get(one.pk)) is not None
    )
    return Finding(
        not waiting and not late,
        _(
            "{versions} versions in a month: {told} people were told, {waiting} versions wait too long, {late} came too late"
        ),
        {
            "versions": len(versions),
            "told": sum(place.told for place in places.values()),
            "waiting": waiting,
            "late": late,
        },
    )


@probe(
    "basis.one-gate",
    _("Every channel goes through one gate: a yes, no stop, nothing on hold"),
    keys=("F-CHANNELS",),
    rules=("purposes", "rights.opt_out_effect"),
    minutes=6 * 60,
)
def one_gate(asked: Asked) -> Finding:
    """Each channel is asked for four times: without a yes, with one, on hold, and after the address was suppressed. Each answer in
    earnest leaves a row."""
    wanted = [one for one in reachable(asked.policy, asked_of_people(asked)) if one[1]]
    channels = {channel for _purpose, channel in wanted}
    wrong = 0
    for purpose, channel in wanted:
        somebody = person(asked)
        steps = [answer_of(asked, somebody, purpose, channel).is_agreed is False]
        agrees(asked, somebody, purpose, channel, asked.at - timedelta(hours=1))
        steps.append(answer_of(asked, somebody, purpose, channel).is_agreed)
        restrictions.impose(contact=somebody, ground=Restriction.Ground.REQUEST, how=HERSELF, at=asked.at)
        steps.append(answer_of(asked, somebody, purpose, channel).is_agreed is False)
        restrictions.lift(contact=somebody, ground=Restriction.Ground.REQUEST, how=HERSELF, at=asked.at)
        consent.withdraw(contact=somebody, purpose=purpose, channels=[channel], how=HERSELF, at=asked.at)
        steps.append(answer_of(asked, somebody, purpose, channel).is_agreed is False)
        wrong += steps.count(False)
    strange = sum(_is_open_to_strangers(asked, purpose) for purpose, _channel in wanted[:1])
    return Finding(
        bool(wanted) and not wrong and not strange,
        _("{channels} channels, {pairs} purposes over them: {wrong} answers were wrong; an unknown channel is refused"),
        {"channels": len(channels), "pairs": len(wanted), "wrong": wrong, "strange": strange},
    )


def _is_open_to_strangers(asked: Asked, purpose: str) -> bool:
    """Whether a channel that nobody declared is answered at all."""
    try:
        answer_of(asked, person(asked), purpose, "pigeon")
    except rules.UnknownChannel:
        return False
    return True
