"""Is every number within what the chosen law packs allow? A law that is not in force yet counts as one that is."""

from __future__ import annotations

from collections.abc import Iterator

from amanat.policy import references, terms
from amanat.policy.durations import Duration
from amanat.policy.format import Keep
from amanat.policy.law import Figure, Floor, Pack, floors
from amanat.policy.linting.findings import Case, Complaint, check
from amanat.policy.telling import _, told

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
            wrong = told(_("A child is anyone under {value} ({source})."), value=figure.value, source=figure.source)
            yield ("children", "min_age"), wrong, told(_("Write `min_age: {value}`."), value=figure.value)


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
                wrong = told(
                    _("{too_short} can end before the law allows it ({source})."),
                    too_short=too_short[0],
                    source=floor.source,
                )
                yield ("keep", name), wrong, told(_("Add `{floor}` to `floor`."), floor=floor.id)


def _is_under(case: Case, keep: Keep, floor: Floor) -> bool:
    held = {term for name in keep.of if name in case.policy.data for term in case.policy.data[name].terms}
    if floor.of == "books":
        return bool(held & terms.vocabulary().books)
    return floor.of == "logs" and "pd:AuthenticationHistory" in held


@check("keep.law-unsaid")
def law_unsaid(case: Case) -> Iterator[Complaint]:
    """What a named floor keeps for longer than a sentence says, the sentence must say too: it rests on the vault as well."""
    company = case.policy.parties.operator.company
    for clause in case.policy.clauses:
        if any(path.partition(".")[0] == "vault" for path in clause.rests):
            continue
        for name, trigger in _periods_in(clause.say):
            keep = case.policy.keep.get(name)
            promised = keep.until.get(trigger) if keep else None
            if keep is None or promised is None:
                continue
            for floor in floors.named(keep, case.packs):
                if floors.applies(floor, company=company) and not floors.longest(floor).is_never_longer_than(promised):
                    wrong = told(
                        _("“{clause}” would say {period}, and the law keeps it longer ({source})."),
                        clause=clause.id,
                        period=promised,
                        source=floor.source,
                    )
                    advice = _("Write {limit} or more, or say it in the sentence and let it rest on `vault` as well.")
                    yield ("keep", name, "until", trigger), wrong, told(advice, limit=floors.longest(floor))


def _periods_in(sentence: str) -> Iterator[tuple[str, str]]:
    """Name and trigger of each period of keeping that a sentence names."""
    for path in references.paths_in(sentence):
        match path.split("."):
            case ["keep", name, "until", trigger]:
                yield name, trigger


@check("keep.floor-unknown")
def floor_unknown(case: Case) -> Iterator[Complaint]:
    known = [floor for pack in case.packs for floor in pack.floors]
    for name, keep in case.policy.keep.items():
        for floor in keep.floor:
            if floor not in known:
                wrong = told(_("No chosen law pack has the floor “{floor}”."), floor=floor)
                yield ("keep", name, "floor"), wrong, told(_("There are: {words}."), words=", ".join(known) or "none")


@check("keep.warning-short")
def warning_short(case: Case) -> Iterator[Complaint]:
    """Who has been away for long is told before everything goes."""
    for _pack, figure, notice in _of_laws(case, "erase.notice"):
        for name, keep in case.policy.keep.items():
            if "last_login" in keep.until and (keep.warn is None or not notice.is_never_longer_than(keep.warn)):
                wrong = told(
                    _("People must hear of it {notice} before ({source})."), notice=notice, source=figure.source
                )
                yield ("keep", name, "warn"), wrong, told(_("Write `warn: {notice}`."), notice=str(notice))


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
                wrong = told(_("Deletion is promised, and {source} forces us to keep."), source=floor.source)
                yield ("vault",), wrong, told(_("Add a `vault` with `shred: {period}`."), period=str(floor.period))
            elif case.policy.vault.shred != floor.period:
                wrong = told(_("The law says {period} ({source})."), period=floor.period, source=floor.source)
                yield ("vault", "shred"), wrong, told(_("Write `shred: {period}`."), period=str(floor.period))


@check("rights.slow")
def rights_slow(case: Case) -> Iterator[Complaint]:
    rights = case.policy.rights
    for pack, figure, limit in _of_laws(case, "rights.limit"):
        for regime in (regime for regime in pack.regimes if regime in case.policy.head.regimes):
            promised = rights.regimes.get(regime)
            if promised is None:
                yield (
                    ("rights", "regimes"),
                    told(_("There is no limit under {regime}."), regime=regime),
                    told(_("Add `{regime}: {limit}`."), regime=regime, limit=str(limit)),
                )
            elif not promised.is_never_longer_than(limit):
                wrong = told(
                    _("{promised} is longer than {limit} ({source})."),
                    promised=promised,
                    limit=limit,
                    source=figure.source,
                )
                yield ("rights", "regimes", regime), wrong, told(_("Write {limit} or less."), limit=str(limit))
            # Of 30 days and one month, whichever ends first holds; what is never the shorter is no promise.
            if rights.due != limit.alone and limit.alone.is_never_longer_than(rights.due):
                wrong = told(
                    _("{due} is longer than {alone} ({source})."),
                    due=rights.due,
                    alone=limit.alone,
                    source=figure.source,
                )
                yield ("rights", "due"), wrong, told(_("Write {alone} or less."), alone=str(limit.alone))


@check("breach.slow")
def breach_slow(case: Case) -> Iterator[Complaint]:
    for clock, key in _BREACH.items():
        promised: Duration | None = getattr(case.policy.breach, clock)
        for _pack, figure, demanded in _of_laws(case, key):
            limit = _HARD_END if clock == "people" else demanded
            if promised is None:
                yield (
                    ("breach", clock),
                    told(_("Nobody is told, as {source} demands."), source=figure.source),
                    told(_("Add `{clock}: {limit}`."), clock=clock, limit=str(limit)),
                )
            elif not promised.is_never_longer_than(limit):
                wrong = told(_("{promised} is too late ({source})."), promised=promised, source=figure.source)
                yield ("breach", clock), wrong, told(_("Write {limit} or less."), limit=str(limit))
