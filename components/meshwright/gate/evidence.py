"""A chain of records: what the gate judged, by what, and what came of it.

A folder holds ``record-000001.json`` and so on. Each record is canonical JSON (UTF-8, sorted keys, no spaces), and has
the SHA-256 of the record before it. A signed record names its public key; the signature of its bytes is beside it in
``record-000001.sig``, raw, as ``openssl pkeyutl -verify -rawin`` reads it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from meshwright.errors import Code, ConfigError, OutputError, Problem
from meshwright.gate.files import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORM: Final = 1
_NAME: Final = re.compile(r"record-(\d{6})\.json")
_NOT_SOURCES: Final = frozenset({"__pycache__", "node_modules", "venv", "out"})


@dataclass(frozen=True, slots=True)
class Input:
    """A file or folder that the verdicts depend on."""

    kind: str
    """program, stack file, policy pack, catalog, overlay, baseline, events, state or manifests."""
    name: str
    sha256: str
    files: int = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """A record that was added."""

    file: Path
    sha256: str
    signed: bool


def digest_of(kind: str, path: Path, name: str, without: Path | None = None) -> Input:
    """The digest of a file, or of a folder's files with their names; hidden files and built ones don't count.

    ``without`` is a folder below that doesn't count either: the records themselves.

    Raises:
        ConfigError: MW-E035 a file can't be read.
    """
    try:
        if not path.is_dir():
            return Input(kind, name, hashlib.sha256(path.read_bytes()).hexdigest())
        found = sorted(_files(path, path, without and without.resolve()))
        total = hashlib.sha256()
        for relative in found:
            content = hashlib.sha256((path / relative).read_bytes()).hexdigest()
            total.update(f"{relative}\0{content}\n".encode(errors="surrogateescape"))
    except OSError as error:
        why = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise ConfigError(
            Problem(Code.INPUT_UNREADABLE, why, "evidence needs its digest", str(error.filename or path))
        ) from None
    return Input(kind, name, total.hexdigest(), len(found))


def _files(folder: Path, root: Path, without: Path | None) -> list[str]:
    found: list[str] = []
    for entry in folder.iterdir():
        if entry.name.startswith(".") or entry.name in _NOT_SOURCES or (entry / "pyvenv.cfg").is_file():
            continue
        if entry.is_dir() and not entry.is_symlink():
            found += [] if entry.resolve() == without else _files(entry, root, without)
        elif entry.is_file() and entry.suffix != ".pyc":
            found.append(entry.relative_to(root).as_posix())
    return found


def canonical(content: Any) -> bytes:
    """The one way to write a value as JSON."""
    return (
        json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(errors="replace") + b"\n"
    )


def add(folder: Path, content: Mapping[str, Any], key: Ed25519PrivateKey | None) -> Kept:
    """Add a record to the chain in a folder, which is made if need be.

    Raises:
        ConfigError: MW-E043 the chain is broken; MW-E044 it can't be read.
        OutputError: MW-E091 the record can't be written.
    """
    from meshwright.gate.keys import public_text
    from meshwright.gate.verify import verify

    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            chain = verify(folder) if record_files(folder) else None
            if chain and chain.broken:
                remedy = "keep the folder as it is, find out why, and go on in a new one"
                raise ConfigError(Problem(Code.EVIDENCE_BROKEN, chain.broken, remedy, f"{folder}"))
            number = chain.records + 1 if chain else 1
            record = {
                **content,
                "form": FORM,
                "number": number,
                "previous": chain.last if chain else "",
                "time": datetime.now(UTC).isoformat(timespec="seconds"),
                "signed_by": public_text(key.public_key()) if key else "",
            }
            data = canonical(record)
            file = folder / f"record-{number:06d}.json"
            if _place(file, data, key.sign(data) if key else b""):
                return Kept(file, hashlib.sha256(data).hexdigest(), key is not None)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        problem = Problem(
            Code.OUTPUT_NOT_WRITABLE, f"can't be written: {reason}", "name a folder that can be written", f"{folder}"
        )
        raise OutputError(problem) from None


def record_files(folder: Path) -> Sequence[tuple[int, Path]]:
    """The records of a folder with their numbers, in order. Raises `ConfigError` (MW-E044)."""
    try:
        found = [(int(match[1]), path) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    except OSError as error:
        why = f"can't be read: {(error.strerror or str(error)).lower()}"
        raise ConfigError(
            Problem(Code.EVIDENCE_UNREADABLE, why, "name the folder that `gate --evidence` wrote", f"{folder}")
        ) from None
    return sorted(found)


def read_record(data: bytes) -> dict[str, Any]:
    """A record's content. Raises `ValueError` for what is none, or is not canonical."""
    content = parse_json(data.decode())
    if not isinstance(content, dict) or canonical(content) != data:
        raise ValueError("it is not written as records are")
    if content.get("form") != FORM:
        raise ValueError(f"its form is {content.get('form')!r}, and this version reads {FORM}")
    return content


def _place(file: Path, data: bytes, signature: bytes) -> bool:
    """Put a record and its signature where they belong; False where another run was faster."""
    with tempfile.TemporaryDirectory(prefix=".record-", dir=file.parent) as name:
        waiting = Path(name) / file.name
        waiting.write_bytes(data)
        if signature:
            waiting.with_suffix(".sig").write_bytes(signature)
        try:
            os.link(waiting, file)  # fails where the file exists, which a rename does not
        except FileExistsError:
            return False
        if signature:
            waiting.with_suffix(".sig").replace(file.with_suffix(".sig"))
    return True
