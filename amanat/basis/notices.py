"""What a person is shown before she is asked: data by item, purposes, how to withdraw, complain, and reach the authority.

Contents after DPDP Act s.5(1), s.6(3) and Rule 3, GDPR article 13. Every word comes from the policy in force, in the person's language.

A page on which somebody agrees carries the `mark` of the notice it shows, and the answer brings it back: what she agreed to is the text that
she read, whatever language the answer comes in and whatever was published meanwhile. The mark needs no signature, because it is held against
a text that is made anew here; a forged one fits none.

`wanted`, pairs of a purpose and a channel, lets a notice name only the channels that are asked for; without any it names all of a purpose.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urljoin

from django.conf import settings
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import rules, wording
from amanat.basis.models import Notice
from amanat.basis.rules import Rules
from amanat.policy import references


class Stale(Exception):
    """What the person read is not what the notice says now: it has to be shown anew before she can agree."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A notice as a page shows it. `mark` goes into the page's form and comes back with the answer."""

    text: str
    mark: str


type Wanted = Collection[tuple[str, str]]


def offer(
    *,
    workspace: Workspace,
    purposes: Sequence[str],
    language: str,
    in_force: Rules | None = None,
    wanted: Wanted = (),
) -> Offered:
    """The notice for a page that asks, and its mark. Raises UnknownPurpose."""
    in_force = in_force or rules.of(workspace.pk)
    text = text_of(workspace=workspace, purposes=purposes, language=language, in_force=in_force, wanted=wanted)
    return Offered(text, f"{language}.{in_force.version}.{_digest(text)}")


def as_shown(
    mark: str,
    *,
    workspace: Workspace,
    purposes: Sequence[str],
    at: datetime,
    in_force: Rules | None = None,
    wanted: Wanted = (),
) -> Notice:
    """The notice that the page showed, in the language in which it did. Raises Stale when it says something else by now, UnknownPurpose."""
    in_force = in_force or rules.of(workspace.pk)
    language = mark.partition(".")[0]
    if language not in dict(settings.LANGUAGES):
        raise Stale
    said = offer(workspace=workspace, purposes=purposes, language=language, in_force=in_force, wanted=wanted)
    if said.mark != mark:
        raise Stale
    return show(
        workspace=workspace, purposes=purposes, language=language, at=at, in_force=in_force, wanted=wanted
    )  # fmt: skip


def text_of(
    *,
    workspace: Workspace,
    purposes: Sequence[str],
    language: str,
    in_force: Rules | None = None,
    wanted: Wanted = (),
) -> str:
    """The notice for these purposes in a language. `in_force` spares asking for the rules again. Raises UnknownPurpose."""
    in_force = in_force or rules.of(workspace.pk)
    return _text(in_force, sorted(set(purposes)), language, _Asker.of(workspace, in_force), wanted)


def show(
    *,
    workspace: Workspace,
    purposes: Sequence[str],
    language: str,
    at: datetime,
    in_force: Rules | None = None,
    wanted: Wanted = (),
) -> Notice:
    """The notice as a row to which a consent can point, made when it is shown for the first time. Raises UnknownPurpose."""
    in_force = in_force or rules.of(workspace.pk)
    text = text_of(workspace=workspace, purposes=purposes, language=language, in_force=in_force, wanted=wanted)
    notice, _made = Notice.objects.of(workspace).get_or_create(
        workspace_id=workspace.pk,
        digest=_digest(text),
        policy_version=in_force.version,
        defaults={"purposes": sorted(set(purposes)), "language": language, "text": text, "made_at": at},
    )
    return notice


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class _Asker:
    """Who asks, and the ways to reach them."""

    name: str
    ways: str

    @classmethod
    def of(cls, workspace: Workspace, in_force: Rules) -> _Asker:
        """As the published policy says; before one is published, as the workspace's own details say. First the very pages (Rule 3 wants
        their links): where every choice is taken back, and where rights are used and complaints made."""
        parties = in_force.policy.parties
        links = [
            urljoin(settings.BASE_URL, reverse(name, args=[workspace.pk]))
            for name in ("basis:public_start", "publishing:public_policy")
        ]
        if in_force.version:
            name, contact = parties.operator.name, parties.contact
            ways = [*links, contact.email, contact.phone, contact.post, parties.officer.title]
        else:
            name = workspace.legal_name or workspace.name
            ways = [*links, workspace.email, workspace.phone, " ".join(workspace.address.split())]
        return cls(name, "; ".join(way for way in ways if way))


def _text(in_force: Rules, purposes: Sequence[str], language: str, asker: _Asker, wanted: Wanted) -> str:
    with translation.override(language):
        return "\n".join(
            [
                _("%(who)s asks for your agreement.") % {"who": asker.name},
                *(line for name in purposes for line in _purpose(in_force, name, language, wanted)),
                _("You can say no, and you can take your agreement back at any time, as easily as you give it."),
                _("To do so, to use your rights or to complain: %(ways)s") % {"ways": asker.ways},
                _("You may also complain to the Data Protection Board of India or your own authority."),
            ]
        )


def _purpose(in_force: Rules, name: str, language: str, wanted: Wanted) -> list[str]:
    """What for, over which of the channels, and which data, item by item."""
    purpose, policy = in_force.purpose(name), in_force.policy
    items = [item for kind in purpose.uses for item in references.in_words(policy, f"data.{kind}", language)]
    lines = [
        _("For: %(purpose)s") % {"purpose": wording.purpose(policy, name, language)},
        _("Data: %(items)s") % {"items": references.listed(tuple(dict.fromkeys(items)), language)},
    ]
    if purpose.per:
        asked = {channel for purpose_asked, channel in wanted if purpose_asked == name and channel}
        said = references.in_words(policy, f"purposes.{name}.per", language)
        if asked and len(said) == len(purpose.per):  # a policy may also say all of them in words of its own
            said = tuple(word for channel, word in zip(purpose.per, said, strict=True) if channel in asked)
        lines.insert(1, _("By: %(channels)s") % {"channels": references.listed(said, language)})
    return lines
