"""Is every number within what the chosen law packs allow? A law that is not in force yet counts as one that is."""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy import terms
from amanat.policy.durations import Duration
from amanat.policy.format import Keep
from amanat.policy.law import Figure, Floor, Pack, floors
from amanat.policy.linting.findings import Case, Complaint, check

#: Clocks of a breach and the figures that bound them.
_BREACH = {
    "people": "breach.people",
    "board_first": "breach.board.first",
    "board_detail": "breach.board.detail",
    "eu_authority": "breach.eu",
    "certin": "breach.certin",
}
#: "Without delay" is no number: this product's own hard end stands for it.
_HARD_END = Duration.parse("PT72H")


@check("children.age")
def age(case: Case) -> Iterator[Complaint]:
    for pack, figure in case.figures("child.age"):
        if isinstance(figure.value, int) and pack.regimes and case.policy.children.min_age < figure.value:
            wrong = f"A child is anyone under {figure.value} ({figure.source})."
            yield ("children", "min_age"), wrong, f"Write `min_age: {figure.value}`."


@check("keep.below-floor")
def below_floor(case: Case) -> Iterator[Complaint]:
    """Seven years are not safe for an Indian invoice."""
    company = case.policy.parties.operator.company
    binding = [floor for pack in case.packs for floor in pack.floors.values() if floors.applies(floor, company=company)]
    for name, keep in case.policy.keep.items():
        for floor in binding:
            too_short = [
                period for period in keep.until.values() if not floors.longest(floor).is_never_longer_than(period)
            ]
            if floor.id not in keep.floor and _is_under(case, keep, floor) and too_short:
                wrong = f"{too_short[0].in_words()} can end before the law allows it ({floor.source})."
                yield ("keep", name), wrong, f"Add `{floor.id}` to `floor`."


def _is_under(case: Case, keep: Keep, floor: Floor) -> bool:
    held = {term for name in keep.of if name in case.policy.data for term in case.policy.data[name].terms}
    if floor.of == "books":
        return bool(held & terms.vocabulary().books)
    return floor.of == "logs" and "pd:AuthenticationHistory" in held


@check("keep.floor-unknown")
def floor_unknown(case: Case) -> Iterator[Complaint]:
    known = [floor for pack in case.packs for floor in pack.floors]
    for name, keep in case.policy.keep.items():
        for floor in keep.floor:
            if floor not in known:
                wrong = f"No chosen law pack has the floor “{floor}”."
                yield ("keep", name, "floor"), wrong, f"There are: {', '.join(known) or 'none'}."


@check("keep.warning-short")
def warning_short(case: Case) -> Iterator[Complaint]:
    """Who has been away for long is told before everything goes."""
    for _, figure, notice in _of_laws(case, "erase.notice"):
        for name, keep in case.policy.keep.items():
            if "last_login" in keep.until and (keep.warn is None or not notice.is_never_longer_than(keep.warn)):
                wrong = f"People must hear of it {notice.in_words()} before ({figure.source})."
                yield ("keep", name, "warn"), wrong, f"Write `warn: {notice}`."


def _of_laws(case: Case, key: str) -> Iterator[tuple[Pack, Figure, Duration]]:
    """Limits of packs that hold a law one can be under; what this house chose for itself binds nobody else."""
    return (found for found in case.limits(key) if found[0].regimes)


@check("vault.missing")
def vault_missing(case: Case) -> Iterator[Complaint]:
    """Erasing at once and keeping for a year can both be true only with a sealed store."""
    promises = any({"request", "closure", "opt_out"} & set(keep.until) for keep in case.policy.keep.values())
    for pack in case.packs:
        for floor in pack.floors.values():
            if floor.of != "everything" or not promises or not floor.period:
                continue
            if case.policy.vault is None:
                wrong = f"Deletion is promised, and {floor.source} forces us to keep."
                yield ("vault",), wrong, f"Add a `vault` with `shred: {floor.period}`."
            elif case.policy.vault.shred != floor.period:
                wrong = f"The law says {floor.period.in_words()} ({floor.source})."
                yield ("vault", "shred"), wrong, f"Write `shred: {floor.period}`."


@check("rights.slow")
def rights_slow(case: Case) -> Iterator[Complaint]:
    rights = case.policy.rights
    for pack, figure, limit in _of_laws(case, "rights.limit"):
        for regime in (regime for regime in pack.regimes if regime in case.policy.head.regimes):
            promised = rights.regimes.get(regime)
            if promised is None:
                yield ("rights", "regimes"), f"There is no limit under {regime}.", f"Add `{regime}: {limit}`."
            elif not promised.is_never_longer_than(limit):
                wrong = f"{promised.in_words()} is longer than {limit.in_words()} ({figure.source})."
                yield ("rights", "regimes", regime), wrong, f"Write {limit} or less."
            # Of 30 days and one month, whichever ends first holds; what is never the shorter is no promise.
            if rights.due != limit.alone and limit.alone.is_never_longer_than(rights.due):
                wrong = f"{rights.due.in_words()} is longer than {limit.alone.in_words()} ({figure.source})."
                yield ("rights", "due"), wrong, f"Write {limit.alone} or less."


@check("breach.slow")
def breach_slow(case: Case) -> Iterator[Complaint]:
    for clock, key in _BREACH.items():
        promised: Duration | None = getattr(case.policy.breach, clock)
        for _, figure, demanded in _of_laws(case, key):
            limit = _HARD_END if clock == "people" else demanded
            if promised is None:
                yield ("breach", clock), f"Nobody is told, as {figure.source} demands.", f"Add `{clock}: {limit}`."
            elif not promised.is_never_longer_than(limit):
                wrong = f"{promised.in_words()} is too late ({figure.source})."
                yield ("breach", clock), wrong, f"Write {limit} or less."
