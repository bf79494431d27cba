"""What a person asked, in her own words and values: sealed in the request's row, opened for those who answer it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from amanat.core import vault
from amanat.core.models import StoredFile
from amanat.people import drafts
from amanat.privacy.requests.models import Nomination, RightsRequest

TEXT, SHORT = 4_000, 200
#: What may be asked to be set right, under the names the rules of contacts know.
VALUES = ("name", "phone", "email", "address", "birthday", "language")


@dataclass(frozen=True, slots=True)
class Details:
    """What is asked, by whom, and how she is reached. Texts are cut to their length and freed of control characters."""

    text: str = ""
    #: for correction: what it should be, by the names of VALUES
    values: Mapping[str, str] = field(default_factory=dict)
    purposes: tuple[str, ...] = ()  #: objected to; none: all
    name: str = ""  #: of who asks, where that is not the person on file
    reply_to: str = ""  #: where the answer goes when nothing is on file, or somebody else asks
    about_name: str = ""  #: whose data it is about, as far as who asks knows it
    about_address: str = ""
    last_month: str = ""  #: "2026-10": when a service was last taken, which a stranger does not know
    nominee_name: str = ""
    nominee_address: str = ""
    nominee_relation: str = ""
    agent_reference: str = ""  #: the number an agent's program gave it
    callback: str = ""  #: where the agent's program wants to hear of it

    def cleaned(self) -> Details:
        values = {
            name: drafts.plain(str(self.values[name]), lines=name == "address").strip()[:SHORT]
            for name in VALUES
            if str(self.values.get(name, "")).strip()
        }
        given = {
            one.name: drafts.plain(getattr(self, one.name)).strip()[:SHORT]
            for one in fields(self)
            if one.name not in {"text", "values", "purposes"}
        }
        text = drafts.plain(self.text, lines=True).strip()[:TEXT]
        return Details(text=text, values=values, purposes=tuple(sorted(set(self.purposes))), **given)

    def as_json(self) -> str:
        said = {name: value for name, value in asdict(self).items() if value}
        return json.dumps(said, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the person, or a guardian or agent with a paper that shows it."""

    who: RightsRequest.Who = RightsRequest.Who.PERSON
    language: str = "en"
    proof: StoredFile | None = None


def place(request: RightsRequest) -> str:
    return vault.context("privacy.RightsRequest.details", request.pk)


def place_of_answer(request: RightsRequest) -> str:
    return vault.context("privacy.RightsRequest.answer", request.pk)


def place_of_nominee(nomination: Nomination) -> str:
    return vault.context("privacy.Nomination.nominee", nomination.pk)


def seal(details: Details, request: RightsRequest) -> bytes:
    return vault.seal_text(details.as_json(), workspace_id=request.workspace_id, context=place(request))


def of(request: RightsRequest) -> Details:
    """What was asked; empty when an erasure took it away."""
    if request.details is None:
        return Details()
    said: dict[str, Any] = json.loads(
        vault.open_text(request.details, workspace_id=request.workspace_id, context=place(request))
    )
    said["purposes"] = tuple(said.get("purposes", ()))
    return Details(**said)


def answer_of(request: RightsRequest) -> str:
    """The words of the answer; "" before it, and when an erasure took them away."""
    if request.answer is None:
        return ""
    return vault.open_text(request.answer, workspace_id=request.workspace_id, context=place_of_answer(request))


def nominee_of(nomination: Nomination) -> dict[str, str]:
    if nomination.nominee is None:
        return {}
    text = vault.open_text(
        nomination.nominee, workspace_id=nomination.workspace_id, context=place_of_nominee(nomination)
    )
    found: dict[str, str] = json.loads(text)
    return found
