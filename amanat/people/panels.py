"""The choices beside a list as markup: filters, orders, columns, options of the bulk bar. Written here and not in a template for
the same reason as the rows (`people.columns`): they are some hundred small pieces on every page. Every value is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from amanat.people import lists
from amanat.people.columns import Column
from amanat.people.lists import Definition
from amanat.people.models import Source
from amanat.people.vocabulary import FieldWord, Vocabulary

#: More tags than this are found by writing one, not by looking through a list.
MOST_TAGS = 200
type Choices = Sequence[tuple[str, Any]]


def hidden(pairs: Iterable[tuple[str, str]], *, but: str) -> SafeString:
    """The list as it is, for a form that changes one thing of it."""
    return _markup(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in pairs if name != but
    )


def options(choices: Iterable[tuple[Any, Any]]) -> SafeString:
    """Options of a select."""
    return _markup(f'<option value="{escape(value)}">{escape(label)}</option>' for value, label in choices)


def check(name: str, value: str, label: Any, *, is_on: bool) -> str:
    checked = " checked" if is_on else ""
    return (
        f'<label class="check"><input type="checkbox" name="{escape(name)}" value="{escape(value)}"{checked}>'
        f"<span>{escape(label)}</span></label>"
    )


def orders(definition: Definition, base: str) -> SafeString:
    """The menu of orders: one small form, a button each."""
    rows = (
        f'<button class="menu-item" name="sort" value="{key}"{" aria-current=true" if key == definition.sort else ""}>{escape(label)}</button>'
        for key, label in lists.SORTS.items()
    )
    return _markup([f'<form method="get" action="{base}">', hidden(definition.pairs(), but="sort"), *rows, "</form>"])


def columns(known: Sequence[Column], shown: Sequence[Column], definition: Definition, base: str) -> SafeString:
    keys = {column.key for column in shown}
    rows = (check("columns", one.key, one.label, is_on=one.key in keys) for one in known)
    return _markup(
        [
            f'<form method="get" action="{base}">',
            hidden(definition.pairs(), but="columns"),
            '<div class="checks">',
            *rows,
            f'</div><button class="button button-primary button-small">{escape(_("Show"))}</button></form>',
        ]
    )


def filters(definition: Definition, words: Vocabulary) -> SafeString:
    """The filters; those in use stand open."""
    pieces = []
    for name, one in lists.FILTERS.items():
        choices = _choices(one.kind, words)
        nothing_to_choose = one.kind in {"stage", "team", "tag"} and not getattr(words, f"{one.kind}s")
        if definition.on in one.on and not nothing_to_choose:
            pieces.append(_filter(name, one.label, "date" if one.kind == "day" else "text", choices, definition))
    for word in words.fields_on(definition.on):
        name = f"custom.{word.key}"
        is_ranged = word.kind in lists.RANGED
        pieces.append(
            _stretch(name, word, definition)
            if is_ranged
            else _filter(name, word.label, "text", _custom(word), definition)
        )
    return _markup(pieces)


def _stretch(name: str, word: FieldWord, definition: Definition) -> str:
    """From and to, for values that have an order."""
    is_day = word.kind in {"date", "time"}
    kind = 'type="date"' if is_day else 'type="text" inputmode="decimal"'
    controls, opened = [], ""
    for side, label in (("from", _("From")), ("to", _("To"))):
        values = definition.filters.get(f"{name}.{side}", ())
        opened = " open" if values else opened
        value = escape(values[-1] if values else "")
        place = f"filter-{escape(name)}.{side}"
        controls.append(
            f'<div class="field field-half"><label for="{place}">{escape(label)}</label><input {kind} id="{place}" '
            f'name="{escape(name)}.{side}" value="{value}" aria-label="{escape(word.label)}: {escape(label)}" maxlength="40"></div>'
        )
    summary = f"<summary>{escape(word.label)}</summary>"
    return f'<details class="disclosure"{opened}>{summary}<div class="fields">{"".join(controls)}</div></details>'


def _choices(kind: str, words: Vocabulary) -> Choices:  # noqa: PLR0911 (one return a kind)
    none = (lists.NONE, _("None"))
    match kind:
        case "stage":
            return [*((str(one.id), one.name) for one in words.stages.values()), none]
        case "owner":
            return [(lists.ME, _("Me")), *((str(one.id), one.name) for one in words.members.values()), none]
        case "team":
            return [*((str(key), name) for key, name in words.teams.items()), none]
        case "tag":
            return [(str(one.id), one.name) for one in list(words.tags.values())[:MOST_TAGS]] + [none]
        case "source":
            return Source.choices
        case "follow_up":
            return [("due", _("Due")), ("week", _("In 7 days")), ("later", _("Later")), none]
    return _yes_no() if kind == "yes_no" else ()


def _custom(word: FieldWord) -> Choices:
    return [(choice, choice) for choice in word.choices] or (_yes_no() if word.kind == "yes_no" else ())


def _yes_no() -> Choices:
    return [("yes", _("Yes")), ("no", _("No"))]


def _filter(name: str, label: Any, kind: str, choices: Choices, definition: Definition) -> str:
    values = definition.filters.get(name, ())
    if choices:
        checks = "".join(check(name, value, text, is_on=value in values) for value, text in choices)
        control = f'<div class="checks">{checks}</div>'
    else:
        value = escape(values[0] if values else "")
        control = f'<div><input class="input" type="{kind}" name="{escape(name)}" value="{value}" aria-label="{escape(label)}" maxlength="200"></div>'
    opened = " open" if values else ""
    return f'<details class="disclosure"{opened}><summary>{escape(label)}</summary>{control}</details>'


#: What the bulk bar's buttons for a custom field send: set what stands in its control, or take the value away.
SET_OWN, EMPTY_OWN = "set-own.", "empty-own."
_INPUTS = {
    "number": 'type="text" inputmode="decimal"', "money": 'type="text" inputmode="decimal"', "date": 'type="date"',
    "time": 'type="datetime-local"', "phone": 'type="tel"', "email": 'type="email"', "link": 'type="url"',
}  # fmt: skip


def own_values(fields: Sequence[FieldWord]) -> SafeString:
    """One control for each custom field, with the buttons that set it for all ticked rows."""
    return _markup(_own_value(word) for word in fields)


def _own_value(word: FieldWord) -> str:
    name, label, key = f"own-{escape(word.key)}", escape(word.label), escape(word.key)
    choices = _custom(word)
    if word.kind == "choices":
        checks = "".join(check(f"own-{word.key}", value, text, is_on=False) for value, text in choices)
        control = f'<div class="checks">{checks}</div>'
    elif choices:
        control = f'<select class="input" name="{name}" aria-label="{label}"><option value="">—</option>{options(choices)}</select>'
    elif word.kind == "long_text":
        control = f'<textarea class="input" name="{name}" rows="3" aria-label="{label}"></textarea>'
    else:
        kind = _INPUTS.get(word.kind, 'type="text"')
        control = f'<input class="input" {kind} name="{name}" aria-label="{label}" maxlength="300" autocomplete="off">'
    set_it = f'<button class="button button-primary button-small" name="act" value="{SET_OWN}{key}">{escape(_("Set"))}</button>'
    empty = f'<button class="button button-small" name="act" value="{EMPTY_OWN}{key}">{escape(_("Empty"))}</button>'
    buttons = set_it if word.is_required else f"{set_it} {empty}"
    return f'<details class="disclosure"><summary>{label}</summary><div class="stack-tight">{control}<div class="row">{buttons}</div></div></details>'


def _markup(pieces: Iterable[str]) -> SafeString:
    return mark_safe("".join(pieces))  # noqa: S308 (every value above is escaped)
