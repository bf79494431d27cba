"""What providers tell us, applied: how far our messages got, what people want, how templates and accounts stand, what people wrote.

Reports come in any order, late and more than once, so what becomes of a message is the greatest of what was ever reported:

    nothing < sent < failed < delivered < read

That a message arrived is a fact on the person's telephone; that it failed is a carrier's opinion. A failure after a delivery therefore
changes nothing, and a delivery after a failure puts it right. A report about one of ours also proves that the provider took it, which
settles what was unknown and stops what was about to be tried again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.core import clock
from amanat.messaging.channels import accounts, templates
from amanat.messaging.channels.contract import AccountNews, Arrived, News, Preference, Progress, Report, TemplateNews
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import arriving
from amanat.messaging.outbox import answers, changes, recording, wishes
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch

#: What outweighs what. The same order stands in `_APPLY`.
_RANKS = (Progress.SENT, Progress.FAILED, Progress.DELIVERED, Progress.READ)

#: Which message each report is about: by our reference, else by what the provider calls it. One that calls two the same means the newer.
_FIND = """
SELECT told.place, coalesce(ours.id, theirs.id)
FROM unnest(%(places)s::int[], %(references)s::uuid[], %(providers)s::text[]) AS told(place, reference, provider_id)
LEFT JOIN LATERAL (SELECT d.id FROM messaging_dispatch d
    WHERE d.workspace_id = %(here)s AND d.id = told.reference AND d.account_id = %(account)s LIMIT 1) ours ON true
LEFT JOIN LATERAL (SELECT d.id FROM messaging_dispatch d
    WHERE ours.id IS NULL AND d.workspace_id = %(here)s AND d.account_id = %(account)s AND d.provider_id = told.provider_id
        AND d.provider_id <> '' ORDER BY d.id DESC LIMIT 1) theirs ON true
"""
_APPLY = """
UPDATE messaging_dispatch d SET state = 'done', lease_until = NULL, extra = NULL,
    delivery = CASE WHEN {is_further} THEN v.new ELSE d.delivery END,
    error_code = CASE WHEN {is_further} THEN v.code WHEN d.delivery IN ('delivered', 'read') THEN ''
        WHEN v.new = d.delivery THEN greatest(d.error_code, v.code) ELSE d.error_code END,
    pricing = greatest(d.pricing, v.pricing), sent_at = least(d.sent_at, v.at), ended_at = coalesce(d.ended_at, %(now)s),
    provider_id = CASE WHEN d.provider_id = '' THEN v.provider_id ELSE d.provider_id END
FROM unnest(%(ids)s::uuid[], %(new)s::text[], %(codes)s::text[], %(pricing)s::text[], %(at)s::timestamptz[], %(providers)s::text[])
    AS v(id, new, code, pricing, at, provider_id)
WHERE d.workspace_id = %(here)s AND d.id = v.id
RETURNING d.id, d.message_id, d.contact_id, d.source, d.source_id, d.state, d.delivery, d.reason, d.channel
""".replace(
    "{is_further}",
    "array_position(ARRAY['', 'sent', 'failed', 'delivered', 'read'], v.new) > "
    "array_position(ARRAY['', 'sent', 'failed', 'delivered', 'read'], d.delivery::text)",
)


def take(workspace_id: UUID, account: ChannelAccount, news: Sequence[News], *, at: datetime | None = None) -> int:
    """Apply what a provider said; returns how many reports were about messages that we do not know. Doing it twice changes nothing."""
    return len(take_all(workspace_id, account, news, at=at or clock.now()))


def take_all(workspace_id: UUID, account: ChannelAccount, news: Iterable[News], *, at: datetime) -> set[int]:
    """The same; returns the places of those reports. All reports together cost a few statements."""
    reports: list[tuple[int, Report]] = []
    for place, each in enumerate(news):
        match each:
            case Report():
                reports.append((place, each))
            case Arrived():
                message = arriving.take_in(workspace_id=workspace_id, account=account, arrived=each)
                if message is not None:
                    answers.heed(account=account, arrived=each, message=message, at=at)
            case Preference():
                wishes.prefer(account=account, preference=each, at=at)
            case TemplateNews():
                templates.apply(account=account, news=each, at=at)
            case AccountNews():
                accounts.apply(account=account, news=each, at=at)
    return _apply(workspace_id, account, reports, at) if reports else set()


def _apply(
    workspace_id: UUID, account: ChannelAccount, reports: Sequence[tuple[int, Report]], at: datetime
) -> set[int]:
    """Apply reports; returns the places of those that are about no message of ours."""
    about = _found(workspace_id, account, reports)
    known = sorted(((about[place], report) for place, report in reports if about[place] is not None), key=_by_dispatch)
    told = {key: _together([report for _key, report in group]) for key, group in groupby(known, key=_by_dispatch)}
    moved = _written(workspace_id, told, at) if told else []
    _suppress(workspace_id, {key: report.code for key, report in known if report.opts_out}, at)
    changes.pass_on(workspace_id, moved)
    return {place for place, key in about.items() if key is None}


def _written(workspace_id: UUID, told: Mapping[UUID, dict[str, Any]], at: datetime) -> list[Change]:
    """Move the dispatches on, all in one statement."""
    said = list(told.values())
    with connection.cursor() as cursor:
        cursor.execute(_APPLY, {
            "here": workspace_id, "now": at, "ids": list(told),
            "new": [one["new"] for one in said], "codes": [one["code"] for one in said], "pricing": [one["pricing"] for one in said],
            "at": [one["at"] for one in said], "providers": [one["provider_id"] for one in said],
        })  # fmt: skip
        found = cursor.fetchall()
    recording.name_letters(workspace_id, [row[0] for row in found if row[-1] == "email"])
    return [Change(*row[:-1]) for row in found]


def _by_dispatch(entry: tuple[UUID | None, Report]) -> UUID:
    assert entry[0] is not None
    return entry[0]


def _found(
    workspace_id: UUID, account: ChannelAccount, reports: Sequence[tuple[int, Report]]
) -> dict[int, UUID | None]:
    with connection.cursor() as cursor:
        cursor.execute(_FIND, {
            "here": workspace_id, "account": account.pk, "places": [place for place, _report in reports],
            "references": [report.reference for _place, report in reports],
            "providers": [report.provider_id[:250] for _place, report in reports],
        })  # fmt: skip
        return dict(cursor.fetchall())


def _together(reports: Sequence[Report]) -> dict[str, Any]:
    """What several reports about one message say, whatever their order."""
    new = max((report.progress for report in reports), key=_RANKS.index)
    codes = [report.code[:40] for report in reports if report.progress is new]
    return {
        "new": new.value,
        "code": max(codes)
        if new in {Progress.SENT, Progress.FAILED}
        else "",  # sent with a code: it waits at the other side
        "pricing": max(report.pricing[:30] for report in reports),
        "at": min(report.at for report in reports),
        "provider_id": max(report.provider_id[:250] for report in reports),
    }


def _suppress(workspace_id: UUID, codes: dict[UUID | None, str], at: datetime) -> None:
    if codes:
        for row in Dispatch.objects.of(workspace_id).filter(pk__in=[key for key in codes if key is not None]):
            recording.suppress(row, at=at, code=codes[row.pk])
