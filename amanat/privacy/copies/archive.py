"""The archive that a person gets: for reading (HTML, PDF), for machines (JSON, CSV, vCard), and her files, written piece by piece.

Nothing of it touches a disk in the clear: the ZIP goes straight into a sealed file (`core.files.writing`).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import typst
from django.template.loader import render_to_string

from amanat.accounts.models import Workspace
from amanat.core import files, spreadsheets
from amanat.core.models import StoredFile
from amanat.desk.receipts import FONTS
from amanat.people import vcard_writing
from amanat.people.export_records import Records
from amanat.people.importing.drafts import Draft
from amanat.privacy.copies import telling
from amanat.privacy.copies.chapters import Document
from amanat.privacy.copies.gathering import Gathered
from amanat.privacy.copies.telling import Teller

FOLDER = Path(__file__).parent
FORMAT = "amanat person copy 1"
VOCABULARY = {"dpv": "https://w3id.org/dpv#", "pd": "https://w3id.org/dpv/pd#"}
#: Pictures and PDFs are packed already.
_SMALL_GAIN = ("image/", "application/pdf", "application/zip", "application/vnd")


def write(
    target: IO[bytes], *, gathered: Gathered, teller: Teller, document: Document, workspace: Workspace, at: datetime
) -> None:
    """Write all parts into `target`, of which only `write` is used."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive:
        archive.writestr("copy.html", page(document))
        archive.writestr(zipfile.ZipInfo("copy.pdf"), pdf(document))
        with archive.open("data.json", "w", force_zip64=True) as member:
            member.writelines(machine(gathered, teller, document, workspace, at))
        for table in gathered.tables.values():
            names = [one.name for one in table.fields]
            rows = (telling.cells(teller.machine(table, row), names) for row in table.rows)
            with archive.open(f"tables/{table.label}.csv", "w") as member:
                member.writelines(spreadsheets.write_csv(names, rows))
        with archive.open("contact.vcf", "w") as member:
            member.writelines(card(gathered, teller))
        for number, file in enumerate(gathered.files, start=1):
            _pack(archive, file, number)


def _pack(archive: zipfile.ZipFile, file: StoredFile, number: int) -> None:
    """A file under its own name behind a number, so that two of one name both come through."""
    entry = zipfile.ZipInfo(f"files/{number:03}-{file.name}", date_time=file.created_at.timetuple()[:6])
    entry.compress_type = zipfile.ZIP_STORED if file.content_type.startswith(_SMALL_GAIN) else zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as member:
        member.writelines(files.read(file))


def page(document: Document) -> str:
    """The copy as one HTML page that needs nothing else and runs nothing."""
    return render_to_string("privacy/copies_copy.html", {"copy": document})


def pdf(document: Document) -> bytes:
    """The copy as PDF; the texts go in as values, never as source."""
    facts = {
        "title": document.title,
        "lead": document.lead,
        "language": document.language,
        "sections": [asdict(one) for one in document.sections],
    }
    made = typst.compile(
        str(FOLDER / "copy.typ"), root=str(FOLDER), format="pdf", font_paths=[str(FONTS)], ignore_system_fonts=True,
        sys_inputs={"copy": json.dumps(facts, ensure_ascii=False)},
    )  # fmt: skip
    assert isinstance(made, bytes)
    return made


def machine(
    gathered: Gathered, teller: Teller, document: Document, workspace: Workspace, at: datetime
) -> Iterator[bytes]:
    """The whole copy as one JSON object, a line for each row: every field with the DPV kind of what it says."""
    head: dict[str, Any] = {
        "format": FORMAT, "made_at": at.isoformat(), "made_by": workspace.legal_name or workspace.name, "language": document.language,
        "vocabulary": VOCABULARY, **document.facts,
        "files": [{"name": f"files/{number:03}-{file.name}", "type": file.content_type, "size": file.size, "sha256": file.sha256} for number, file in enumerate(gathered.files, start=1)],
    }  # fmt: skip
    yield (json.dumps(head, ensure_ascii=False, default=str)[:-1] + ',\n"tables": [\n').encode()
    for place, table in enumerate(gathered.tables.values()):
        about = {
            "table": table.label, "entered_by": list(table.held.via),
            "fields": {one.name: (personal.kind if (personal := table.personal(one.name)) else None) for one in table.fields},
        }  # fmt: skip
        lead = json.dumps(about, ensure_ascii=False)[:-1]
        yield f'{"," if place else ""}{lead}, "rows": [\n'.encode()
        lines = (json.dumps(teller.machine(table, row), ensure_ascii=False) for row in table.rows)
        yield ",\n".join(lines).encode() + b"\n]}\n"
    yield b"]}\n"


def card(gathered: Gathered, teller: Teller) -> Iterable[bytes]:
    """Her contact card for address books."""
    records = Records("contact", gathered.workspace_id, list(gathered.contact_ids))
    drafts: list[Draft] = []
    for draft in records.drafts():
        draft.notes, draft.owner, draft.team = teller.masker.text(draft.notes), "", ""
        drafts.append(draft)
    return vcard_writing.write(drafts, records.fields(), version="4.0")
