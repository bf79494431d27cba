"""Files in an object store over real HTTP: a small server that speaks the part of S3's protocol that files use."""

import re
import threading
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID

import pytest

from amanat.core import clock, files, sealedobjects, tenancy
from amanat.core.files import FileDamaged
from amanat.core.models import StoredFile

pytestmark = pytest.mark.filterwarnings("ignore:.*:ResourceWarning")


class Store(ThreadingHTTPServer):
    """One bucket. Objects by key, unfinished uploads by id."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.objects: dict[str, bytes] = {}
        self.uploads: dict[str, dict[int, bytes]] = {}
        self.is_down = False


class Answers(BaseHTTPRequestHandler):
    server: Store
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: Any) -> None: ...

    def _split(self) -> tuple[str, dict[str, str]]:
        parts = urllib.parse.urlsplit(self.path)
        key = urllib.parse.unquote(parts.path).removeprefix("/bucket").lstrip("/")
        return key, dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _about(self) -> dict[str, str]:
        return {"ETag": '"e"', "Last_Modified": "Sun, 22 Nov 2026 04:00:00 GMT", "Accept_Ranges": "bytes"}

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_PUT(self) -> None:
        key, query = self._split()
        body = self._body()
        if self.server.is_down:
            return self._answer(400, b"<Error><Code>Down</Code></Error>")
        if "uploadId" in query:
            self.server.uploads[query["uploadId"]][int(query["partNumber"])] = body
        else:
            self.server.objects[key] = body
        return self._answer(200, ETag='"e"')

    def do_POST(self) -> None:
        key, query = self._split()
        body = self._body()
        if self.server.is_down:
            return self._answer(400, b"<Error><Code>Down</Code></Error>")
        if "uploads" in query:
            self.server.uploads["u1"] = {}
            return self._answer(200, _xml("InitiateMultipartUploadResult", f"<UploadId>u1</UploadId><Key>{key}</Key>"))
        if "delete" in query:
            keys = [gone.decode() for gone in re.findall(rb"<Key>(.*?)</Key>", body)]
            for gone in keys:
                self.server.objects.pop(gone, None)
            return self._answer(
                200, _xml("DeleteResult", "".join(f"<Deleted><Key>{gone}</Key></Deleted>" for gone in keys))
            )
        parts = self.server.uploads.pop(query["uploadId"])
        wanted = [int(number) for number in re.findall(rb"<PartNumber>(\d+)</PartNumber>", body)]
        self.server.objects[key] = b"".join(parts[number] for number in wanted)
        return self._answer(200, _xml("CompleteMultipartUploadResult", f'<Key>{key}</Key><ETag>"e"</ETag>'))

    def do_HEAD(self) -> None:
        key, _ = self._split()
        if key not in self.server.objects:
            return self._answer(404)
        return self._answer(200, Content_Length=str(len(self.server.objects[key])), **self._about())

    def do_GET(self) -> None:
        key, query = self._split()
        if not key:
            return self._answer(200, self._listed(query.get("prefix", "")))
        if key not in self.server.objects:
            return self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        whole = self.server.objects[key]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            return self._answer(200, whole, **self._about())
        first, last = int(asked[1]), min(int(asked[2]), len(whole) - 1)
        if first >= len(whole):
            return self._answer(416, Content_Range=f"bytes */{len(whole)}")
        span = f"bytes {first}-{last}/{len(whole)}"
        return self._answer(206, whole[first : last + 1], Content_Range=span, **self._about())

    def _listed(self, prefix: str) -> bytes:
        at = datetime(2026, 11, 22, 4, tzinfo=UTC).isoformat().replace("+00:00", "Z")
        lines = [
            f'<Contents><Key>{key}</Key><LastModified>{at}</LastModified><ETag>"e"</ETag><Size>{len(data)}</Size></Contents>'
            for key, data in sorted(self.server.objects.items())
            if key.startswith(prefix)
        ]
        return _xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{''.join(lines)}")


def _xml(name: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode()


@pytest.fixture
def store(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The site's files lie there, as AMANAT_S3_URL and the variables of the AWS tools say."""
    server = Store()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ENDPOINT": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "an id",
        "AWS_SECRET_ACCESS_KEY": "a secret",
        "AWS_REGION": "ap-south-1",
    }.items():
        monkeypatch.setenv(name, value)
    settings.S3_URL = "s3://bucket/site"
    sealedobjects._opened_store.cache_clear()
    yield server
    sealedobjects._opened_store.cache_clear()
    server.shutdown()
    server.server_close()


def keep(workspace: Any, content: bytes, name: str = "paper.txt") -> StoredFile:
    with tenancy.inside(workspace):
        return files.store(
            content, workspace_id=workspace.pk, name=name, by=None, kind="paper", most_bytes=40 * files.MEGABYTE
        )


def read(workspace: Any, file: StoredFile) -> bytes:
    with tenancy.inside(workspace):
        return files.read_all(StoredFile.objects.of(workspace).get(pk=file.pk))


def objects_of(workspace: UUID) -> list[str]:
    return sealedobjects.names_of(workspace, older_than=datetime(2027, 1, 1, tzinfo=UTC))


def test_a_file_goes_there_sealed_and_comes_back(store: Store, shree: Any) -> None:
    file = keep(shree, b"Asha's passport number")
    [(key, data)] = store.objects.items()
    assert key == f"site/{file.object_name}"
    assert b"passport" not in data
    assert read(shree, file) == b"Asha's passport number"


def test_a_large_one_goes_in_parts_and_comes_back_whole(store: Store, shree: Any) -> None:
    content = b"name,phone\n" * 1_900_000  # beyond two parts of 8 MiB
    file = keep(shree, content, "many.csv")
    assert read(shree, file) == content
    assert store.uploads == {}
    assert len(store.objects) == 1


def test_deleting_takes_it_from_there_after_the_commit(
    store: Store, shree: Any, django_capture_on_commit_callbacks: Any
) -> None:
    file = keep(shree, b"one")
    with django_capture_on_commit_callbacks(execute=True), tenancy.inside(shree):
        files.delete(file)
        assert len(store.objects) == 1
    assert store.objects == {}
    sealedobjects.delete([file.object_name])  # once more is no error


def test_one_altered_cut_off_or_gone_there_is_told(store: Store, shree: Any) -> None:
    file = keep(shree, b"one " * 100)
    [(key, data)] = store.objects.items()
    changed = bytearray(data)
    changed[20] ^= 1
    for spoilt in (bytes(changed), data[:-1], data + b"x", b""):
        store.objects[key] = spoilt
        with pytest.raises(FileDamaged):
            read(shree, file)
    del store.objects[key]
    with pytest.raises(FileDamaged, match="gone"):
        read(shree, file)


def test_another_workspaces_object_put_in_its_place_does_not_open(store: Store, shree: Any, other: Any) -> None:
    mine, theirs = keep(shree, b"mine of same length"), keep(other, b"hers of same length")
    store.objects[f"site/{mine.object_name}"] = store.objects[f"site/{theirs.object_name}"]
    with pytest.raises(FileDamaged):
        read(shree, mine)


def test_listings_hold_one_workspace_and_sweeps_take_what_no_row_knows(
    store: Store, shree: Any, other: Any, django_capture_on_commit_callbacks: Any
) -> None:
    mine, theirs = keep(shree, b"mine"), keep(other, b"hers")
    orphan = f"{shree.pk}/orphan"
    sealedobjects.write(orphan, [b"x"], key=sealedobjects.new_key(), workspace_id=shree.pk)
    assert objects_of(shree.pk) == sorted([mine.object_name, orphan])
    assert objects_of(other.pk) == [theirs.object_name]
    later = datetime(2026, 11, 24, tzinfo=UTC)
    with (
        clock.standing_at(later),
        django_capture_on_commit_callbacks(execute=True),
        tenancy.inside(shree),
    ):
        files.sweep(shree.pk, older_than=timedelta(hours=6))
    assert sorted(store.objects) == sorted([f"site/{mine.object_name}", f"site/{theirs.object_name}"])


def test_while_the_store_refuses_nothing_is_kept_or_half_kept(store: Store, shree: Any) -> None:
    store.is_down = True
    with pytest.raises(Exception, match="Down"):
        keep(shree, b"one")
    store.is_down = False
    assert store.objects == {}
