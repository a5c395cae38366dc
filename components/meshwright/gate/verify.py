"""Whether a chain of records is whole: numbers, digests, times and signatures.

Whoever takes the newest records away leaves a chain that is whole. So the digest of the newest one is printed by each
run of the gate: kept elsewhere (a CI log will do), it shows that.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meshwright.errors import Code, ConfigError, Problem
from meshwright.gate.evidence import read_record, record_files
from meshwright.gate.keys import is_signature, public_text

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Chain:
    """What was found in a folder of records."""

    records: int
    """How many are whole, from the first."""
    last: str
    """SHA-256 of the last of them."""
    signed_by: str
    """The public key of the last one; empty where it is not signed."""
    broken: str = ""
    """What is wrong with the first record that is not whole; empty where all are."""


def verify(folder: Path, key: Ed25519PublicKey | None = None, last: str = "") -> Chain:
    """Check a chain.

    Args:
        folder: The folder that ``gate --evidence`` wrote.
        key: Whose signature every record must have. Without it each record is checked with the key that it names, and
            that the key never changes.
        last: SHA-256 of a record that must be there, as the gate printed it.

    Raises:
        ConfigError: MW-E044 there is no record, or one can't be read.
    """
    files = record_files(folder)
    if not files:
        raise ConfigError(
            Problem(
                Code.EVIDENCE_UNREADABLE, "has no record", "name the folder that `gate --evidence` wrote", f"{folder}"
            )
        )
    wanted = public_text(key) if key else ""
    walk = _Walk(wanted)
    for expected, (number, path) in enumerate(files, start=1):
        if number != expected:
            return walk.broken(f"record {expected} is missing: the next one is {path.name}")
        if why := walk.take(expected, path):
            return walk.broken(f"record {expected} ({path.name}) is broken: {why}")
    if last and last not in walk.digests:
        return walk.broken(f"record {len(files) + 1} is missing: no record has the digest {last}")
    return Chain(len(walk.digests), walk.previous, walk.signer)


class _Walk:
    """One way along a chain."""

    def __init__(self, wanted: str) -> None:
        self._wanted = wanted
        self._time: datetime | None = None
        self.previous = ""
        self.signer = ""
        self.digests: list[str] = []

    def broken(self, what: str) -> Chain:
        return Chain(len(self.digests), self.previous, self.signer, what)

    def take(self, number: int, path: Path) -> str:
        """Check the next record; what is wrong with it, or nothing."""
        data = _read(path)
        try:
            record = read_record(data)
            time = datetime.fromisoformat(record["time"])
        except (ValueError, KeyError, TypeError) as error:
            return f"it is no record ({error})"
        if record.get("number") != number:
            return f"it says that it is number {record.get('number')}"
        if record.get("previous") != self.previous:
            return "it does not follow the record before it" if number > 1 else "it follows a record that is gone"
        if why := self._signature(record, data, path):
            return why
        if time.tzinfo is None or (self._time is not None and time < self._time):
            return "it is older than the record before it"
        self._time, self.previous = time, hashlib.sha256(data).hexdigest()
        self.digests.append(self.previous)
        return ""

    def _signature(self, record: dict[str, Any], data: bytes, path: Path) -> str:
        signer = record.get("signed_by")
        if not isinstance(signer, str):
            return "it does not say who signed it"
        if self._wanted and signer != self._wanted:
            return "it is signed by another key" if signer else "it is not signed"
        if self.signer and signer != self.signer:
            return (
                "it is signed by another key than those before it"
                if signer
                else "it is not signed, as those before it are"
            )
        file = path.with_suffix(".sig")
        if signer and not file.is_file():
            return f"its signature {file.name} is missing"
        if signer and not is_signature(_read(file), data, signer):
            return "its signature is not that of its content"
        self.signer = signer
        return ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise ConfigError(
            Problem(Code.EVIDENCE_UNREADABLE, why, "make it readable, or fetch the folder again", f"{path}")
        ) from None
