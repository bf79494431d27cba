"""Checks a bundle of proof, offline and with nothing but Python:  python3 verify.py [BUNDLE.zip or FOLDER] [FINGERPRINT]

A row with "last" stands for older ones that said what the one before them said; the row after it still holds their digest.
It answers: is every file the one that was signed; does each policy have the digest it is known by; is the chain of evidence whole, each
row bound to the one before; are the attestations those whose digests stand there. The fingerprint of the key is printed: compare it with
the one the business shows on its page of promises, or give it as the second argument.
"""

import hashlib
import json
import pathlib
import sys
import zipfile
from collections.abc import Callable
from typing import Any

Point = tuple[int, int]
Files = dict[str, bytes]

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a: Point, b: Point) -> Point:
    """The sum of two points of the curve of Ed25519 (RFC 8032)."""
    (x1, y1), (x2, y2) = a, b
    product = D * x1 * x2 * y1 * y2
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    return x, (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P


def times(number: int, point: Point) -> Point:
    result: Point = (0, 1)
    while number:
        if number & 1:
            result = add(result, point)
        point, number = add(point, point), number >> 1
    return result


def point_of(encoded: bytes) -> Point | None:
    """The point 32 bytes stand for, or None when they stand for none."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or y >= P or (x == 0 and sign):
        return None
    return (P - x, y) if x % 2 != sign else (x, y)


BASE = point_of((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def is_signed(public: bytes, signature: bytes, content: bytes) -> bool:
    if len(public) != 32 or len(signature) != 64:
        return False
    key, r, s = point_of(public), point_of(signature[:32]), int.from_bytes(signature[32:], "little")
    if key is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + content).digest(), "little") % ORDER
    return BASE is not None and times(s, BASE) == add(r, times(h, key))


def digest(document: dict[str, object]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def files_of(place: pathlib.Path) -> Files:
    if place.is_dir():
        return {str(f.relative_to(place)): f.read_bytes() for f in sorted(place.rglob("*")) if f.is_file()}
    with zipfile.ZipFile(place) as bundle:
        return {name: bundle.read(name) for name in bundle.namelist()}


def read(files: Files, name: str, how: Callable[[str], Any]) -> Any:
    try:
        return how(files[name].decode().strip())
    except ValueError:
        raise SystemExit(f"{name}: was changed, and cannot be read") from None


def problems(files: Files, expected: str = "") -> list[str]:
    """What is wrong, each with the file it is in."""
    if missing := {"manifest.json", "manifest.sig", "public-key.txt"} - set(files):
        return [f"{name}: is missing" for name in sorted(missing)]
    found, public = list[str](), read(files, "public-key.txt", bytes.fromhex)
    print("Signed with the key", fingerprint := hashlib.sha256(public).hexdigest()[:16])
    if expected and expected.replace(" ", "") != fingerprint:
        found.append("public-key.txt: is not the key you expected")
    if not is_signed(public, read(files, "manifest.sig", bytes.fromhex), files["manifest.json"]):
        found.append("manifest.json: the signature does not fit; it, manifest.sig or public-key.txt was changed")
    manifest = read(files, "manifest.json", json.loads)
    listed = manifest["files"]
    found += [f"{name}: is missing" for name in listed if name not in files]
    found += [f"{n}: does not belong here" for n in files if n not in listed and not n.startswith("manifest.")]
    present = [name for name in listed if name in files]
    found += [f"{n}: was changed" for n in present if hashlib.sha256(files[n]).hexdigest() != listed[n]]
    if found:
        return found
    for version in json.loads(files["versions.json"]):
        if hashlib.sha256(files[version["file"]]).hexdigest() != version["digest"]:
            found.append(f"{version['file']}: is not the policy with the digest {version['digest']}")
    previous, number = manifest["evidence"]["previous"], manifest["evidence"]["first"]
    for line in files["evidence.jsonl"].decode().splitlines():
        row = json.loads(line)
        known = row.pop("digest")
        if row["number"] != number or row["previous"] != previous or ("last" not in row and digest(row) != known):
            return [*found, f"evidence.jsonl: row {number} was changed or is missing"]
        previous, number = known, row.get("last", number) + 1
    if previous != manifest["evidence"]["digest"]:
        found.append("evidence.jsonl: the end of the chain is missing")
    for row in json.loads(files["attestations.json"]):
        known = row.pop("digest")
        if digest(row) != known:
            found.append(f"attestations.json: {row['subject']} of {row['done_on']} was changed")
    return found


def main(arguments: list[str]) -> int:
    place = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).parent
    try:
        found = problems(files_of(place), "".join(arguments[1:]))
    except (OSError, ValueError, KeyError, LookupError, zipfile.BadZipFile, ArithmeticError) as error:
        found = [f"{place}: cannot be read: {error}"]
    print("\n".join(found) or "All is as it was signed.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
