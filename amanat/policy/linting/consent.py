"""Is a yes a yes? Grounds for every purpose under every law in scope, and consent by a clear act, never by use or silence."""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy.format import Purpose
from amanat.policy.linting.findings import Case, Complaint, check
from amanat.policy.telling import _, told

CONSENT = "consent"
_NO_CONSENT = {"implied", "by_use", "silence", "continued_use", "opt_out", "browser_settings"}
#: Purposes that no other ground carries.
_CONSENT_ONLY = {"dpv:DirectMarketing", "dpv:Marketing", "dpv:Advertising", "dpv:Personalisation"}
#: What storage on a device must be for, by its kind.
_NEEDS_PURPOSE = {"analytics": {"dpv:ServiceUsageAnalytics"}, "marketing": {"dpv:DirectMarketing", "dpv:Marketing"}}


@check("consent.implied")
def implied(case: Case) -> Iterator[Complaint]:
    for name, purpose in case.policy.purposes.items():
        grounds = [purpose.basis] if isinstance(purpose.basis, str) else purpose.basis.values()
        for ground in grounds:
            if ground in _NO_CONSENT:
                wrong = told(_("“{ground}” is no consent: a yes needs a clear act."), ground=ground)
                yield (
                    ("purposes", name, "basis"),
                    wrong,
                    told(_("Write `basis: consent` and ask, or name a ground of the law.")),
                )
    if case.policy.changes.silence_is != "no":
        wrong = told(_("A change would be accepted by silence or by going on."))
        yield ("changes", "silence_is"), wrong, told(_('Write `silence_is: "no"`.'))


@check("purpose.without-basis")
def without_basis(case: Case) -> Iterator[Complaint]:
    for name, purpose in case.policy.purposes.items():
        place = ("purposes", name, "basis")
        if isinstance(purpose.basis, str):
            if purpose.basis != CONSENT and purpose.basis not in _NO_CONSENT:
                yield (
                    place,
                    told(_("“{basis}” is no ground."), basis=purpose.basis),
                    told(_("Write `consent`, or `{law: ground}`.")),
                )
            continue
        for regime, law in case.regimes.items():
            ground = purpose.basis.get(regime)
            if ground is None:
                yield (
                    place,
                    told(_("There is no ground under {law}."), law=law.name),
                    told(_("Add `{regime}: …`, one of: {all}."), regime=regime, all=", ".join(law.grounds)),
                )
            elif ground not in law.grounds and ground not in _NO_CONSENT:
                yield (
                    place,
                    told(_("{law} has no ground “{ground}”."), law=law.name, ground=ground),
                    told(_("Write one of: {all}."), all=", ".join(law.grounds)),
                )


def asks_everyone(case: Case, purpose: Purpose) -> bool:
    """Whether nobody's data is used for it without a yes, whatever law they are under."""
    if isinstance(purpose.basis, str):
        return purpose.basis == CONSENT
    return all(purpose.basis.get(name) == regime.consent for name, regime in case.regimes.items())


@check("consent.needed")
def needed(case: Case) -> Iterator[Complaint]:
    for name, purpose in case.policy.purposes.items():
        recorded = any(_is_recording(case, data) for data in purpose.uses)
        if (purpose.term in _CONSENT_ONLY or recorded) and not asks_everyone(case, purpose):
            yield (
                ("purposes", name, "basis"),
                told(_("This needs a yes from everyone.")),
                told(_("Write `basis: consent`.")),
            )
        if recorded and purpose.asks != "both_parties":
            yield (
                ("purposes", name, "asks"),
                told(_("The other person on the call is not asked.")),
                told(_("Write `asks: both_parties`.")),
            )
        if purpose.term == "dpv:DirectMarketing" and not purpose.per:
            yield (
                ("purposes", name, "per"),
                told(_("One yes would cover every channel.")),
                told(_("List the channels, each asked by itself.")),
            )


def _is_recording(case: Case, name: str) -> bool:
    return name in case.policy.data and "pd:VoiceCommunicationRecording" in case.policy.data[name].terms


@check("recording.on")
def recording_on(case: Case) -> Iterator[Complaint]:
    for name, data in case.policy.data.items():
        if _is_recording(case, name) and not data.off_by_default:
            yield (
                ("data", name, "off_by_default"),
                told(_("Calls are recorded unless somebody stops it.")),
                told(_("Write `off_by_default: true`.")),
            )


@check("cookie.consent")
def cookie_consent(case: Case) -> Iterator[Complaint]:
    """All five seeds point at browser settings, which are not consent."""
    asked = {purpose.term for purpose in case.policy.purposes.values() if asks_everyone(case, purpose)}
    for name, key in case.policy.storage.keys.items():
        if key.kind in _NEEDS_PURPOSE and not asked & _NEEDS_PURPOSE[key.kind]:
            wrong = told(_("Storage for {kind} has no purpose that people agree to."), kind=key.kind)
            yield ("storage", "keys", name), wrong, told(_("Add the purpose with `basis: consent`, or leave this out."))


@check("cookie.life")
def cookie_life(case: Case) -> Iterator[Complaint]:
    for pack, _figure, limit in case.limits("cookie.life"):
        for name, key in case.policy.storage.keys.items():
            if not key.life.is_never_longer_than(limit):
                wrong = told(_("{life} is longer than {limit} ({pack})."), life=key.life, limit=limit, pack=pack.id)
                yield ("storage", "keys", name, "life"), wrong, told(_("Write {limit} or less."), limit=str(limit))


@check("stop.slow")
def stop_slow(case: Case) -> Iterator[Complaint]:
    effect = case.policy.rights.opt_out_effect
    for pack, _figure, limit in case.limits("mail.stop"):
        if not effect.is_never_longer_than(limit):
            wrong = told(
                _("An opt-out would take {effect}; {limit} are allowed ({pack})."),
                effect=effect,
                limit=limit,
                pack=pack.id,
            )
            yield ("rights", "opt_out_effect"), wrong, told(_("Write {limit} or less."), limit=str(limit))
