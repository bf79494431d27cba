"""The probe of codes that people without an account are sent: the real rule is asked in time, too late, twice, and by a guesser."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from amanat.basis import passcodes
from amanat.basis.models import Passcode
from amanat.core import clock, codes, ids, vault
from amanat.policy.probing import Asked, Finding, probe

#: What the text says that brings the code.
SAID = timedelta(minutes=15)
GUESSES = 5
_RIGHT, _WRONG = "271828", "314159"


@probe(
    "basis.codes",
    _("A code to a person's own phone or mailbox works once, for as long as it says, and for no guesser"),
    keys=("F-OTP", "R-CHANNEL"),
    rules=("data.proof", "rights.by"),
)
def short_lived(asked: Asked) -> Finding:
    """Codes of nobody's addresses: nothing is sent."""
    at = clock.now()
    in_time, late, guessed = (_sent(asked, at) for _each in range(3))
    facts = {
        "in_time": _opens(in_time, _RIGHT, at + SAID - timedelta(minutes=1)),
        "again": _opens(in_time, _RIGHT, at + SAID - timedelta(minutes=1)),
        "late": _opens(late, _RIGHT, at + SAID),
        "guessed": any([*(_opens(guessed, _WRONG, at) for _each in range(GUESSES)), _opens(guessed, _RIGHT, at)]),
    }
    return Finding(
        facts["in_time"] and not (facts["again"] or facts["late"] or facts["guessed"]),
        _(
            "A code opened in time: {in_time}; a second time: {again}; after its 15 minutes: {late}; after five wrong guesses: {guessed}"
        ),
        facts,
    )


def _sent(asked: Asked, at: datetime) -> Passcode:
    """A code as the rule makes it, with digits that are known here."""
    identity = ids.new()
    made = Passcode(id=identity, workspace_id=asked.workspace_id, sent_at=at, ends_at=at + passcodes.LIFE)
    made.address = vault.seal_text(
        f"xqzprobe-{identity}@canary.example", workspace_id=asked.workspace_id, context=passcodes.place(made)
    )
    made.code = codes.digest(_RIGHT, identity, workspace_id=asked.workspace_id)
    made.save(force_insert=True)
    return made


def _opens(passcode: Passcode, typed: str, at: datetime) -> bool:
    held = Passcode.objects.of(passcode.workspace_id).get(pk=passcode.pk)
    try:
        passcodes.open_with(held, code=typed, at=at)
    except (passcodes.Over, passcodes.TooMany, passcodes.WrongCode):
        return False
    return True
