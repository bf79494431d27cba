"""How one request is shown: to the desk its line in a list, its steps, what carrying it out will do; to whoever asked, how it stands."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import belongings
from amanat.privacy.erasure.models import Erasure, ErasureCertificate
from amanat.privacy.requests import authorities, carrying, clocks
from amanat.privacy.requests import details as asked
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest
from amanat.privacy.retention import holds

#: The color of the tag: of the outcome where there is one, else of the state.
_TONES = {
    "unclear": "marigold", "open": "blue", "doing": "violet", "revoked": "", "granted": "green", "partly": "marigold",
    "refused": "marigold",
}  # fmt: skip


def line(one: RightsRequest, now: datetime) -> dict[str, Any]:
    return {
        "url": reverse("privacy:request", args=[one.pk]),
        "number": one.short,
        "kind": one.get_kind_display(),
        "person": one.contact.name if one.contact else _("erased") if one.principal else _("not clear who"),
        "how": one.get_how_display(),
        "state": _state(one),
        "tone": _TONES[one.outcome or one.state],
        "received_at": one.received_at,
        "due_at": one.due_at,
        "left": _left(one, now),
        "is_late": one.is_open and now >= one.due_at,
        "is_soon": one.is_open and clocks.is_soon(one.due_at, now),
    }


def _state(one: RightsRequest) -> str:
    return str(one.get_outcome_display() if one.outcome else one.get_state_display())


def _left(one: RightsRequest, now: datetime) -> str:
    """How much time is left, or was: whole days, hours on the last."""
    if not one.is_open:
        took = (one.answered_at or one.received_at) - one.received_at
        return (
            ngettext("took %(days)d day", "took %(days)d days", took.days) % {"days": took.days}
            if one.answered_at
            else ""
        )
    left = one.due_at - now
    days, hours = abs(left).days, abs(left).seconds // 3600
    if left.total_seconds() <= 0:
        return ngettext("%(days)d day late", "%(days)d days late", days) % {"days": days} if days else _("late")
    if days:
        return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}
    return ngettext("%(hours)d hour left", "%(hours)d hours left", hours) % {"hours": hours}


LAWS = {"in-dpdp": "DPDP", "eu-gdpr": "GDPR", "us-ccpa": "CCPA"}
DO: dict[Kind, Any] = {
    Kind.ACCESS: lambda: _("Make the copy"),
    Kind.PORT: lambda: _("Make the copy"),
    Kind.ERASE: lambda: _("Erase"),
    Kind.RESTRICT: lambda: _("Restrict"),
    Kind.OBJECT: lambda: _("Stop these uses"),
    Kind.WITHDRAW: lambda: _("Take all consent back"),
    Kind.OPT_OUT_SALE: lambda: _("Mark as never to be sold"),
    Kind.NOMINATE: lambda: _("Keep the nomination"),
    Kind.CORRECT: lambda: _("Take over the ticked values"),
    Kind.UPDATE: lambda: _("Take over the ticked values"),
    Kind.GRIEVANCE: lambda: _("Answer"),
    Kind.HUMAN_REVIEW: lambda: _("Answer, or give it to me as a task"),
}


def step(one: RequestStep) -> dict[str, Any]:
    """For members: with who did it."""
    return told(one) | {"by": one.by.name if one.by else ""}


def told(one: RequestStep) -> dict[str, Any]:
    """For whoever asked."""
    tones = {"late": "red", "refused": "marigold", "warned": "marigold", "extended": "marigold", "fulfilled": "green"}
    what = one.get_what_display()
    if one.what == RequestStep.What.EXTENDED and one.facts.get("told") is False:
        what = _("Time extended")
    return {"what": what, "at": one.at, "tone": tones.get(one.what, "blue")}


def foreseen(found: RightsRequest, now: datetime) -> list[str]:
    """What carrying it out will do, counted now."""
    if found.contact_id is None:
        return []
    if found.kind == Kind.ERASE or found.kind in carrying.COPIES:
        counts = belongings.of([found.contact_id], workspace_id=found.workspace_id).counts()
        total, of_files = sum(counts.values()), counts.get("core.StoredFile", 0)
        lines = [
            ngettext("%(count)d row in %(tables)d tables", "%(count)d rows in %(tables)d tables", total - of_files)
            % {"count": total - of_files, "tables": len(counts) - bool(of_files)},
            ngettext("%(count)d file", "%(count)d files", of_files) % {"count": of_files},
        ]
        if found.kind == Kind.ERASE:
            in_the_way = holds.in_the_way([found.contact_id], workspace_id=found.workspace_id, at=now)
            held = len(in_the_way.get(found.contact_id, ()))
            if held:
                lines.append(
                    ngettext("%(count)d legal hold forbids it for now", "%(count)d legal holds forbid it for now", held)
                    % {"count": held}
                )
            lines.append(_("What a law keeps is sealed until its day; a search and a certificate follow."))
        return lines
    return [str(_EFFECTS[Kind(found.kind)]())] if Kind(found.kind) in _EFFECTS else []


_EFFECTS: dict[Kind, Any] = {
    Kind.WITHDRAW: lambda: _(
        "What the person agreed to is taken back at once, and nothing more is sent over any channel until they agree anew."
    ),
    Kind.OBJECT: lambda: _("The uses named stop at once; with none named, all that no law orders."),
    Kind.RESTRICT: lambda: _("The data is stored and not used until the restriction is lifted."),
    Kind.OPT_OUT_SALE: lambda: _("It is written down for good that this data is never to be sold."),
    Kind.NOMINATE: lambda: _("An earlier nomination ends."),
}


def to_whoever_asked(found: RightsRequest, at: datetime) -> dict[str, Any]:
    """What whoever has the code may know: state, day, answer, route; nothing that is on file."""
    copy = erasure = certificate = None
    if found.kind in carrying.COPIES and found.result_id:
        copy = (
            PersonCopy.objects.of(found.workspace_id)
            .filter(pk=found.result_id, state=PersonCopy.State.DONE, expires_at__gt=at)
            .first()
        )
    if found.kind == Kind.ERASE and found.result_id:
        erasure = Erasure.objects.of(found.workspace_id).filter(pk=found.result_id).first()
        certificate = (
            ErasureCertificate.objects.of(found.workspace_id)
            .filter(erasure_id=found.result_id)
            .order_by("-issued_at")
            .first()
        )
    steps = RequestStep.objects.of(found.workspace_id).filter(request=found).order_by("id")
    hidden = {RequestStep.What.WARNED, RequestStep.What.OPENED}
    is_for_another = found.who != RightsRequest.Who.PERSON
    if is_for_another or found.reason == RightsRequest.Reason.NOT_IDENTIFIED:
        hidden.add(
            RequestStep.What.IDENTIFIED
        )  # that somebody is known here is nobody's business who may not act for her
    is_unclear = found.state == RightsRequest.State.UNCLEAR or (
        is_for_another and found.state == RightsRequest.State.OPEN
    )
    return {
        "found": found,
        "is_unclear": is_unclear,
        "state": RightsRequest.State.UNCLEAR.label if is_unclear else found.get_state_display(),
        "answer": asked.answer_of(found),
        "authorities": authorities.of(found.regimes),
        "is_late": found.is_open and at >= found.due_at,
        "copy": copy,
        "erasure": erasure,
        "certificate": certificate,
        "steps": [told(one) for one in steps if one.what not in hidden],
    }
