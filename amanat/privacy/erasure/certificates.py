"""What a search came to: a certificate where nothing was found, an open item for each place where something was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext

from amanat.accounts.models import Member
from amanat.basis import principals
from amanat.core import ids, ledger
from amanat.people.models import ExportRun
from amanat.privacy.erasure import around, recipients
from amanat.privacy.erasure.models import Erasure, ErasureCertificate, ErasureOpenItem
from amanat.privacy.erasure.traces import LEFT_ALONE, Finding, Searched
from amanat.privacy.erasure.wanted import Wanted

Kind, State = ErasureOpenItem.Kind, Erasure.State
#: Items that say that something is still here; the others are orders to people outside.
BLOCKING = (Kind.TRACE, Kind.FILE, Kind.IMPORT)
#: More people than this are named in a certificate by one hash of all.
_NAMED = 100
_SHOWN = 20


class NotOpen(ValueError):
    """The item was closed by somebody else."""


def conclude(erasure: Erasure, wanted: Wanted, searched: Searched, *, at: datetime) -> None:
    """Write open items or the certificate, and the state; the caller saves the erasure. Forgets what was looked for when all was
    read and nothing was found."""
    here = erasure.workspace_id
    _open_items(erasure, list(_items(erasure, wanted, searched, at)), at)
    if _blocking(erasure).exists():
        erasure.state = State.FAILED
        ledger.write(
            "privacy.erasure.traced", workspace=here, at=at, erasure=str(erasure.pk), count=_blocking(erasure).count()
        )
        return
    erasure.state = State.DONE
    if searched.is_whole:
        erasure.confirmed_at = at
        if not recipients.waits(erasure):
            erasure.wanted = None
    issue(erasure, told(erasure, wanted, searched, at=at), is_whole=searched.is_whole, at=at)


def issue(erasure: Erasure, body: dict[str, Any], *, is_whole: bool, at: datetime) -> ErasureCertificate:
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    kinds = ErasureCertificate.Search
    made = ErasureCertificate.objects.create(
        workspace_id=erasure.workspace_id, erasure=erasure, search=kinds.WHOLE if is_whole else kinds.INDEXED, issued_at=at,
        body=text, digest=hashlib.sha256(text.encode()).hexdigest(),
    )  # fmt: skip
    ledger.write(
        "privacy.erasure.certified", workspace=erasure.workspace_id, at=at, erasure=str(erasure.pk), digest=made.digest,
        search=made.search,
    )  # fmt: skip
    return made


def opened(certificate: ErasureCertificate) -> dict[str, Any] | None:
    """What a certificate says; None when its text is no certificate: changed in the database, past the program."""
    try:
        said = json.loads(certificate.body)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "tables_read" in said else None


def told(erasure: Erasure, wanted: Wanted, searched: Searched, *, at: datetime) -> dict[str, Any]:
    """What a certificate says: no name, no number, nothing that was looked for."""
    here = erasure.workspace_id
    digests = sorted(principals.digest(pk, workspace_id=here).hex() for pk in erasure.contact_ids)
    closed = erasure.items.filter(closed_at__isnull=False).order_by("id")
    return {
        "erasure": str(erasure.pk),
        "workspace": str(here),
        "people": len(digests),
        "principals": digests if len(digests) <= _NAMED else [],
        "principals_digest": hashlib.sha256("".join(digests).encode()).hexdigest(),
        "because": erasure.because,
        "request": str(erasure.request_id) if erasure.request_id else None,
        "ordered_at": erasure.ordered_at.isoformat(),
        "searched_at": at.isoformat(),
        "gone": erasure.gone,
        "stayed": erasure.stayed,
        "sealed": erasure.sealed,
        "search": "whole" if searched.is_whole else "indexed",
        "looked_for": wanted.counts(),
        "not_looked_for": wanted.left_out,
        "names_in_free_text": not searched.asked,
        "tables_read": searched.read,
        "tables_asked_by_index": sorted(searched.asked),
        "tables_left_alone": LEFT_ALONE,
        "files_read": searched.files_read,
        "files_of_other_types": searched.files_closed,
        "files_waiting_for_the_whole_search": searched.files_waiting,
        "closed_by_people": [{"place": one.place, "count": one.count, "answer": one.answer} for one in closed],
    }


def _blocking(erasure: Erasure) -> Any:
    return erasure.items.filter(closed_at__isnull=True, kind__in=BLOCKING)


def _items(erasure: Erasure, wanted: Wanted, searched: Searched, at: datetime) -> Iterable[ErasureOpenItem]:
    for one in searched.findings:
        yield _item(erasure, Kind.FILE if one.is_file else Kind.TRACE, one, at)
    if waiting := around.imports_to_look_at(wanted, workspace_id=erasure.workspace_id, is_whole=searched.is_whole):
        yield _item(erasure, Kind.IMPORT, Finding("people.ImportRun", len(waiting), tuple(waiting)), at)
    if erasure.because in {Erasure.Because.REQUEST, Erasure.Because.CHILD, Erasure.Because.DECISION}:
        taken = list(
            ExportRun.objects.of(erasure.workspace_id)
            .filter(taken_at__isnull=False, created_at__lte=erasure.ordered_at, scope__in=("contacts", "workspace"))
            .order_by("-id")
            .values_list("pk", flat=True)
        )
        if taken:
            yield _item(erasure, Kind.RECIPIENT, Finding("people.ExportRun", len(taken), tuple(taken)), at)


def _item(erasure: Erasure, kind: ErasureOpenItem.Kind, one: Finding, at: datetime) -> ErasureOpenItem:
    return ErasureOpenItem(
        id=ids.new(), workspace_id=erasure.workspace_id, erasure=erasure, kind=kind, place=one.place[:120], count=one.count,
        rows=list(one.rows[:_SHOWN]), opened_at=at,
    )  # fmt: skip


def _open_items(erasure: Erasure, found: list[ErasureOpenItem], at: datetime) -> None:
    """What is found again is not doubled: answered for, it stays so, unless there is more of it. What is gone is closed."""
    known = {(one.kind, one.place): one for one in erasure.items.all()}
    new = [one for one in found if (one.kind, one.place) not in known]
    ErasureOpenItem.objects.bulk_create(new)
    for one in found:
        before = known.pop((one.kind, one.place), None)
        if before is not None and one.count > before.count:
            before.count, before.rows, before.closed_at, before.closed_by, before.answer = (
                one.count,
                one.rows,
                None,
                None,
                "",
            )
            before.save(update_fields=["count", "rows", "closed_at", "closed_by", "answer"])
    gone = [one.pk for one in known.values() if one.closed_at is None and one.kind in BLOCKING]
    if gone:
        answer = gettext("Gone: a later search did not find it.")
        ErasureOpenItem.objects.of(erasure.workspace_id).filter(pk__in=gone).update(closed_at=at, answer=answer)


def close(*, item: ErasureOpenItem, answer: str, by: Member, at: datetime) -> ErasureOpenItem:
    """Somebody looked, and says what was done. Raises NotOpen. The next search may issue the certificate."""
    here = item.workspace_id
    changed = (
        ErasureOpenItem.objects.of(here)
        .filter(pk=item.pk, closed_at__isnull=True)
        .update(closed_at=at, closed_by=by, answer=answer.strip()[:300])
    )
    if not changed:
        raise NotOpen
    ledger.write(
        "privacy.erasure.item_closed",
        workspace=here,
        by=by,
        about=item,
        at=at,
        erasure=str(item.erasure_id),
        place=item.place,
    )
    return ErasureOpenItem.objects.of(here).get(pk=item.pk)


__all__ = ["BLOCKING", "NotOpen", "close", "conclude", "issue", "opened", "told"]
