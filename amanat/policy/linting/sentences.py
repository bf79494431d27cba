"""Does every sentence rest on rules, every rule stand in a sentence, and every language say the same?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from amanat.policy import references
from amanat.policy.linting.findings import Case, Complaint, Severity, check
from amanat.policy.reading import Place
from amanat.policy.references import REFERENCE
from amanat.policy.rendering import is_shown
from amanat.policy.telling import _, told

_UNITS = r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?)"
_ENGLISH = r"(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|thirty|sixty|ninety)"
_DEVANAGARI = r"(?:दो|तीन|चार|पाँच|पाच|सात|दस|दहा|तीस|साठ|नब्बे|नव्वद)"
_DEVANAGARI_UNITS = r"(?:सेकंड|सेकंद|मिनट|मिनिट|घंट|तास|दिन|दिवस|महीन|महिन|वर्ष|साल)"
#: A number in digits of any script, or spelled out before a unit.
TYPED = re.compile(rf"\d|\b{_ENGLISH}[ -]{_UNITS}\b|{_DEVANAGARI} {_DEVANAGARI_UNITS}", re.IGNORECASE)
#: Blocks whose entries are disclosed one by one.
_BY_NAME = frozenset(
    [
        "data",
        "purposes",
        "recipients",
        "keep",
        "products",
        "parties",
        "storage",
        "rights",
        "transfers",
        "breach",
        "children",
        "changes",
    ]
)
#: Blocks that are about the file, or are no rules.
_NO_RULES = frozenset(["amanat", "clauses", "labels", "translations"])


def sentences(case: Case) -> Iterator[tuple[Place, str]]:
    """Every sentence of the page in every language, and where it stands."""
    clauses = {clause.id for clause in case.policy.clauses}
    for clause in case.policy.clauses:
        yield ("clauses", clause.id, "say"), clause.say
    for language, said in case.policy.translations.items():
        for name, text in said.items():
            if name in clauses:
                yield ("translations", language, name), text


@check("sentence.typed-number")
def typed_number(case: Case) -> Iterator[Complaint]:
    for place, text in sentences(case):
        if found := TYPED.search(REFERENCE.sub("", text)):
            wrong = told(
                _("The number “{words}” is typed, so it can differ from the rule that is kept."), words=found[0]
            )
            yield place, wrong, told(_("Write the number in a rule and its {path} here."))


@check("sentence.braces")
def braces(case: Case) -> Iterator[Complaint]:
    for place, text in sentences(case):
        if set(REFERENCE.sub("", text)) & {"{", "}"}:
            yield place, told(_("A brace stands alone.")), told(_("Write {path}, with both braces."))


@check("reference.missing")
def reference_missing(case: Case) -> Iterator[Complaint]:
    languages = case.policy.head.langs
    for place, text in sentences(case):
        for path in references.paths_in(text):
            try:
                for language in languages:
                    references.in_words(case.policy, path, language)
            except references.ReferenceMissing:
                yield (
                    place,
                    told(_("There is no rule {{{path}}}."), path=path),
                    told(_("Write the path of a rule of this file.")),
                )
            except references.WordsMissing as missing:
                wrong = told(_("The page has no words for {missing} in every language."), missing=missing)
                yield place, wrong, told(_("Add them to `labels`, and to `translations` of each language."))


@check("clause.rests-on-nothing")
def rests_on_nothing(case: Case) -> Iterator[Complaint]:
    for clause in case.policy.clauses:
        if clause.kind == "disclaimer":
            continue
        if not clause.rests:
            yield (
                ("clauses", clause.id),
                told(_("No rule keeps this promise.")),
                told(_("Name the rules in `rests`, or write `kind: disclaimer`.")),
            )
        for path in clause.rests:
            try:
                references.find(case.policy, path)
            except references.ReferenceMissing:
                yield (
                    ("clauses", clause.id, "rests"),
                    told(_("There is no rule {path}."), path=path),
                    told(_("Write the path of a rule of this file.")),
                )


@check("clause.without-probe")
def without_probe(case: Case) -> Iterator[Complaint]:
    for clause in case.policy.clauses:
        if not clause.probe:
            yield (
                ("clauses", clause.id),
                told(_("Nothing shows whether this is kept.")),
                told(_("Name its tests in `probe`.")),
            )


@check("rule.undisclosed")
def undisclosed(case: Case) -> Iterator[Complaint]:
    """What is done is said: each rule has a clause that rests on it, on what is around it, or on a part of it."""
    resting = [path for clause in case.policy.clauses for path in clause.rests]
    for path in _rules(case):
        if not any(path == rest or path.startswith(f"{rest}.") or rest.startswith(f"{path}.") for rest in resting):
            yield (
                tuple(path.split(".")),
                told(_("No clause tells people of this.")),
                told(_("Add `{path}` to what a clause `rests` on."), path=path),
            )


def _rules(case: Case) -> Iterator[str]:
    for block, below in case.policy.tree.items():
        if block in _BY_NAME:
            yield from (f"{block}.{name}" for name in below)
        elif block not in _NO_RULES:
            yield block


@check("translation.missing")
def translation_missing(case: Case) -> Iterator[Complaint]:
    for language in case.policy.head.langs:
        said = case.policy.translations.get(language, {}) if language != "en" else None
        for clause in case.policy.clauses:
            if said is not None and clause.id not in said:
                wrong = told(_("“{clause}” is not said in “{language}”."), clause=clause.id, language=language)
                yield (
                    ("translations", language),
                    wrong,
                    told(_("Translate it, or take “{language}” out of `langs`."), language=language),
                )


@check("translation.differs")
def translation_differs(case: Case) -> Iterator[Complaint]:
    """The same references in every language, so that no translation can change a number."""
    clauses = {clause.id: clause for clause in case.policy.clauses}
    for language, said in case.policy.translations.items():
        for name, text in said.items():
            if name not in clauses:
                continue
            expected, found = Counter(references.paths_in(clauses[name].say)), Counter(references.paths_in(text))
            for path in sorted((expected - found).elements()):
                yield (
                    ("translations", language, name),
                    told(_("{{{path}}} is left out."), path=path),
                    told(_("Say what the English sentence says.")),
                )
            for path in sorted((found - expected).elements()):
                yield (
                    ("translations", language, name),
                    told(_("{{{path}}} is added."), path=path),
                    told(_("Say what the English sentence says.")),
                )


@check("translation.stray")
def translation_stray(case: Case) -> Iterator[Complaint]:
    """A translation is of a clause, or of words for a path, which has a dot."""
    clauses = {clause.id for clause in case.policy.clauses}
    given = [("labels", path) for path in case.policy.labels]
    said = [("translations", language, name) for language, held in case.policy.translations.items() for name in held]
    for place in [*given, *said]:
        name = place[-1]
        if name in clauses and place[0] == "translations":
            continue
        try:
            references.find(case.policy, name if "." in name else "?")
        except references.ReferenceMissing:
            yield (
                place,
                told(_("There is neither a clause nor a rule “{name}”."), name=name),
                told(_("Remove it, or mend the name.")),
            )


@check("attested.hidden", Severity.WARNING)
def attested_hidden(case: Case) -> Iterator[Complaint]:
    policy = case.policy
    for clause in policy.clauses:
        if not is_shown(policy, clause, policy.head.effective):
            wrong = told(_("Its evidence is missing or has run out, so the page leaves it out."))
            yield (
                ("clauses", clause.id),
                wrong,
                told(_("Attest it on the page of promises, or write `evidence` and `until` at what it rests on.")),
            )
