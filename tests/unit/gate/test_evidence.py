"""A chain of records: what is kept, and each way of tampering with it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from meshwright.errors import ConfigError, OutputError
from meshwright.gate import evidence
from meshwright.gate.evidence import add, canonical, digest_of
from meshwright.gate.keys import private_key, public_key, public_text
from meshwright.gate.verify import verify

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes([1] * 32))


def pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def record(folder: Path, number: int) -> Path:
    return folder / f"record-{number:06d}.json"


def edit(path: Path, **changes: object) -> None:
    path.write_bytes(canonical(json.loads(path.read_bytes()) | changes))


@pytest.fixture(params=[None, KEY], ids=["unsigned", "signed"])
def key(request: pytest.FixtureRequest) -> Ed25519PrivateKey | None:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def folder(tmp_path: Path, key: Ed25519PrivateKey | None) -> Path:
    """Four records."""
    for result in "abcd":
        add(tmp_path / "evidence", {"result": result}, key)
    return tmp_path / "evidence"


def test_a_whole_chain(folder: Path, key: Ed25519PrivateKey | None) -> None:
    chain = verify(folder)
    assert (chain.records, chain.broken) == (4, "")
    assert chain.last == hashlib.sha256(record(folder, 4).read_bytes()).hexdigest()
    assert chain.signed_by == (public_text(key.public_key()) if key else "")
    first, second = (json.loads(record(folder, number).read_bytes()) for number in (1, 2))
    assert (first["number"], first["previous"], first["result"]) == (1, "", "a")
    assert second["previous"] == hashlib.sha256(record(folder, 1).read_bytes()).hexdigest()
    assert {path.suffix for path in folder.iterdir()} == ({".json", ".sig"} if key else {".json"})


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        (lambda at: edit(at(2), result="passed"), "record {then} is broken"),
        (lambda at: edit(at(4), previous="0" * 64), "record 4 (record-000004.json) is broken: it does not follow"),
        (
            lambda at: edit(at(1), previous="0" * 64),
            "record 1 (record-000001.json) is broken: it follows a record that is gone",
        ),
        (lambda at: edit(at(3), number=7), "record 3 (record-000003.json) is broken: it says that it is number 7"),
        (lambda at: edit(at(3), form=2), "record 3 (record-000003.json) is broken: it is no record (its form is 2"),
        (lambda at: edit(at(3), time="soon"), "record 3 (record-000003.json) is broken: it is no record (Invalid"),
        (lambda at: edit(at(3), signed_by=None), "record 3 (record-000003.json) is broken: it does not say who signed"),
        (
            lambda at: at(3).write_bytes(at(3).read_bytes() + b" "),
            "record 3 (record-000003.json) is broken: it is no record",
        ),
        (lambda at: at(3).write_bytes(b"\xff"), "record 3 (record-000003.json) is broken: it is no record"),
        (lambda at: at(1).unlink(), "record 1 is missing: the next one is record-000002.json"),
        (lambda at: at(3).unlink(), "record 3 is missing: the next one is record-000004.json"),
        (lambda at: swap(at(2), at(3)), "record 2 (record-000002.json) is broken: it says that it is number 3"),
    ],
)
def test_tampering(
    folder: Path, key: Ed25519PrivateKey | None, tamper: Callable[[Callable[[int], Path]], object], says: str
) -> None:
    tamper(lambda number: record(folder, number))
    # An edit of a signed record shows in itself, one of an unsigned record in the next.
    then = "2 (record-000002.json)" if key else "3 (record-000003.json)"
    chain = verify(folder)
    assert chain.broken.startswith(says.format(then=then))
    with pytest.raises(ConfigError) as error:
        add(folder, {}, key)
    remedy = "keep the folder as it is, find out why, and go on in a new one (MW-E043)"
    assert str(error.value) == f"{folder}: {chain.broken}; {remedy}"


def swap(one: Path, other: Path) -> None:
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def test_the_newest_record_edited_or_taken_away(folder: Path, key: Ed25519PrivateKey | None) -> None:
    last = verify(folder).last
    assert verify(folder, last=last).broken == ""
    edit(record(folder, 4), result="passed")
    assert verify(folder, last=last).broken.startswith("record 4 " if key else "record 5 is missing: no record has the")
    record(folder, 4).unlink()
    assert verify(folder).broken == ""  # this alone a chain can't show
    assert verify(folder, last=last).broken == f"record 4 is missing: no record has the digest {last}"


def test_a_forged_record_on_top(folder: Path, key: Ed25519PrivateKey | None) -> None:
    forged = json.loads(record(folder, 4).read_bytes()) | {"number": 5, "previous": verify(folder).last}
    path = record(folder, 5)
    path.write_bytes(canonical(forged))
    if key is None:
        assert verify(folder).broken == ""  # without a key anybody may add one
        assert verify(folder, KEY.public_key()).broken == "record 1 (record-000001.json) is broken: it is not signed"
        return
    assert verify(folder).broken.endswith("is broken: its signature record-000005.sig is missing")
    path.with_suffix(".sig").write_bytes(record(folder, 4).with_suffix(".sig").read_bytes())
    assert verify(folder).broken.endswith("is broken: its signature is not that of its content")
    path.write_bytes(canonical(forged | {"signed_by": ""}))
    assert verify(folder).broken.endswith("is broken: it is not signed, as those before it are")
    path.write_bytes(canonical(forged | {"signed_by": public_text(OTHER.public_key())}))
    path.with_suffix(".sig").write_bytes(OTHER.sign(path.read_bytes()))
    assert verify(folder).broken.endswith("is broken: it is signed by another key than those before it")


def test_a_chain_by_another_key(tmp_path: Path) -> None:
    add(tmp_path, {}, OTHER)
    assert verify(tmp_path, OTHER.public_key()).broken == ""
    assert verify(tmp_path, KEY.public_key()).broken.endswith("is broken: it is signed by another key")
    edit(record(tmp_path, 1), signed_by="no key")
    assert verify(tmp_path).broken.endswith("is broken: its signature is not that of its content")


def test_a_record_from_before_its_time(tmp_path: Path) -> None:
    add(tmp_path, {}, None)
    add(tmp_path, {}, None)
    edit(record(tmp_path, 2), time="2020-01-01T00:00:00+00:00")
    assert verify(tmp_path).broken.endswith("is broken: it is older than the record before it")
    edit(record(tmp_path, 2), time="2099-01-01T00:00:00")
    assert verify(tmp_path).broken.endswith("is broken: it is older than the record before it")


def test_openssl_reads_the_signature(tmp_path: Path) -> None:
    kept = add(tmp_path, {"a": "ä"}, KEY)
    assert kept.signed
    (tmp_path / "key.pub").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", str(tmp_path / "key.pub")]
    command += ["-in", str(kept.file), "-sigfile", str(kept.file.with_suffix(".sig"))]
    assert b"Verified Successfully" in subprocess.run(command, capture_output=True, check=True).stdout


def test_two_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = evidence._place

    def slow(file: Path, data: bytes, signature: bytes) -> bool:
        monkeypatch.setattr(evidence, "_place", place)
        add(tmp_path, {"run": "the faster"}, None)
        return place(file, data, signature)

    monkeypatch.setattr(evidence, "_place", slow)
    assert add(tmp_path, {"run": "the slower"}, KEY).file == record(tmp_path, 2)
    assert (verify(tmp_path).records, verify(tmp_path).broken) == (2, "")


def test_folders_that_have_no_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = "; name the folder that `gate --evidence` wrote (MW-E044)"
    for folder, says in ((tmp_path, "has no record"), (tmp_path / "none", "can't be read: no such file or directory")):
        with pytest.raises(ConfigError) as error:
            verify(folder)
        assert str(error.value) == f"{folder}: {says}{remedy}"
    record(tmp_path, 1).mkdir()
    with pytest.raises(ConfigError, match=r"can't be read: is a directory; make it readable.*MW-E044"):
        verify(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("")
    with pytest.raises(OutputError) as error:
        add(path, {}, None)
    assert str(error.value) == f"{path}: can't be written: file exists; name a folder that can be written (MW-E091)"


def test_keys(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pem(KEY))
    assert public_text(private_key(path).public_key()) == public_text(KEY.public_key())
    rsa = generate_private_key(65537, 2048)
    wrong = "isn't the PEM of an Ed25519 private key without a passphrase; write one with `openssl genpkey"
    for content in (b"", b"text", rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=wrong):
            private_key(path)
    with pytest.raises(ConfigError) as error:
        public_key(path)
    remedy = "write it with `openssl pkey -in PRIVATE -pubout -out FILE` (MW-E045)"
    assert str(error.value) == f"{path}: isn't the PEM of an Ed25519 public key; {remedy}"
    path.write_bytes(rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="isn't the PEM of an Ed25519 public key"):
        public_key(path)
    path.write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert public_text(public_key(path)) == public_text(KEY.public_key())
    with pytest.raises(ConfigError, match=r"can't be read: no such file or directory; name the PEM file.*MW-E045"):
        private_key(tmp_path / "none")


def test_a_digest_sees_contents_names_and_nothing_that_was_built(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.py").write_text("1")
    (tmp_path / "b.py").write_text("2")
    before = digest_of("program", tmp_path, "p")
    assert (before.kind, before.name, before.files) == ("program", "p", 2)
    for built in ("__pycache__/a.pyc", ".git/x", "venv/pyvenv.cfg", "env/pyvenv.cfg", "c.pyc"):
        (tmp_path / built).parent.mkdir(exist_ok=True)
        (tmp_path / built).write_text("x")
    assert digest_of("program", tmp_path, "p") == before
    (tmp_path / "b.py").rename(tmp_path / "c.py")
    assert digest_of("program", tmp_path, "p").sha256 != before.sha256
    assert digest_of("file", tmp_path / "c.py", "f").sha256 == hashlib.sha256(b"2").hexdigest()
    with pytest.raises(
        ConfigError, match=r"can't be read: no such file or directory; evidence needs its digest \(MW-E035"
    ):
        digest_of("file", tmp_path / "none", "f")
