"""An export leaves nothing readable on a disk: neither in the store, nor in a temporary file, nor in one without a name."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, files, spreadsheets, tenancy
from amanat.core.models_files import StoredFile
from amanat.people import export_formats, exporting, lists, vocabulary
from amanat.people.exporting import ExportRefused
from amanat.people.models import ExportRun
from amanat.people.tests.factories import make_company, make_contact

pytestmark = pytest.mark.django_db
#: Stands in no other file of the machine.
SECRET = "Zarathustra Qwertzuiop"
FORMATS = ["csv", "xlsx", "vcf3", "vcf4", "json"]


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    make_contact(shree, SECRET, phone="+919822041736")
    make_company(shree, f"{SECRET} & Sons")
    return owner_of(shree)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """Looks through every open file of the process, also nameless ones, at every write into the sealed file."""
    found: list[str] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    real = files.FileWriter.write

    def write(self: Any, part: Any) -> int:
        found.extend(readable_open_files())
        return real(self, part)

    monkeypatch.setattr(files.FileWriter, "write", write)
    yield found
    found.extend(str(path) for path in tmp_path.rglob("*") if path.is_file())


def readable_open_files() -> list[str]:
    found = []
    for path in Path("/proc/self/fd").iterdir():
        try:
            if path.is_file() and has_secret(path):
                found.append(str(path.readlink()))
        except OSError:  # closed meanwhile, or not to be read
            continue
    return found


def has_secret(path: Path) -> bool:
    content = path.read_bytes()
    return any(SECRET.encode(encoding) in content for encoding in ("utf-8", "utf-16-le"))


def done(member: Member, format: str, scope: str = "workspace") -> ExportRun:
    with tenancy.inside(member.workspace, actor=member.pk):
        if scope == "workspace":
            run = exporting.of_workspace(format=format, by=member, at=clock.now())
        else:
            definition = lists.parse({}, on=scope, words=vocabulary.of(member.workspace))
            answer = exporting.of_list(definition=definition, format=format, by=member, at=clock.now(), at_once=False)
            assert answer.run is not None and answer.content is None
            run = answer.run
    exporting.work(member.workspace_id, run.pk)
    with tenancy.inside(member.workspace):
        return ExportRun.objects.of(member.workspace).get(pk=run.pk)


def content_of(run: ExportRun) -> bytes:
    with tenancy.inside(run.workspace_id):
        file = StoredFile.objects.of(run.workspace_id).get(pk__in=[run.file_id])
        return files.read_all(file)


def told(content: bytes) -> str:
    """All text of an export, unpacked."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return "\n".join(archive.read(name).decode("utf-8-sig") for name in archive.namelist())


def test_the_watch_sees_a_file_without_a_name(tmp_path: Path) -> None:
    """The proof of the proof: what an export used to do is found."""
    with tempfile.TemporaryFile(dir=tmp_path) as file:
        file.write(SECRET.encode())
        file.flush()
        assert len(readable_open_files()) == 1


@pytest.mark.sampled
@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("scope", ["workspace", "contact", "company"])
def test_nothing_of_an_export_is_readable_on_a_disk(
    rekha: Member, watched: list[str], settings: Any, format: str, scope: str
) -> None:
    run = done(rekha, format, scope)
    assert run.state == "done", run.problem
    assert watched == []
    stored = [path for path in Path(settings.FILES_ROOT).rglob("*") if path.is_file()]
    assert stored and not [path for path in stored if has_secret(path)]
    assert SECRET in told(content_of(run))


@pytest.mark.parametrize("format", FORMATS)
def test_a_short_list_is_answered_without_a_file(rekha: Member, watched: list[str], format: str) -> None:
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        definition = lists.parse({}, on="contact", words=vocabulary.of(rekha.workspace))
        answer = exporting.of_list(definition=definition, format=format, by=rekha, at=clock.now())
        assert answer.content is not None and answer.run is None
        assert watched == readable_open_files() == []
        assert not StoredFile.objects.of(rekha.workspace).exists()
    assert SECRET.encode() in answer.content or SECRET in told(answer.content)


@pytest.mark.parametrize("format", FORMATS)
def test_the_file_says_how_long_and_what_it_is(rekha: Member, format: str) -> None:
    run = done(rekha, format)
    content = content_of(run)
    with tenancy.inside(rekha.workspace):
        file = StoredFile.objects.of(rekha.workspace).get(pk__in=[run.file_id])
    assert file.size == len(content)
    assert file.name.endswith(".xlsx" if format == "xlsx" else ".zip")
    assert run.total and run.total == run.position
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None


def test_a_workbook_of_a_sealed_export_opens(rekha: Member) -> None:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content_of(done(rekha, "xlsx", "contact"))))
    (name,) = book.sheet_names
    heading, row = book.get_sheet_by_name(name).to_python()
    assert dict(zip(heading, row, strict=True))["Name"] == SECRET


@pytest.mark.parametrize("broken", [ExportRefused("too wide"), spreadsheets.SpreadsheetRefused("too wide")])
def test_an_export_that_is_refused_in_the_middle_leaves_no_file(
    rekha: Member, settings: Any, monkeypatch: pytest.MonkeyPatch, broken: Exception
) -> None:
    def refuse(*arguments: Any) -> int:
        arguments[-1].write(b"x" * 2_000_000)
        raise broken if isinstance(broken, ExportRefused) else ExportRefused(str(broken.reason))  # type: ignore[attr-defined]

    monkeypatch.setattr(export_formats, "of_workspace", refuse)
    run = done(rekha, "json")
    assert (run.state, run.problem, run.file_id) == ("failed", "too wide", None)
    with tenancy.inside(rekha.workspace):
        assert not StoredFile.objects.of(rekha.workspace).exists()


def test_a_worker_that_dies_leaves_no_row_and_the_next_one_does_it(
    rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        pass

    def die(*arguments: Any) -> int:
        arguments[-1].write(b"half of it")
        raise Died

    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        run = exporting.of_workspace(format="json", by=rekha, at=clock.now())
    monkeypatch.setattr(export_formats, "of_workspace", die)
    with pytest.raises(Died):
        exporting.work(rekha.workspace_id, run.pk)
    monkeypatch.undo()
    exporting.work(rekha.workspace_id, run.pk)
    with tenancy.inside(rekha.workspace):
        fresh = ExportRun.objects.of(rekha.workspace).get(pk=run.pk)
        assert fresh.state == "done"
        assert StoredFile.objects.of(rekha.workspace).count() == 1


@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"role": Role.AUDITOR}, {"ended_at": clock.now()}])
def test_whoever_may_not_export_any_more_gets_no_file(rekha: Member, change: dict[str, Any]) -> None:
    manager = make_member(rekha.workspace, Role.MANAGER)
    with tenancy.inside(rekha.workspace, actor=manager.pk):
        run = exporting.of_workspace(format="json", by=manager, at=clock.now())
        Member.objects.of(rekha.workspace).filter(pk=manager.pk).update(**change)
    exporting.work(rekha.workspace_id, run.pk)
    with tenancy.inside(rekha.workspace):
        fresh = ExportRun.objects.of(rekha.workspace).get(pk=run.pk)
        assert (fresh.state, fresh.file_id) == ("failed", None)
        assert "may not export any more" in fresh.problem


@pytest.mark.parametrize("format", ["", "pdf", "XLSX", "csv ", "vcf"])
def test_a_format_that_is_none_is_refused_and_nothing_is_queued(rekha: Member, format: str) -> None:
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        with pytest.raises(ExportRefused):
            exporting.of_workspace(format=format, by=rekha, at=clock.now())
        assert not ExportRun.objects.of(rekha.workspace).exists()
