"""The Data Rights Protocol 1.0: agents that ask for people by program, known by their Ed25519 keys.

A message is a signature and, behind it, JSON, together in base64 (libsodium's combined mode; section 3.07.1). It is checked in the order
of section 3.07: it decodes; the signature is that of the agent whose token came with it; it names this agent and this business; it was
issued before now and has not expired. A message works once. Version 1.0 has no discovery resource any more (since 0.9); what a directory
lists of a business (section 3.05.2) is served beside the interface for who has no directory.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey

from amanat.accounts.models import Member, Workspace
from amanat.basis import passcodes
from amanat.core import ledger, phones
from amanat.people.models import Contact
from amanat.privacy.requests import asking, details
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import Kind, RightsAgent, RightsRequest, SeenMessage
from amanat.publishing import versions

VERSIONS = ("1.0", "0.9.4", "0.9.3")
#: The right an agent names, and the kind of request it is here.
EXERCISES = {
    "access": Kind.ACCESS,
    "access:categories": Kind.ACCESS,
    "access:specific": Kind.ACCESS,
    "deletion": Kind.ERASE,
    "sale:opt_out": Kind.OPT_OUT_SALE,
    "sale:opt-out": Kind.OPT_OUT_SALE,  # as the example of section 2.02 writes it
}
_ACTIONS = ("access", "access:categories", "access:specific", "deletion", "sale:opt_out")
#: A message may not be made for longer than this, nor by a clock that is further ahead.
LONGEST, AHEAD = timedelta(hours=1), timedelta(minutes=2)
MOST_BYTES = 64_000
_STATES = {"unclear": "in_progress", "open": "in_progress", "doing": "in_progress", "revoked": "revoked"}
_DENIED = {
    "not_identified": "insuf_verification", "no_data": "no_match", "law": "claim_not_covered", "others": "claim_not_covered",
    "unfounded": "too_many_requests", "not_applicable": "outside_jurisdiction",
}  # fmt: skip


class AgentRefused(ValueError):
    """The agent cannot be registered so; the text says why."""

    def __init__(self, message: str, *, is_about_the_key: bool = False) -> None:
        super().__init__(message)
        self.is_about_the_key = is_about_the_key


@dataclass(frozen=True)
class MessageRefused(Exception):
    """The message is not taken: `status` of HTTP, why, and whether trying again is of no use."""

    status: int
    message: str
    is_fatal: bool = True


def register(
    *, workspace: Workspace, agent_id: str, name: str, verify_key: str, by: Member, at: datetime, web_url: str = ""
) -> RightsAgent:
    """Let an agent ask, by the key that its directory lists. Raises AgentRefused."""
    try:
        VerifyKey(base64.b64decode(verify_key.strip(), validate=True))
    except (binascii.Error, ValueError, TypeError) as bad:
        raise AgentRefused(_("This is no Ed25519 public key in base64."), is_about_the_key=True) from bad
    known = RightsAgent.objects.of(workspace).filter(agent_id=agent_id, ended_at__isnull=True)
    if known.exists():
        raise AgentRefused(_("This agent is registered already."))
    with transaction.atomic():
        agent = RightsAgent.objects.create(
            workspace_id=workspace.pk, agent_id=agent_id, name=name, verify_key=verify_key.strip(), web_url=web_url,
            added_at=at, added_by=by,
        )  # fmt: skip
        ledger.write("privacy.agent.registered", workspace=workspace, by=by, about=agent, at=at)
    return agent


def end(*, agent: RightsAgent, by: Member, at: datetime) -> None:
    """The agent may not ask any more; its token stops at once."""
    with transaction.atomic():
        if (
            RightsAgent.objects.of(agent.workspace_id)
            .filter(pk=agent.pk, ended_at__isnull=True)
            .update(ended_at=at, token=None)
        ):
            ledger.write("privacy.agent.ended", workspace=agent.workspace_id, by=by, about=agent, at=at)


def business(workspace: Workspace) -> dict[str, Any]:
    """What a directory of the protocol lists of a business (section 3.05.2)."""
    policy = versions.in_force(workspace).policy
    offered = {kind.value for kind in Kind if kind in policy.rights.kinds}
    contact = policy.parties.contact.email
    return {
        "id": business_id(workspace),
        "name": workspace.name,
        "logo": None,
        "api_base": settings.BASE_URL
        + reverse("privacy:drp_business", args=[workspace.pk]).removesuffix("business.json").rstrip("/"),
        "supported_actions": [one for one in _ACTIONS if EXERCISES[one].value in offered],
        "supported_verifications": ["email", "phone_number"],
        "privacy_policy_url": settings.BASE_URL + f"/w/{workspace.pk}/privacy/",
        "web_url": settings.BASE_URL,
        "technical_contact": contact,
        "business_contact": contact,
    }


def business_id(workspace: Workspace) -> str:
    """The name of the business in messages: letters only, as the schema of the directory asks."""
    letters = str.maketrans("0123456789abcdef", "GHIJKLMNOPABCDEF")
    return "AMANAT_" + workspace.pk.hex.translate(letters)


def named(workspace: Workspace, agent_id: str) -> RightsAgent | None:
    return RightsAgent.objects.of(workspace).filter(agent_id=agent_id, ended_at__isnull=True).first()


def with_token(workspace: Workspace, header: str) -> RightsAgent:
    """The agent whose token stands in an Authorization header. Raises MessageRefused."""
    kind, _space, token = header.strip().partition(" ")
    if kind.lower() == "bearer" and token.strip():
        found = RightsAgent.objects.of(workspace).filter(token=_hash(token.strip()), ended_at__isnull=True).first()
        if found is not None:
            return found
    raise MessageRefused(401, "This bearer token is not known.")


def pair(*, workspace: Workspace, agent_id: str, body: bytes, at: datetime) -> str:
    """A token for an agent that signed for it (section 2.05); an older one stops. Raises MessageRefused."""
    agent = named(workspace, agent_id)
    if agent is None:
        raise MessageRefused(403, "")
    try:
        opened(body, agent=agent, workspace=workspace, at=at)
    except MessageRefused as refused:
        raise MessageRefused(403, "") from refused
    token = secrets.token_urlsafe(32)
    with transaction.atomic():
        RightsAgent.objects.of(workspace).filter(pk=agent.pk).update(token=_hash(token))
        ledger.write("privacy.agent.paired", workspace=workspace, about=agent, at=at)
    return token


def opened(
    body: bytes, *, agent: RightsAgent, workspace: Workspace, at: datetime, is_bare: bool = False
) -> dict[str, Any]:
    """The message inside, checked in the order of section 3.07; it is remembered and works once. Raises MessageRefused.

    `is_bare` is for a message without claims (the revoking one), whose token and address say the rest; it may be sent again.
    """
    said = _verified(body, agent)
    if is_bare and "agent-id" not in said:
        return said
    if said.get("agent-id") != agent.agent_id:
        raise MessageRefused(403, "The message is of another agent.")
    if said.get("business-id") != business_id(workspace):
        raise MessageRefused(403, "The message is for another business.")
    issued, expires = _moment(said, "issued-at"), _moment(said, "expires-at")
    if issued > at + AHEAD:
        raise MessageRefused(400, "issued-at is in the future.")
    if expires <= at:
        raise MessageRefused(400, "The message has expired.")
    if expires - issued > LONGEST:
        raise MessageRefused(400, "expires-at is too far from issued-at.")
    if said.get("drp.version") not in VERSIONS:
        raise MessageRefused(400, "This version of the protocol is not spoken here.")
    _use_once(said, workspace, expires)
    return said


def _verified(body: bytes, agent: RightsAgent) -> dict[str, Any]:
    if len(body) > MOST_BYTES:
        raise MessageRefused(413, "The message is too large.")
    try:
        signed = base64.b64decode(body.strip(), validate=True)
        plain = VerifyKey(base64.b64decode(agent.verify_key)).verify(signed)
    except (binascii.Error, ValueError, TypeError) as bad:
        raise MessageRefused(400, "The message does not decode.") from bad
    except BadSignatureError as bad:
        raise MessageRefused(403, "The signature does not fit.") from bad
    try:
        said = json.loads(plain)
    except (ValueError, RecursionError) as bad:
        raise MessageRefused(400, "The message is no JSON.") from bad
    if not isinstance(said, dict):
        raise MessageRefused(400, "The message is no JSON object.")
    return said


def _moment(said: dict[str, Any], name: str) -> datetime:
    try:
        found = datetime.fromisoformat(str(said[name]))
    except (KeyError, ValueError) as bad:
        raise MessageRefused(400, f"{name} is no ISO 8601 time.") from bad
    if found.tzinfo is None:
        raise MessageRefused(400, f"{name} says no time zone.")
    return found


def _use_once(said: dict[str, Any], workspace: Workspace, expires: datetime) -> None:
    """The message counts by what it says: a second signature under the same words is the same message."""
    digest = hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).digest()
    try:
        with transaction.atomic():
            SeenMessage.objects.create(workspace_id=workspace.pk, digest=digest, expires_at=expires + AHEAD)
    except IntegrityError as again:
        raise MessageRefused(403, "The message was used already.") from again


def exercise(*, workspace: Workspace, agent: RightsAgent, body: bytes, at: datetime) -> RightsRequest:
    """Take a signed request down (section 2.01). Raises MessageRefused.

    Which person is meant, a verified address on file says; the agent answers for the verification by its rules. Where the
    address is not verified, or nobody or more than one has it, the desk clears it up.
    """
    said = opened(body, agent=agent, workspace=workspace, at=at)
    kind = EXERCISES.get(str(said.get("exercise")))
    if kind is None:
        raise MessageRefused(400, "Unsupported rights actions submitted.")
    if said.get("regime") not in (None, "", "ccpa", "voluntary"):
        raise MessageRefused(400, "This regime is not spoken here.")
    address = _text(said, "email").lower() or _text(said, "phone_number")
    asked = Details(
        name=agent.name, reply_to=agent.web_url or agent.agent_id, about_name=_text(said, "name"), about_address=address,
        agent_reference=_text(said, "agent-request-id"), callback=_text(said, "status_callback"),
    )  # fmt: skip
    try:
        return asking.open_request(
            workspace=workspace, contact=_whom(said, workspace), kind=kind, how=RightsRequest.How.PROTOCOL, by=None, at=at,
            details=asked, asker=Asker(who=RightsRequest.Who.AGENT), agent=agent,
        )  # fmt: skip
    except RequestRefused as refused:
        raise MessageRefused(400, str(refused)) from refused


def _text(said: dict[str, Any], name: str) -> str:
    """A text of the message, cut. Raises MessageRefused for what no database keeps: the character NUL, half of a surrogate pair."""
    value = said.get(name)
    if not isinstance(value, str):
        return ""
    if "\0" in value or any("\ud800" <= each <= "\udfff" for each in value):
        raise MessageRefused(400, f"{name} holds a character that is none.")
    return value[: details.SHORT]


def _whom(said: dict[str, Any], workspace: Workspace) -> Contact | None:
    """The one person who has the verified addresses."""
    found: list[set[Contact]] = []
    if said.get("email_verified") is True and (email := _text(said, "email").strip().lower()):
        found.append(set(passcodes.people_with(workspace.pk, email)))
    if said.get("phone_number_verified") is True and phones.is_e164(number := _text(said, "phone_number").strip()):
        found.append(set(passcodes.people_with(workspace.pk, number)))
    fitting = set.intersection(*found) if found else set()
    return fitting.pop() if len(fitting) == 1 else None


def of_agent(*, workspace: Workspace, agent: RightsAgent, request_id: Any) -> RightsRequest:
    """The request, if this agent manages it. Raises MessageRefused: 403 for any other."""
    found: RightsRequest | None = (
        RightsRequest.objects.of(workspace)
        .select_related("contact")
        .filter(pk=request_id, agent__agent_id=agent.agent_id)
        .first()
    )
    if found is None:
        raise MessageRefused(403, "This agent manages no such request.")
    return found


def revoke(*, workspace: Workspace, agent: RightsAgent, request_id: Any, body: bytes, at: datetime) -> RightsRequest:
    """Take a request back (section 2.04). Raises MessageRefused."""
    found = of_agent(workspace=workspace, agent=agent, request_id=request_id)
    opened(body, agent=agent, workspace=workspace, at=at, is_bare=True)
    try:
        return asking.revoke(request=found, at=at)
    except RequestRefused as refused:
        raise MessageRefused(409, str(refused), is_fatal=False) from refused


def state_of(request: RightsRequest) -> dict[str, Any]:
    """The Exercise Status object (section 3.03)."""
    said = details.of(request)
    told: dict[str, Any] = {
        "request_id": str(request.pk),
        "received_at": request.received_at.isoformat(),
        "expected_by": request.due_at.isoformat(),
        "status": _STATES.get(request.state, "fulfilled"),
    }
    if said.agent_reference:
        told["agent_request_id"] = said.agent_reference
    if request.extended_at is not None:
        told["processing_details"] = request.extension_reason
    elif request.state == "unclear":
        told["processing_details"] = _("It is being made sure who the person is.")
    if request.outcome == RightsRequest.Outcome.REFUSED:
        told |= {"status": "denied", "reason": _DENIED.get(request.reason, "other")}
        told["processing_details"] = str(request.get_reason_display())
    if request.state == "answered" and request.outcome != RightsRequest.Outcome.REFUSED and request.kind == Kind.ACCESS:
        path = reverse("privacy:copy_public", args=[request.workspace_id, request.result_id])
        told["results_url"] = settings.BASE_URL + path  # opens with a code that the person got by another way
    return told


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
