"""What is new between two drafts of one record, as the timeline tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from amanat.people import custom_fields, records
from amanat.people.drafts import ADDRESS_PARTS, CompanyDraft, RecordDraft
from amanat.people.vocabulary import FieldWord, Vocabulary

#: By field: as it was, as it is.
type Differences = dict[str, tuple[str, str]]

LABELS = {
    "name": gettext_lazy("name"), "company": gettext_lazy("company"), "job_title": gettext_lazy("job title"),
    "phones": gettext_lazy("phones"), "emails": gettext_lazy("e-mails"), "addresses": gettext_lazy("addresses"),
    "tags": gettext_lazy("tags"), "stage": gettext_lazy("stage"), "language": gettext_lazy("language"),
    "birthday": gettext_lazy("birthday"), "owner": gettext_lazy("owner"), "team": gettext_lazy("team"),
    "notes": gettext_lazy("notes"), "follow_up_on": gettext_lazy("next follow-up"), "external_id": gettext_lazy("external id"),
    "gstin": gettext_lazy("GSTIN"), "website": gettext_lazy("website"), "industry": gettext_lazy("industry"),
}  # fmt: skip
_TOLD_OTHERWISE = {"company_id", "company_name", "custom"}


def between(before: RecordDraft, after: RecordDraft, words: Vocabulary) -> Differences:
    found: Differences = {}
    old_company, new_company = (getattr(draft, "company_name", "") for draft in (before, after))
    old_id, new_id = (getattr(draft, "company_id", None) for draft in (before, after))
    if (old_id, old_company) != (new_id, new_company):
        found["company"] = (old_company, new_company)
    for one in fields(before):
        if one.name not in _TOLD_OTHERWISE:
            old, new = getattr(before, one.name), getattr(after, one.name)
            if _plain(old) != _plain(new):
                found[one.name] = (told(one.name, old, words), told(one.name, new, words))
    own = {one.key: one for one in words.fields_on("company" if isinstance(after, CompanyDraft) else "contact")}
    for key in {**before.custom, **after.custom}:
        old, new = before.custom.get(key), after.custom.get(key)
        if old != new:
            found[f"custom-{key}"] = (own_value(own.get(key), old), own_value(own.get(key), new))
    return found


def own_value(word: FieldWord | None, value: Any) -> str:
    """A value of a custom field as the history tells it: as people read it, an amount in rupees."""
    return records.show(custom_fields.shown(word, value) if word else value)


def own_labels(names: Iterable[str], fields: Iterable[FieldWord]) -> dict[str, str]:
    """What the custom fields among these names are called."""
    known = {f"custom-{one.key}": one.label for one in fields}
    return {name: known[name] for name in names if name in known}


def told(name: str, value: Any, words: Vocabulary) -> str:  # noqa: PLR0911 (one return a field)
    """A value of a draft's field in words."""
    match name:
        case "owner":
            return words.member_name(value)
        case "stage":
            return words.stage_name(value)
        case "team":
            return words.teams.get(value, "")
        case "phones":
            return records.show_numbers(value)
        case "emails":
            return ", ".join(address for address, _label in value)
        case "tags":
            return ", ".join(value)
        case "addresses":
            lines = [[getattr(one, part) for part in ADDRESS_PARTS] for one in value]
            return " | ".join(", ".join(part for part in line if part) for line in lines)
        case _:
            return records.show(value)


def label(name: str) -> str:
    return str(LABELS.get(name, name.removeprefix("custom-")))


def summary(found: Mapping[str, Any], labels: Mapping[str, str] | None = None) -> str:
    """`labels` are those of custom fields."""
    names = [(labels or {}).get(name) or label(name) for name in found]
    if len(names) > 3:
        return ngettext("Changed %(count)d field", "Changed %(count)d fields", len(names)) % {"count": len(names)}
    return _("Changed %(fields)s") % {"fields": ", ".join(names)}


def told_again(data: Mapping[str, Any]) -> str:
    """The summary of a line that keeps its changes, in the language of whoever reads now; "" where it keeps none."""
    match data.get("changes"):
        case [[str(), _old, _new], *_rest] as changes:
            labels = data.get("labels")
            found = {str(change[0]): change for change in changes if change}
            return summary(found, labels if isinstance(labels, dict) else None)
    return ""


def as_data(found: Differences, labels: Mapping[str, str]) -> dict[str, Any]:
    """What the line of the timeline keeps; `labels` are those of custom fields, which may be called otherwise later."""
    kept: dict[str, Any] = {"changes": [[name, old, new] for name, (old, new) in found.items()]}
    return kept | ({"labels": dict(labels)} if labels else {})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
