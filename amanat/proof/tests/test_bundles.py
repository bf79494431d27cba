"""The proof that is taken away is checked by its own script, which names any file that was altered by one byte."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path

import pytest
from nacl.signing import SigningKey
from pytest_django.fixtures import Settings

from amanat.accounts.models import Workspace
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.policy import ready
from amanat.proof import attesting, bundles, evidence, signing, verify
from amanat.proof.evidence import Ran
from amanat.proof.models import Outcome


@pytest.fixture
def bundle(shree: Workspace, tmp_path: Path, settings: Settings) -> Path:
    """A bundle of a workspace with three findings and an attestation, unpacked."""
    key = tmp_path / "proof-key"
    key.write_text("17" * 32 + "\n")
    settings.PROOF_KEY_FILE = key
    with tenancy.inside(shree):
        ran = [Ran(name, Outcome.KEPT, "{count} members", {"count": 3}, 1) for name in ("a", "b", "c")]
        evidence.append(shree.id, ran, policy_number=0, at=clock.now())
        attesting.attest(
            path="security.training_every", policy=ready.policy("default"), policy_number=0, statement="All were trained.",
            done_on=date(2026, 11, 20), valid_to=None, paper=None, paper_name="", by=factories.owner_of(shree), at=clock.now(),
        )  # fmt: skip
    folder = tmp_path / "bundle"
    with zipfile.ZipFile(io.BytesIO(bundles.make(shree.id, at=clock.now()))) as packed:
        packed.extractall(folder)
    return folder


def checked(folder: Path, expected: str = "") -> list[str]:
    return verify.problems(verify.files_of(folder), expected)


def test_an_untouched_bundle_is_as_it_was_signed(bundle: Path) -> None:
    assert checked(bundle) == []
    assert {path.name for path in bundle.iterdir()} == {
        "README.txt", "attestations.json", "evidence.jsonl", "ledger.json", "manifest.json", "manifest.sig", "policy.json",
        "promises.json", "public-key.txt", "verify.py", "versions", "versions.json",
    }  # fmt: skip


@pytest.mark.slow
def test_one_altered_byte_in_any_file_is_found_and_the_file_named(bundle: Path) -> None:
    for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
        whole = path.read_bytes()
        name = path.relative_to(bundle).as_posix()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert name in _told(bundle), f"{name} at {place}"
        path.write_bytes(whole)
    assert checked(bundle) == []


def _told(bundle: Path) -> str:
    try:
        return "\n".join(checked(bundle))
    except SystemExit as end:
        return str(end.code)


def test_a_missing_and_an_added_file_are_named(bundle: Path) -> None:
    (bundle / "ledger.json").unlink()
    (bundle / "more.txt").write_text("x")
    assert checked(bundle) == ["ledger.json: is missing", "more.txt: does not belong here"]


def test_another_key_is_not_the_one_that_was_expected(bundle: Path) -> None:
    fingerprint = signing.fingerprint(signing.public_key())
    assert checked(bundle, fingerprint) == []
    assert checked(bundle, "0000 0000 0000 0000") == ["public-key.txt: is not the key you expected"]


def test_a_forger_with_a_key_of_her_own_breaks_the_chain_or_the_fingerprint(bundle: Path) -> None:
    """She exchanges a finding, and signs all of it anew: the chain inside still tells."""
    import json

    path = bundle / "evidence.jsonl"
    path.write_text(path.read_text().replace('"count": 3', '"count": 4', 1))
    manifest = json.loads((bundle / "manifest.json").read_text())
    key = SigningKey(b"\1" * 32)
    (bundle / "public-key.txt").write_text(bytes(key.verify_key).hex())
    for name in manifest["files"]:
        manifest["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    (bundle / "manifest.sig").write_text(key.sign((bundle / "manifest.json").read_bytes()).signature.hex())
    assert checked(bundle) == ["evidence.jsonl: row 1 was changed or is missing"]


@pytest.mark.slow
def test_the_script_alone_checks_a_zip_without_anything_installed(bundle: Path, tmp_path: Path) -> None:
    packed = tmp_path / "proof.zip"
    with zipfile.ZipFile(packed, "w") as target:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            target.write(path, path.relative_to(bundle))
    run = [sys.executable, "-I", "-S", str(bundle / "verify.py"), str(packed)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "All is as it was signed.")
    packed.write_bytes(packed.read_bytes()[:-200])
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "cannot be read" in done.stdout


def test_the_signature_is_the_one_of_rfc_8032() -> None:
    """Test 2 of section 7.1."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify.is_signed(public, signature, b"\x72")
    assert not verify.is_signed(public, signature, b"\x73")


def test_nobody_is_named_in_a_bundle(bundle: Path) -> None:
    everything = b"".join(path.read_bytes() for path in bundle.rglob("*") if path.is_file())
    assert b"Rekha" not in everything
    assert b"All were trained" not in everything


def test_without_a_key_nothing_is_made(shree: Workspace, tmp_path: Path, settings: Settings) -> None:
    settings.PROOF_KEY_FILE = tmp_path / "none"
    with pytest.raises(signing.SigningKeyMissing):
        bundles.make(shree.id, at=clock.now())
    assert not (tmp_path / "none").exists()


def test_the_script_is_short_enough_to_be_read() -> None:
    text = bundles.VERIFIER.read_text()
    code = re.sub(r'"""(?s:.*?)"""', "", text).splitlines()
    assert sum(bool(line.strip()) for line in code) <= 100
