"""Why the gate answers as it does, for a person, purpose, channel and any moment: every check, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.basis import gate
from amanat.basis.gate import Answer, Reason
from amanat.core.tenancy import HasId

SENTENCES: dict[Reason, Promise] = {
    Reason.CONSENT: _("The person agreed to this."),
    Reason.GROUND: _("The law allows this without asking, and nothing speaks against it."),
    Reason.LEGAL_DUTY: _("A law orders this."),
    Reason.UNKNOWN_PERSON: _("There is no such person."),
    Reason.IN_BIN: _("The record is in the bin."),
    Reason.RESTRICTED: _("The use of this person's data is restricted: it may only be stored."),
    Reason.CHILD: _("The person is a child."),
    Reason.SUPPRESSED: _("This number or address must not be written to."),
    Reason.OBJECTION: _("The person objected."),
    Reason.NO_CONSENT: _("The person was never asked, or did not answer."),
    Reason.REFUSED: _("The person said no."),
    Reason.WITHDRAWN: _("The person agreed once and took it back."),
    Reason.NO_RECIPIENT: _("Nobody is named in the policy who would carry this channel."),
    Reason.NOT_NOW: _("Not at this hour."),
    Reason.CONSENT_OVER: _("The person agreed, and the time for which it was given is over."),
    Reason.ASK_ANEW: _("The person agreed to less: the policy has widened this since, so ask again."),
}

#: What each check of the gate asks, in its order.
QUESTIONS: tuple[Promise, ...] = (
    _("Is the record in use?"),
    _("Does a law order it?"),
    _("Is the use restricted?"),
    _("Is the person old enough?"),
    _("May the number or address be written to?"),
    _("Did the person object?"),
    _("Does it need the person's yes, and is there one?"),
    _("Is who carries it named in the policy?"),
    _("Is it the hour for it where the person is?"),
    _("Then it may be, because:"),
)


@dataclass(frozen=True, slots=True)
class Step:
    """One check: what it asked, and its answer, None when it had nothing to say against it."""

    question: Promise
    answer: Answer | None

    @property
    def sentence(self) -> Promise | None:
        return SENTENCES[self.answer.reason] if self.answer else None


def explain(
    contact: HasId | UUID, *, workspace: HasId | UUID, purpose: str, at: datetime, today: date, channel: str = ""
) -> list[Step]:
    """Every check in order, those after the deciding one too. Writes nothing. Raises UnknownPurpose, UnknownChannel."""
    answers = gate.findings(
        *gate.known(contact, workspace=workspace, purpose=purpose, channel=channel, at=at, today=today)
    )
    return [Step(question, answer) for question, answer in zip(QUESTIONS, answers, strict=True)]
