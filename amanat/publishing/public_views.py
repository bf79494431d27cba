"""The public pages of a policy. Anyone may read them; they set no cookie, run no script, and are the same for everybody who asks alike.

Each is made inside the workspace named in its address, from the policy in force and the seals. What an answer depends on is known before
it is drawn, so a browser that has it already is told so without drawing anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date, quote_etag
from django.utils.translation import gettext as _

from amanat import __version__
from amanat.core import clock, tenancy
from amanat.policy import documents, references
from amanat.publishing import comparing, inventory, languages, operators_own, pages, seals, versions
from amanat.publishing.models import PolicyVersion
from amanat.publishing.seals import Seal, State
from amanat.publishing.versions import InForce

#: Versions in the card beside the page.
BESIDE = 3


@dataclass(frozen=True)
class Reading:
    """One reading of a workspace's policy: what holds, in which language, how its promises stand."""

    workspace_id: UUID
    held: InForce
    language: str
    at: datetime
    seals: Mapping[str, Seal]
    newest: list[PolicyVersion]

    @property
    def today(self) -> date:
        return self.at.astimezone(ZoneInfo(self.held.time_zone)).date()

    @property
    def ahead(self) -> PolicyVersion | None:
        """The version that was announced and does not hold yet."""
        last = self.newest[0] if self.newest else None
        return last if last is not None and last.number > self.held.number else None

    @property
    def changed_at(self) -> datetime:
        """When anything on the page last changed."""
        last = [self.held.effective_at, *(row.published_at for row in self.newest[:1])]
        return max([*last, *(seal.checked_at for seal in self.seals.values() if seal.checked_at)])

    @property
    def digest(self) -> str:
        """Of all that the page is made from, its language, its day and the program's version."""
        stands = [(name, seal.state, seal.evidence, seal.said) for name, seal in sorted(self.seals.items())]
        told = (self.held.number, self.held.digest, self.held.name, self.language, str(self.today), stands)
        ahead = [row.number for row in self.newest]
        return hashlib.sha256(repr((told, ahead, __version__)).encode()).hexdigest()[:32]


type _Drawn = Callable[[], HttpResponse]


def policy(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """The page: every sentence with its seal, the rights, the versions, whom to write to."""
    with _reading(request, workspace_id) as read:
        return _answer(request, read, lambda: _page(read, "publishing/policy.html", _policy_page(read)))


def policy_versions(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """All versions, for ever."""
    with _reading(request, workspace_id, every=True) as read:
        return _answer(
            request, read, lambda: _page(read, "publishing/versions.html", {"lines": _lines(read, read.newest)})
        )


def feed(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """All versions as an Atom feed (RFC 4287), for who wants to be told of the next."""
    with _reading(request, workspace_id, every=True) as read:
        return _answer(request, read, lambda: _feed(read), ("feed",))


def version(request: HttpRequest, workspace_id: UUID, number: int) -> HttpResponse:
    """One version as it was published, and what differs from the one before it, or from `?from=`."""
    with _reading(request, workspace_id) as read:
        try:
            shown = versions.numbered(workspace_id, number)
            before = _compared_with(request, workspace_id, shown)
        except versions.NoVersion:
            raise Http404 from None
        extra = (shown.digest, before.digest if before else "")
        return _answer(
            request, read, lambda: _page(read, "publishing/version.html", _version_page(read, shown, before)), extra
        )


def status(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """How every clause stands: state, when it was last checked, the hash of what was found."""
    with _reading(request, workspace_id) as read:
        return _answer(request, read, lambda: _page(read, "publishing/status.html", _status_page(read)))


def status_json(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """As `status`, for programs."""
    with _reading(request, workspace_id) as read:
        return _answer(request, read, lambda: _json(_status(read)), ("json",))


def recipients(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """Who receives data: which, where, on which condition."""
    with _reading(request, workspace_id) as read:
        shown = {"recipients": pages.recipients(read.held.policy, read.language)}
        return _answer(request, read, lambda: _page(read, "publishing/recipients.html", shown))


def policy_json(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """The policy for machines, with the columns and entry points of the running system filled in."""
    with _reading(request, workspace_id) as read:
        return _answer(request, read, lambda: _json(machine_readable(read.held)), ("json",))


def machine_readable(held: InForce) -> dict[str, Any]:
    """The document that is published: the rules, what fills them in, their hash."""
    return documents.as_document(held.policy, inventory.of_running_code())


def installation(view: Callable[[HttpRequest, UUID], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The same page for the operator's own workspace, under an address without a number."""

    def of_the_operator(request: HttpRequest) -> HttpResponse:
        found = operators_own.workspace_id()
        if found is None:
            raise Http404
        return view(request, found)

    return of_the_operator


def privacy_control(request: HttpRequest) -> HttpResponse:
    """That Global Privacy Control is obeyed (https://w3c.github.io/gpc/#well-known)."""
    found = operators_own.workspace_id()
    if found is None:
        raise Http404
    with _inside(found):
        held = versions.in_force(found)
    day = held.effective_at.astimezone(ZoneInfo(held.time_zone)).date()
    answer = _json({"gpc": "sec-gpc" in held.policy.storage.signals, "lastUpdate": day.isoformat()})
    answer["Cache-Control"] = "public, max-age=3600"
    return answer


@contextmanager
def _inside(workspace_id: UUID) -> Iterator[None]:
    """Inside a workspace; one that does not exist is not found."""
    try:
        with tenancy.inside(workspace_id):
            yield
    except versions.NoWorkspace:
        raise Http404 from None


@contextmanager
def _reading(request: HttpRequest, workspace_id: UUID, *, every: bool = False) -> Iterator[Reading]:
    at = clock.now()
    with _inside(workspace_id):
        held = versions.in_force(workspace_id, at)
        language = languages.chosen(request, held.policy.head.langs)
        rows = versions.all_of(workspace_id).defer("source", "document", "changes")
        with translation.override(language):
            newest = list(rows if every else rows[:BESIDE])
            yield Reading(workspace_id, held, language, at, seals.of(workspace_id), newest)


def _answer(request: HttpRequest, read: Reading, draw: _Drawn, extra: tuple[str, ...] = ()) -> HttpResponse:
    """The drawn answer, or "not modified" for who has it; a browser keeps it and asks each time whether it still holds."""
    etag = quote_etag(hashlib.sha256(repr((request.get_full_path(), read.digest, extra)).encode()).hexdigest()[:32])
    changed = int(read.changed_at.timestamp())
    answer = get_conditional_response(request, etag=etag, last_modified=changed) or draw()
    answer["ETag"] = etag
    answer["Last-Modified"] = http_date(changed)
    answer["Cache-Control"] = "public, no-cache"
    answer["Content-Language"] = read.language
    patch_vary_headers(answer, ["Accept-Language"])
    return answer


def _page(read: Reading, template: str, shown: dict[str, Any]) -> HttpResponse:
    offered, here = read.held.policy.head.langs, read.workspace_id
    frame = {
        "held": read.held,
        "name": read.held.name,
        "code": read.language,
        "direction": "rtl" if read.language in languages.RIGHT_TO_LEFT else "ltr",
        "choices": languages.choices(offered, read.language),
        "hash": documents.content_hash(read.held.policy),
        "privacy_url": reverse("publishing:public_policy", args=[here]),
        "versions_url": reverse("publishing:public_versions", args=[here]),
        "status_url": reverse("publishing:public_status", args=[here]),
        "recipients_url": reverse("publishing:public_recipients", args=[here]),
        "feed_url": reverse("publishing:public_feed", args=[here]),
        "json_url": reverse("publishing:public_json", args=[here]),
        "status_json_url": reverse("publishing:public_status_json", args=[here]),
        "since": pages.day_of(read.held.effective_at, read.held, read.language),
    }
    return HttpResponse(render_to_string(template, frame | shown))


def _json(document: Any) -> HttpResponse:
    return JsonResponse(document, safe=False, json_dumps_params={"ensure_ascii": False, "indent": 2})


def _lines(read: Reading, rows: list[PolicyVersion]) -> list[pages.Line]:
    return pages.lines(rows, read.held, workspace_id=read.workspace_id, language=read.language, at=read.at)


def _feed(read: Reading) -> HttpResponse:
    shown = {
        "read": read,
        "title": _("Privacy policy of %(name)s") % {"name": read.held.name},
        "home": settings.BASE_URL + reverse("publishing:public_versions", args=[read.workspace_id]),
        "base": settings.BASE_URL,
        "updated": (read.newest[0].published_at if read.newest else read.held.effective_at).isoformat(),
        "entries": list(zip(read.newest, _lines(read, read.newest), strict=True)),
    }
    return HttpResponse(
        render_to_string("publishing/feed.xml", shown), content_type="application/atom+xml; charset=utf-8"
    )


def _policy_page(read: Reading) -> dict[str, Any]:
    policy = read.held.policy
    page, checked = pages.rendered(read.held, read.language, read.today, read.seals), pages.checked_at(read.seals)
    shown = pages.parts(page, read.seals)
    states = [
        sentence.seal.state for part in shown for sentence in part.sentences
    ]  # of what is said, not of what is hidden
    return {
        "parts": shown,
        "updated": page.updated,
        "checked_at": checked,
        "broken": states.count(State.BROKEN),
        "due": states.count(State.DUE),
        "ahead": _lines(read, [read.ahead])[0] if read.ahead else None,
        "lines": _lines(read, read.newest),
        "rights": pages.rights(policy, read.workspace_id),
        "officer": references.in_words(policy, "parties.officer.title", read.language)[0],
        "officer_email": policy.parties.officer.email,
        "contact": policy.parties.contact,
        "answers_within": policy.rights.due.in_words(read.language),
    }


def _version_page(read: Reading, shown: InForce, before: InForce | None) -> dict[str, Any]:
    is_withdrawn = _is_withdrawn(read, shown)
    language = read.language if read.language in shown.policy.head.langs else "en"
    page = pages.rendered(shown, language, shown.policy.head.effective)
    return {
        "shown": shown,
        "parts": pages.parts(page, None),
        "since": pages.day_of(shown.effective_at, read.held, read.language),
        "published": pages.day_of(shown.published_at, read.held, read.language),
        "is_current": shown.number == read.held.number,
        "is_ahead": shown.effective_at > read.at and not is_withdrawn,
        "is_withdrawn": is_withdrawn,
        "before": before,
        "differences": comparing.sentences(before.policy, shown.policy, language) if before else [],
        "hash": shown.digest,
    }


def _is_withdrawn(read: Reading, shown: InForce) -> bool:
    """Whether a later version took effect before this one could."""
    later = versions.all_of(read.workspace_id).filter(number__gt=shown.number, effective_at__lte=shown.effective_at)
    return shown.is_published and bool(later.exists())


def _compared_with(request: HttpRequest, workspace_id: UUID, shown: InForce) -> InForce | None:
    """The version before, or the one named by `?from=`; nothing stands before the first."""
    asked = request.GET.get("from", "")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 8 else shown.number - 1
    return versions.numbered(workspace_id, number) if 0 < number != shown.number else None


def _status_page(read: Reading) -> dict[str, Any]:
    page = pages.rendered(read.held, read.language, read.today, read.seals)
    return {"parts": pages.parts(page, read.seals), "checked_at": pages.checked_at(read.seals)}


def _status(read: Reading) -> dict[str, Any]:
    page = pages.rendered(read.held, read.language, read.today, read.seals)
    return {
        "workspace": read.held.name,
        "version": read.held.number,
        "hash": f"sha256:{documents.content_hash(read.held.policy)}",
        "effective_at": read.held.effective_at,
        "clauses": [
            {
                "id": one.id, "part": part.id, "says": one.text, "state": one.state, "checked_at": one.seal.checked_at,
                "evidence": one.seal.evidence or None, "found": one.seal.said or None,
                "promises": one.seal.promises, "promises_checked": one.seal.checked, "promises_kept": one.seal.kept,
            }
            for part in pages.parts(page, read.seals) for one in part.sentences
        ],
    }  # fmt: skip
