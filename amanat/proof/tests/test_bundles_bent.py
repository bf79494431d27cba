"""Each way to bend a bundle by somebody who holds the key, or none: what the script answers, without a database or a process."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from amanat.proof import verify

KEY = SigningKey(bytes(range(32)))
ZERO = "0" * 64
type Files = dict[str, bytes]
type Row = dict[str, Any]


def rows(count: int = 4) -> list[Row]:
    """A chain of evidence as a bundle writes it."""
    found, previous = list[Row](), ZERO
    for number in range(1, count + 1):
        row: Row = {"number": number, "previous": previous, "probe": "a", "outcome": "kept", "said": f"é {number}"}
        row["digest"] = previous = verify.digest(row)
        found.append(row)
    return found


def gap(first: Row, last: Row) -> Row:
    """What stands for the rows from `first` to `last`."""
    return {
        "number": first["number"],
        "last": last["number"],
        "previous": first["previous"],
        "digest": last["digest"],
    }


def attested() -> Row:
    row: Row = {"subject": "security.training_every", "done_on": "2026-11-20", "by": "one"}
    return {**row, "digest": verify.digest(row)}


def bundle(
    chain: list[Row] | None = None,
    *,
    span: Row | None = None,
    attestations: list[Row] | None = None,
    policy: bytes = b"{}",
    policy_digest: str = "",
    key: SigningKey = KEY,
) -> Files:
    """A bundle that is signed as a whole, whatever stands in it: only what is inside can be wrong."""
    chain = rows() if chain is None else chain
    last = chain[-1]["digest"] if chain else ZERO
    version = {"number": 1, "digest": policy_digest or hashlib.sha256(policy).hexdigest(), "file": "versions/1.json"}
    files = {
        "evidence.jsonl": "".join(json.dumps(row) + "\n" for row in chain).encode(),
        "attestations.json": json.dumps([attested()] if attestations is None else attestations).encode(),
        "versions.json": json.dumps([version]).encode(),
        "versions/1.json": policy,
        "public-key.txt": f"{bytes(key.verify_key).hex()}\n".encode(),
    }
    manifest = {
        "evidence": span or {"first": 1, "previous": ZERO, "digest": last},
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }
    files["manifest.json"] = json.dumps(manifest).encode()
    files["manifest.sig"] = key.sign(files["manifest.json"]).signature.hex().encode()
    return files


def resigned(files: Files, key: SigningKey = KEY) -> Files:
    return {**files, "manifest.sig": key.sign(files["manifest.json"]).signature.hex().encode()}


def fingerprint(key: SigningKey = KEY) -> str:
    return hashlib.sha256(bytes(key.verify_key)).hexdigest()[:16]


def missing_row(chain: list[Row]) -> list[Row]:
    return [chain[0], *chain[2:]]


def turned(chain: list[Row]) -> list[Row]:
    return [chain[0], chain[2], chain[1], chain[3]]


def reworded(chain: list[Row]) -> list[Row]:
    return [chain[0], {**chain[1], "outcome": "broken"}, *chain[2:]]


def reworded_with_its_digest(chain: list[Row]) -> list[Row]:
    """The row fits its own digest again; the row after it does not follow any more."""
    bent = {**chain[1], "outcome": "broken"}
    del bent["digest"]
    return [chain[0], {**bent, "digest": verify.digest(bent)}, *chain[2:]]


def renumbered(chain: list[Row]) -> list[Row]:
    bent = {**chain[3], "number": 9}
    del bent["digest"]
    return [*chain[:3], {**bent, "digest": verify.digest(bent)}]


def narrowed_gap(chain: list[Row]) -> list[Row]:
    """The gap says that it ends before it does."""
    return [chain[0], {**gap(chain[1], chain[2]), "last": 2}, chain[3]]


def unhinged_gap(chain: list[Row]) -> list[Row]:
    return [chain[0], {**gap(chain[1], chain[2]), "previous": ZERO}, chain[3]]


@pytest.mark.parametrize(
    ("bent", "number"),
    [
        (missing_row, 2),
        (turned, 2),
        (reworded, 2),
        (reworded_with_its_digest, 3),
        (renumbered, 4),
        (narrowed_gap, 3),
        (unhinged_gap, 2),
    ],
)
def test_a_bent_chain_is_named_by_its_first_wrong_row(bent: Callable[[list[Row]], list[Row]], number: int) -> None:
    found = verify.problems(bundle(bent(rows())))
    assert found == [f"evidence.jsonl: row {number} was changed or is missing"]


@pytest.mark.slow
def test_a_whole_chain_is_as_it_was_signed_with_gaps_and_without() -> None:
    chain = rows()
    whole = [
        chain,
        [chain[0], gap(chain[1], chain[2]), chain[3]],
        [gap(chain[0], chain[0]), *chain[1:]],
        [chain[0], gap(chain[1], chain[1]), gap(chain[2], chain[2]), chain[3]],
        [*chain[:2], gap(chain[2], chain[3])],
        [],
    ]
    for one in whole:
        assert verify.problems(bundle(one)) == []


def test_a_bundle_of_the_newest_rows_begins_where_its_manifest_says() -> None:
    newest = rows()[2:]
    span = {"first": 3, "previous": newest[0]["previous"], "digest": newest[-1]["digest"]}
    assert verify.problems(bundle(newest, span=span)) == []
    for name, value in (("first", 2), ("previous", ZERO)):
        found = verify.problems(bundle(newest, span={**span, name: value}))
        assert found == [f"evidence.jsonl: row {2 if name == 'first' else 3} was changed or is missing"]


def test_a_cut_off_end_is_missed() -> None:
    chain = rows()
    span = {"first": 1, "previous": ZERO, "digest": chain[-1]["digest"]}
    assert verify.problems(bundle(chain[:3], span=span)) == ["evidence.jsonl: the end of the chain is missing"]


def test_an_attestation_under_another_digest_is_named_and_the_others_are_not() -> None:
    bent = {**attested(), "done_on": "2025-01-01"}
    found = verify.problems(bundle(attestations=[attested(), bent]))
    assert found == ["attestations.json: security.training_every of 2025-01-01 was changed"]


def test_a_policy_under_another_digest_is_named() -> None:
    found = verify.problems(bundle(policy=b'{"a":1}', policy_digest="ab" * 32))
    assert found == [f"versions/1.json: is not the policy with the digest {'ab' * 32}"]


@pytest.mark.parametrize("name", ["manifest.json", "manifest.sig", "public-key.txt"])
def test_without_a_part_of_the_signature_nothing_else_is_looked_at(name: str) -> None:
    files = bundle()
    del files[name]
    assert verify.problems(files) == [f"{name}: is missing"]


def test_every_missing_and_every_added_file_is_named() -> None:
    files = bundle()
    del files["versions/1.json"]
    files["extra.txt"], files["manifest.old"] = b"x", b"y"
    assert verify.problems(files) == ["versions/1.json: is missing", "extra.txt: does not belong here"]


@pytest.mark.parametrize(
    ("expected", "is_right"),
    [
        ("", True),
        (fingerprint(), True),
        (" ".join(fingerprint()), True),
        (fingerprint()[:-1] + "x", False),
        ("0", False),
    ],
)
def test_the_fingerprint_is_compared_when_one_is_given(
    expected: str, is_right: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    found = verify.problems(bundle(), expected)
    assert found == ([] if is_right else ["public-key.txt: is not the key you expected"])
    assert fingerprint() in capsys.readouterr().out


def test_a_manifest_of_another_hand_does_not_fit() -> None:
    other = SigningKey(bytes(range(1, 33)))
    wrong = "manifest.json: the signature does not fit; it, manifest.sig or public-key.txt was changed"
    assert verify.problems(resigned(bundle(), other)) == [wrong]
    assert verify.problems(bundle(key=other)) == [], "a forger's own key fits: only its fingerprint tells"
    assert verify.problems(bundle(key=other), fingerprint()) == ["public-key.txt: is not the key you expected"]


@pytest.mark.parametrize(
    ("public", "signature"),
    [
        (bytes(31), bytes(64)),
        (bytes(33), bytes(64)),
        (bytes(KEY.verify_key), bytes(63)),
        (bytes(KEY.verify_key), bytes(65)),
        (bytes(KEY.verify_key), bytes(64)),
        (b"\xff" * 32, bytes(64)),
        (bytes(KEY.verify_key), b"\xff" * 64),
    ],
)
def test_what_is_no_key_or_no_signature_signs_nothing(public: bytes, signature: bytes) -> None:
    assert not verify.is_signed(public, signature, b"content")


def test_a_signature_is_for_its_content_and_has_one_form() -> None:
    signature = KEY.sign(b"content").signature
    public = bytes(KEY.verify_key)
    assert verify.is_signed(public, signature, b"content")
    assert not verify.is_signed(public, signature, b"Content")
    again = int.from_bytes(signature[32:], "little") + verify.ORDER  # the same point, another writing of it
    assert not verify.is_signed(public, signature[:32] + again.to_bytes(32, "little"), b"content")


@pytest.mark.parametrize("name", ["public-key.txt", "manifest.sig"])
def test_what_cannot_be_read_is_named(name: str) -> None:
    files = bundle() | {name: b"not hex"}
    with pytest.raises(SystemExit, match=f"{name}: was changed, and cannot be read"):
        verify.problems(files)


def test_the_script_answers_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed = tmp_path / "proof.zip"

    def pack(files: Files) -> None:
        with zipfile.ZipFile(packed, "w") as out:
            for name, content in files.items():
                out.writestr(name, content)

    pack(bundle())
    assert verify.main([str(packed)]) == 0 and "All is as it was signed." in capsys.readouterr().out
    first, second = fingerprint()[:8], fingerprint()[8:]
    assert verify.main([str(packed), first, second]) == 0
    assert verify.main([str(packed), "other"]) == 1
    pack(bundle(missing_row(rows())))
    assert verify.main([str(packed)]) == 1 and "row 2 was changed" in capsys.readouterr().out
    packed.write_bytes(b"no archive")
    assert verify.main([str(packed)]) == 1 and "cannot be read" in capsys.readouterr().out
    assert verify.main([str(tmp_path / "nowhere.zip")]) == 1


def test_a_folder_is_read_like_an_archive(tmp_path: Path) -> None:
    files = bundle()
    for name, content in files.items():
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
    assert verify.files_of(tmp_path) == files
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as out:
        for name, content in files.items():
            out.writestr(name, content)
    archive = tmp_path / "proof.zip"
    archive.write_bytes(packed.getvalue())
    assert verify.files_of(archive) == files
