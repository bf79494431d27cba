"""The archive of a real server: kept, killed, damaged, and any of its moments brought back."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from amanat.core import clock, configuration, rootkeys, safekeeping
from amanat.core.configuration import Configuration
from amanat.operations import Refused, doctor, dumps, postgres, swapping
from amanat.operations.archive import chapters, papers, rewinding
from amanat.operations.tests import places, test_replay

pytestmark = pytest.mark.slow

CANARY = "Asha Menon"
#: The archive as `up` runs it, with shorter waits.
KEEP = """
from amanat.core import configuration
from amanat.operations.archive import keeping
keeping.FIRST_LOOK, keeping.FLUSH_EVERY, keeping.PAPERS_EVERY = 0.5, 0.2, 0.5
keeping.run(configuration.current())
"""
STORE = """
    from amanat.core import files
    with tenancy.inside(here):
        files.store(b"Asha's passport number", workspace_id=here.pk, name="passport.txt", by=None, kind="paper")
"""
FORGET = """
    from amanat.core import files
    from amanat.core.models import StoredFile
    here = shop()
    with tenancy.inside(here):
        files.delete(StoredFile.objects.of(here).get())
        files.store(b"of later", workspace_id=here.pk, name="later.txt", by=None, kind="paper")
"""
READ = """
    from amanat.core import files
    from amanat.core.models import StoredFile
    here = shop()
    with tenancy.inside(here):
        print("READ", [files.read_all(file) for file in StoredFile.objects.of(here)])
"""


@dataclass(frozen=True)
class Kept:
    here: Configuration
    full: datetime  #: everything was there
    ended: datetime  #: and then ended for good


def keeper(here: Configuration) -> subprocess.Popen[str]:
    return places.spawn(here.data, code=KEEP, by_itself=True)


def settled(here: Configuration) -> datetime:
    """This moment, once the archive holds it. Nothing else writes meanwhile."""
    at = datetime.now(UTC)

    def reaches() -> bool:
        newest = safekeeping.archive(here).newest
        return bool(newest) and datetime.fromisoformat(newest) > at

    with dumps.connect(here) as connection:  # a commit after it, so that there is something to stop at
        time.sleep(0.01)
        connection.execute("CREATE TABLE IF NOT EXISTS ticks (id int)")
        connection.execute("ALTER TABLE ticks OWNER TO amanat_owner")
        connection.execute("DROP TABLE ticks")
    places.wait_for(reaches, f"the archive does not reach {at}: {safekeeping.archive(here)}")
    return at


@pytest.fixture(scope="module")
def kept() -> Iterator[Kept]:
    """An installation whose archive was kept by two processes, the first of which was killed while much was written."""
    with places.folder() as folder:
        here = places.migrated(folder)
        server = postgres.start(here, purpose="up", durable=False)
        try:
            test_replay.step(here, test_replay.FILL + STORE)
            first = keeper(here)
            places.wait_for(lambda: safekeeping.archive(here).copied_at, "no copy was made")
            flood(here, first)
            second = keeper(here)
            full = settled(here)
            places.wait_for(lambda: list(papers.folder(here).glob("*/*")), "no paper was copied")
            test_replay.step(here, test_replay.END)
            test_replay.step(here, FORGET)
            ended = settled(here)
            second.send_signal(signal.SIGTERM)
            assert second.communicate(timeout=places.PATIENCE) == ("", None)
            assert second.returncode == 0
        finally:
            server.stop()
        yield Kept(here, full, ended)


def flood(here: Configuration, first: subprocess.Popen[str]) -> None:
    """More than a segment of rows, in the middle of which the archive is killed."""
    at = datetime.now(UTC)

    def has_some() -> bool:
        newest = safekeeping.archive(here).newest
        return bool(newest) and datetime.fromisoformat(newest) > at

    with dumps.connect(here) as connection:
        connection.execute("CREATE TABLE flood (id int, words text)")
        connection.execute("ALTER TABLE flood OWNER TO amanat_owner")
        for turn in range(10):
            connection.execute("INSERT INTO flood SELECT g, repeat(md5(g::text), 8) FROM generate_series(1, 8000) g")
            if turn == 5:
                places.wait_for(has_some, "the archive holds nothing of the flood")
                places.kill(first.pid)
                first.wait()
        connection.execute("DROP TABLE flood")


@pytest.fixture
def elsewhere(kept: Kept, place: Path) -> Configuration:
    """A new machine, to which the folder of backups and the keys were brought."""
    here = configuration.load({"AMANAT_DATA": str(place / "data")})
    here.secrets.mkdir(mode=0o700)
    for name in ("root-key", "tombstone-key", "tombstones.jsonl", "ledger-heads.jsonl"):
        shutil.copy(kept.here.secrets / name, here.secrets / name)
    shutil.copytree(kept.here.backup_folder, here.backup_folder)
    return here


def test_a_moment_comes_back_on_a_new_machine_and_what_was_ended_since_is_ended_again(
    kept: Kept, elsewhere: Configuration
) -> None:
    code, output = places.run(elsewhere.data, "restore", "--to", kept.full.isoformat())
    assert code == 0, output
    for words in (
        "Restored the moment",
        "1 files, 1 of them from the archive",
        "1 contacts purged",
        "1 tokens revoked",
    ):
        assert words in output
    found = test_replay.look(elsewhere)
    assert found == test_replay.AFTER
    assert "Asha's passport number" in test_replay.step(elsewhere, READ)
    assert not swapping.restored_mark(elsewhere).exists()
    assert not (elsewhere.data / "rewind").exists()
    code, output = places.run(elsewhere.data, "restore", "--to", kept.full.isoformat())
    assert (code, "There is data here already" in output) == (3, True)
    check_that_switching_off_deletes_it(elsewhere)


def check_that_switching_off_deletes_it(elsewhere: Configuration) -> None:
    """And the server keeps nothing for it any more."""
    body = (
        "from amanat.core import configuration\nfrom amanat.operations import dumps, postgres\n"
        "from amanat.operations.archive import keeping, streaming\n"
        "here = configuration.current()\n"
        "with postgres.using(here), dumps.connect(here, 'postgres') as connection:\n"
        "    streaming.ensure_slot(connection, anew=False)\n"
        "    keeping.tidy(here)\n"
        "    print(connection.execute('SELECT count(*) FROM pg_replication_slots').fetchall())\n"
    )
    process = places.spawn(elsewhere.data, code=body, AMANAT_ARCHIVE_DAYS="0")
    output = process.communicate(timeout=5 * places.PATIENCE)[0]
    assert output == "[(0,)]\n"
    assert chapters.all_of(elsewhere) == []
    assert not papers.folder(elsewhere).exists()
    code, output = places.run(elsewhere.data, "archive", AMANAT_ARCHIVE_DAYS="0")
    assert (code, "The archive is off" in output) == (3, True)


def test_going_back_and_forth_over_what_is_there_and_the_archive_goes_on(kept: Kept, elsewhere: Configuration) -> None:
    """Without tombstones everything of the moment comes back; the new history gets a name and a chapter of its own."""
    (elsewhere.secrets / "tombstones.jsonl").unlink()
    newest = rewinding.windows(elsewhere)[-1].ends  # nothing was committed after it: the log ends before it is passed
    code, output = places.run(elsewhere.data, "restore", "--to", newest.isoformat())
    assert code == 0, output
    server = postgres.start(elsewhere, purpose="up", durable=False)
    try:
        assert names(elsewhere) == ["Ravi Patil"]
        again = keeper(elsewhere)
        places.wait_for(lambda: len(timelines(elsewhere)) == 2, "no chapter of the new history")
        places.wait_for(lambda: len(rewinding.windows(elsewhere)) == 2, "the new history cannot be restored")
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=places.PATIENCE)
        code, output = places.run(elsewhere.data, "restore", "--to", kept.full.isoformat(), "--replace")
        assert (code, "already running" in output) == (3, True)
        with dumps.connect(
            elsewhere
        ) as connection:  # ended for good by a process that was killed before it wrote it down
            connection.execute(
                "INSERT INTO core_tombstonedue VALUES (gen_random_uuid(), %s, now())", [places.TOMBSTONE]
            )
    finally:
        server.stop()
    code, output = places.run(elsewhere.data, "restore", "--to", kept.full.isoformat(), "--replace")
    assert (code, "could not be opened" in output) == (0, False), output
    assert (elsewhere.secrets / "tombstones.jsonl").read_text().startswith(places.TOMBSTONE)
    with postgres.using(elsewhere), dumps.connect(elsewhere) as connection:
        assert names(elsewhere) == ["Asha Menon", "Ravi Patil"]
        [[timeline]] = connection.execute("SELECT timeline_id FROM pg_control_checkpoint()").fetchall()
    assert timeline == 3  # the second was taken


def names(here: Configuration) -> list[str]:
    """The contacts there are; the server runs."""
    with dumps.connect(here) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM people_contact ORDER BY 1")]


def timelines(here: Configuration) -> set[int]:
    return {chapter.line.timeline for chapter in chapters.all_of(here)}


def test_nothing_in_the_archive_can_be_read(kept: Kept) -> None:
    seen = 0
    for path in kept.here.backup_folder.rglob("*"):
        if path.is_file():
            seen += 1
            data = path.read_bytes()
            assert not [word for word in (CANARY, "passport", "Rekha", "contacts") if word.encode() in data], path
            assert path.stat().st_mode & 0o077 == 0, path
    assert seen > 6


def test_the_server_keeps_nothing_readable_outside_its_cluster(kept: Kept) -> None:
    outside = [path for path in kept.here.data.rglob("0000*") if "postgres/" not in str(path)]
    assert outside == []


def test_the_killed_process_left_a_second_part_and_no_gap(kept: Kept) -> None:
    [line] = {chapter.line for chapter in chapters.all_of(kept.here)}
    parts = chapters.parts(chapters.all_of(kept.here), line)
    assert max(len(found) for found in parts.values()) == 2
    [window] = rewinding.windows(kept.here)
    assert window.begins < kept.full < kept.ended < window.ends


def test_the_doctor_tells_the_newest_moment(kept: Kept) -> None:
    newest = datetime.fromisoformat(safekeeping.archive(kept.here).newest)
    with clock.standing_at(newest + timedelta(minutes=7)):
        [finding] = doctor._archive(kept.here)
    assert finding.state == "ok"
    assert "is 7 minutes old" in finding.sentence


def base_of(here: Configuration) -> Path:
    return next(chapter.base for chapter in chapters.all_of(here) if chapter.made_at)


def segments_of(here: Configuration) -> list[Path]:
    return sorted(path for chapter in chapters.all_of(here) for path in chapter.wal.iterdir())


def flip(path: Path, at: int | None = None) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1
    path.write_bytes(data)


def flipped_copy(here: Configuration) -> str:
    flip(base_of(here))
    return "damaged"


def flipped_log(here: Configuration) -> str:
    needed = segments_of(here)[1]
    flip(needed)
    return needed.name


def cut_off_copy(here: Configuration) -> str:
    os.truncate(base_of(here), base_of(here).stat().st_size // 2)
    return "damaged"


def missing_copy(here: Configuration) -> str:
    base_of(here).unlink()
    return "is missing: put it back"


def missing_segment(here: Configuration) -> str:
    gone = segments_of(here)[1].name.split(".")[0]
    for path in segments_of(here):
        if path.name.startswith(gone):
            path.unlink()
    return f"lacks the segment {gone}"


def written(here: Configuration) -> list[Path]:
    """Those that hold anything: a kill may leave one that was only begun."""
    return [path for path in segments_of(here) if path.stat().st_size > 1000]


def missing_part(here: Configuration) -> str:
    """Where the kill fell between two segments, neither of them is in parts: then a whole one is missing."""
    firsts = [path for path in written(here) if path.suffix == ".0" and path.with_suffix(".1") in written(here)]
    if not firsts:
        return missing_segment(here)
    firsts[0].unlink()
    return "bytes are missing before it"


def swapped_files(here: Configuration) -> str:
    first, second = written(here)[1:3]
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    return "another file than its name says"


def missing_keys(here: Configuration) -> str:
    for path in chapters.keys_folder(here).iterdir():
        path.unlink()
    return "are not here: put them back"


def another_root_key(here: Configuration) -> str:
    here.root_key_file.unlink()
    rootkeys.create(here.root_key_file)
    return "is not the one this backup's data is encrypted with"


def missing_tombstone_key(here: Configuration) -> str:
    here.tombstone_key_file.unlink()
    return "nobody knows what was erased"


def little_room(here: Configuration) -> str:
    usage = shutil.disk_usage("/")
    rewinding.shutil.disk_usage = lambda path: usage._replace(free=1 << 20)  # type: ignore[assignment, attr-defined]
    return "1 MB are free"


@pytest.mark.parametrize(
    "spoil",
    [
        flipped_copy,
        flipped_log,
        cut_off_copy,
        missing_copy,
        missing_segment,
        missing_part,
        swapped_files,
        missing_keys,
        another_root_key,
        missing_tombstone_key,
        little_room,
    ],
)
def test_what_is_not_sound_is_refused_in_words_and_nothing_is_made(
    spoil: object, kept: Kept, elsewhere: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewinding.shutil, "disk_usage", rewinding.shutil.disk_usage)  # put back afterwards
    told = spoil(elsewhere)  # type: ignore[operator]
    with pytest.raises(Refused) as refused:
        rewinding.bring_back(elsewhere, kept.ended, replace=False)
    assert told in str(refused.value)
    assert not (elsewhere.data / "postgres").exists()
    assert not (elsewhere.data / "rewind").exists()
    assert not dumps.files_folder(elsewhere).exists()


def test_damage_after_the_moment_does_no_harm_to_it(kept: Kept, elsewhere: Configuration) -> None:
    found = rewinding.find(elsewhere, kept.full)
    later = [path for path in segments_of(elsewhere) if path.name.split(".")[0] > found.segments[-1]]
    for path in later:
        flip(path)
    assert rewinding.find(elsewhere, kept.full).segments == found.segments
    flip(segments_of(elsewhere)[-1], at=-1)  # the last frame of all
    assert rewinding.find(elsewhere, kept.full).segments == found.segments


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_moment_outside_is_refused_with_those_there_are(kept: Kept, hours: int) -> None:
    with pytest.raises(Refused, match=r"does not hold .* It holds every moment from .* to "):
        rewinding.find(kept.here, kept.full + timedelta(hours=hours))


def test_in_the_words_of_whoever_asks(kept: Kept) -> None:
    asked = datetime.fromisoformat("2026-01-01T10:00+05:30")
    with pytest.raises(Refused) as refused:
        rewinding.find(kept.here, asked)
    assert str(refused.value).count("+05:30") == 3


def test_old_chapters_are_swept_with_their_keys_and_the_rest_stays(kept: Kept, elsewhere: Configuration) -> None:
    [chapter, *_] = chapters.all_of(elsewhere)
    assert chapter.made_at is not None
    assert chapters.prune(elsewhere, chapter.made_at + timedelta(days=20)) == []  # there is no later copy
    assert len(rewinding.windows(elsewhere)) == 1
    assert chapter.name in chapters.prune(elsewhere, chapter.made_at + timedelta(days=30))
    assert not chapter.folder.exists()
    assert not list(chapters.keys_folder(elsewhere).glob("*"))
    assert rewinding.windows(elsewhere) == []


def test_with_a_server_of_ones_own_it_says_whose_business_it_is(kept: Kept) -> None:
    outside = dataclasses.replace(kept.here, database_url="postgresql://a:b@localhost/c")
    with pytest.raises(Refused, match="the database server is your own"):
        rewinding.bring_back(outside, kept.full, replace=True)
    [finding] = doctor._archive(outside)
    assert (finding.state, "your own database server" in finding.sentence) == ("ok", True)


def test_its_folder_holds_what_the_manual_says(kept: Kept) -> None:
    known = {chapter.name for chapter in chapters.all_of(kept.here)}
    others = {path.name for path in chapters.place(kept.here).iterdir()} - known
    assert others - {"papers.json"} == {"lock", "papers", "state.json"}  # it is there once a paper was noted as gone
    [described] = [json.loads(path.read_text()) for path in chapters.place(kept.here).glob("*/chapter.json")]
    assert described["line"]["timeline"] == 1
