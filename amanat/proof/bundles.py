"""The bundle of proof: what was promised, what was found and what was vouched for, signed, to be checked by anyone offline.

It holds no personal data: findings are figures, attestations are digests, members are ids.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from amanat.core import ledger, tenancy
from amanat.core.models import LedgerHead
from amanat.policy import documents, rendering
from amanat.proof import attesting, board, evidence, signing, wording
from amanat.proof.board import Board
from amanat.proof.models import Attestation, Evidence, EvidenceGap, Round
from amanat.publishing import versions
from amanat.publishing.versions import InForce

FORMAT = 1
#: Rows of the chain that a bundle holds, the newest: a workspace writes some hundred a day.
MOST_ROWS = 50_000
VERIFIER = Path(__file__).with_name("verify.py")
README = """Proof of promises
=================
policy.json        the policy in force, as its digest is made of it
versions.json      all published versions; each policy is in versions/
promises.json      the state of every clause when this was made
evidence.jsonl     what the checks found, a chain: each row holds the digest of the one before; a row with "last" stands
                   for older ones that repeated the one before them and were taken out
attestations.json  what people vouched for; the papers stay with the business, their SHA-256 is here
ledger.json        the end of the ledger, which outlives this
manifest.json      the SHA-256 of every file; manifest.sig signs it (Ed25519)

Check it:  python3 verify.py [FOLDER or ZIP] [FINGERPRINT]
"""


def make(workspace_id: UUID, *, at: datetime, by: Any = None) -> bytes:
    """A ZIP with everything, signed. Raises signing.SigningKeyMissing."""
    public = signing.public_key()
    with tenancy.inside(workspace_id):
        shown = board.of(workspace_id, at=at)
        files = {**_policies(workspace_id, shown.suite.in_force), **_ends(workspace_id)}
        rows = _rows(workspace_id)
        files["promises.json"] = _json(_promises(shown))
        files["evidence.jsonl"] = "".join(_line(row) + "\n" for row in _with_gaps(workspace_id, rows)).encode()
        files["attestations.json"] = _json(_attestations(workspace_id))
        ledger.write("proof.bundle.made", workspace=workspace_id, by=by, at=at, evidence=rows[-1].number if rows else 0)
    files["verify.py"], files["README.txt"] = VERIFIER.read_bytes(), README.encode()
    files["public-key.txt"] = f"{public.hex()}\n".encode()
    manifest = {
        "format": FORMAT,
        "made_at": at.astimezone(UTC).isoformat(),
        "site": settings.BASE_URL,
        "workspace": str(workspace_id),
        "policy": {"number": shown.suite.in_force.number, "digest": shown.suite.in_force.digest},
        "evidence": _span(rows),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }
    files["manifest.json"] = _json(manifest)
    files["manifest.sig"] = signing.sign(files["manifest.json"]).hex().encode()
    return _zipped(files, at)


def _policies(workspace_id: UUID, now: InForce) -> dict[str, bytes]:
    published = [versions.of_row(row) for row in versions.all_of(workspace_id)]
    files = {f"versions/{one.number}.json": documents.canonical(one.policy) for one in [now, *published]}
    listed = [
        {
            "number": one.number,
            "digest": one.digest,
            "file": f"versions/{one.number}.json",
            "published_at": one.published_at.isoformat(),
            "effective_at": one.effective_at.isoformat(),
        }
        for one in {one.number: one for one in [now, *published]}.values()
    ]
    return {**files, "policy.json": documents.canonical(now.policy), "versions.json": _json(listed)}


def _ends(workspace_id: UUID) -> dict[str, bytes]:
    """Where ledger and evidence end."""
    head = LedgerHead.objects.of(workspace_id).first()
    end = Round.objects.of(workspace_id).first()
    told = {
        "ledger": {"number": head.number, "hash": head.hash, "sealed_at": head.sealed_at.isoformat()} if head else None,
        "evidence": {"number": end.number, "digest": end.digest} if end else None,
    }
    return {"ledger.json": _json(told)}


def _rows(workspace_id: UUID) -> list[Evidence]:
    newest = list(Evidence.objects.of(workspace_id).order_by("-number")[:MOST_ROWS])
    return newest[::-1]


def _with_gaps(workspace_id: UUID, rows: list[Evidence]) -> list[Evidence | EvidenceGap]:
    """The rows and, between them, what was taken out when it was old."""
    first = rows[0].number if rows else 0
    gaps = list(EvidenceGap.objects.of(workspace_id).filter(first__gt=first))
    return sorted([*rows, *gaps], key=lambda one: one.number if isinstance(one, Evidence) else one.first)


def _line(row: Evidence | EvidenceGap) -> str:
    if isinstance(row, EvidenceGap):
        return json.dumps({"number": row.first, "last": row.last, "previous": row.previous, "digest": row.digest})
    return json.dumps({**evidence.canonical(row), "digest": row.digest}, sort_keys=True, ensure_ascii=False)


def _span(rows: list[Evidence]) -> dict[str, Any]:
    if not rows:
        return {"first": 1, "previous": evidence.FIRST, "digest": evidence.FIRST}
    return {"first": rows[0].number, "previous": rows[0].previous, "digest": rows[-1].digest}


def _attestations(workspace_id: UUID) -> list[dict[str, Any]]:
    made = Attestation.objects.of(workspace_id).order_by("attested_at", "id")
    return [{**attesting.canonical(one), "digest": one.digest} for one in made]


def _promises(shown: Board) -> list[dict[str, Any]]:
    page = rendering.render(shown.suite.in_force.policy, "en", on=shown.known.today)
    said = {clause.id: clause.text for part in page.parts for clause in part.clauses}
    return [
        {
            "clause": one.clause.id,
            "says": said.get(one.clause.id, ""),
            "state": str(one.state),
            "promises": {promise.key: str(promise.state) for promise in one.promises},
            "checks": {
                check.probe.name: {
                    "state": str(check.state),
                    "found": wording.filled(check.evidence.said, check.evidence.facts) if check.evidence else "",
                    "at": check.evidence.at.isoformat() if check.evidence else None,
                }
                for check in one.checks
            },
        }
        for one in shown.clauses
    ]


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()


def _zipped(files: Mapping[str, bytes], at: datetime) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in sorted(files.items()):
            bundle.writestr(zipfile.ZipInfo(name, at.timetuple()[:6]), content, compress_type=zipfile.ZIP_DEFLATED)
    return packed.getvalue()
