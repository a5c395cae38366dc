"""`meshwright gate` on what other tools wrote, with a baseline, against a base, and with evidence."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

if TYPE_CHECKING:
    from tests.unit.cli.test_preview import Command

DATA = Path(__file__).parents[1] / "gate" / "data"
MANIFESTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: legacy}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
"""
PROGRAM = """\
import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace

Namespace("legacy", metadata={"name": "legacy"})
CustomResource(
    "default",
    api_version="security.istio.io/v1",
    kind="PeerAuthentication",
    metadata={"name": "default", "namespace": "istio-system"},
    spec={"mtls": {"mode": "STRICT"}},
)
"""


@pytest.fixture
def manifests() -> Path:
    path = Path("all.yaml")
    path.write_text(MANIFESTS)
    return path


@pytest.fixture
def program() -> Path:
    """The current folder as a project in a repository whose branch `main` has no violation."""
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("Pulumi.dev.yaml").write_text("config: {}\n")
    Path("__main__.py").write_text(PROGRAM.replace("STRICT", "PERMISSIVE"))
    for command in ("init -q -b main", "add .", "-c user.name=t -c user.email=t@t commit -qm one"):
        subprocess.run(["git", *command.split()], check=True)
    Path("__main__.py").write_text(PROGRAM)
    return Path.cwd()


def test_manifests_are_judged_line_by_line(meshwright: Command, manifests: Path) -> None:
    status, out, err = meshwright("gate", "--manifests", str(manifests))
    assert (status, err) == (1, "")
    assert out.startswith("✗ MW-ADO-004  ")
    assert "\n    all.yaml:5\n" in out


@pytest.mark.parametrize(("kind", "file"), [("--events", "preview-events.jsonl"), ("--state", "state.json")])
def test_what_the_real_cli_wrote(meshwright: Command, kind: str, file: str) -> None:
    status, out, _ = meshwright("gate", kind, str(DATA / file), "--json")
    content = json.loads(out)
    assert (status, content["project"], content["stack"]) == (0, "shop", "dev")
    assert content["source"] == f"{kind.removeprefix('--')} {DATA / file}"


def test_a_state_has_the_waivers_of_its_stack(meshwright: Command, tmp_path: Path) -> None:
    state = json.loads((DATA / "state.json").read_text())
    inputs = {
        "metadata": {"name": "default", "namespace": "istio-system"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    urn = "urn:pulumi:dev::shop::kubernetes:security.istio.io/v1:PeerAuthentication::default"
    token = "kubernetes:security.istio.io/v1:PeerAuthentication"
    legacy = {"urn": "urn:pulumi:dev::shop::kubernetes:core/v1:Namespace::old", "type": "kubernetes:core/v1:Namespace"}
    state["deployment"]["resources"] += [
        {"urn": urn, "type": token, "custom": True, "inputs": inputs},
        {**legacy, "custom": True, "inputs": {"metadata": {"name": "old"}}},
    ]
    path = tmp_path / "state.json"
    path.write_text(json.dumps(state))
    assert meshwright("gate", "--state", str(path))[0] == 1
    Path("Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    Path("__main__.py").write_text("")
    assert meshwright("gate", "--state", str(path))[0] == 1  # the project has no file for this stack
    waiver = {"rule": "MW-ADO-004", "resource": "default", "reason": "soon", "owner": "me", "expires": "2099-01-01"}
    Path("Pulumi.dev.yaml").write_text(json.dumps({"config": {"meshwright:waivers": [waiver]}}))
    status, out, _ = meshwright("gate", "--state", str(path))
    assert (status, "waived until 2099-01-01 by me: soon" in out) == (0, True)
    assert meshwright("gate", "dev", "--state", str(path), "--fail-on", "waived")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--events", "a", "--state", "b"), "--events and --state exclude each other; name one of them (MW-E096)"),
        (("--state", "a", "--program", "."), "--state and --program exclude each other; name one of them (MW-E096)"),
        (
            ("--manifests", "all.yaml", "--with", "x"),
            "--manifests and --with exclude each other; name one of them (MW-E096)",
        ),
        (("prod", "--manifests", "all.yaml"), ".: there is no project for stack 'prod'; leave it out (MW-E067)"),
        (
            ("--manifests", "all.yaml", "--changed-since", "main"),
            "--changed-since compares programs, and none was run; judge the program itself, or use a baseline (MW-E096)",
        ),
        (
            ("--manifests", "all.yaml", "--evidence-key", "k"),
            "--evidence-key signs a record, and none is kept; add --evidence DIR (MW-E096)",
        ),
        (
            ("--state", "none.json"),
            "none.json: can't be read: no such file or directory; name a file that can be read (MW-E035)",
        ),
        (("--format", "sarf"), '--format is "sarf"; one of: text, json, sarif, junit, github, markdown (MW-E042)'),
    ],
)
def test_mistakes_are_one_line(meshwright: Command, manifests: Path, arguments: tuple[str, ...], says: str) -> None:
    assert manifests.is_file()
    assert meshwright("gate", *arguments) == (2, "", f"{says}\n")


def test_a_state_of_another_tool(meshwright: Command) -> None:
    Path("terraform.tfstate").write_text('{"version": 4, "terraform_version": "1.9.0", "resources": []}')
    remedy = "write it with `pulumi stack export --file FILE` (MW-E036)"
    says = f"terraform.tfstate: is a state of Terraform's or OpenTofu's, not a state of Pulumi's; {remedy}\n"
    assert meshwright("gate", "--state", "terraform.tfstate") == (2, "", says)


def test_every_report_of_one_run(meshwright: Command, manifests: Path) -> None:
    files = {name: f"gate.{name}" for name in ("sarif", "junit", "markdown", "json", "text")}
    wanted = [part for name, file in files.items() for part in ("--format", f"{name}={file}")]
    status, out, _ = meshwright("gate", "--manifests", str(manifests), *wanted, "--format", "github")
    assert status == 1
    assert out.startswith("::error file=all.yaml,line=5,title=MW-ADO-004")
    for file in files.values():
        assert "MW-ADO-004" in Path(file).read_text()


def test_a_report_that_cannot_be_written(meshwright: Command, manifests: Path) -> None:
    for option, value in (("--format", "json=all.yaml/a.json"), ("--write-baseline", "all.yaml/a.json")):
        status, out, err = meshwright("gate", "--manifests", str(manifests), option, value)
        assert (status, out) == (2, "")
        assert err.startswith("all.yaml/a.json: can't be written: ")
        assert err.splitlines()[-1].endswith("name a file in a folder that can be written (MW-E091)")


def test_a_baseline_accepts_what_there_is_and_nothing_else(meshwright: Command, manifests: Path) -> None:
    gate = ("gate", "--manifests", str(manifests))
    status, _, err = meshwright(*gate, "--write-baseline", "base.json")
    assert (status, err) == (0, "base.json: 1 finding of manifests/manifests\n")
    status, out, _ = meshwright(*gate, "--baseline", "base.json")
    assert status == 0
    assert out.splitlines()[-2] == "1 known: in the baseline"
    manifests.write_text(MANIFESTS.replace("STRICT", "PERMISSIVE"))
    status, out, _ = meshwright(*gate, "--baseline", "base.json")
    assert status == 0
    assert "gone: MW-ADO-004  istio-system/default (shrink the baseline with --write-baseline)" in out


def test_only_what_the_change_brings(meshwright: Command, program: Path) -> None:
    status, out, _ = meshwright("gate", "--changed-since", "main")
    assert status == 1
    assert "judged by the same pack: 1 new, 0 gone" in out
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qam", "two"], check=True)
    status, out, _ = meshwright("gate", "--changed-since", "HEAD")
    assert status == 0
    assert "1 known: on HEAD before" in out
    (program / "Pulumi.new.yaml").write_text("config: {}\n")
    status, out, _ = meshwright("gate", "new", "--changed-since", "HEAD")
    assert status == 1
    assert "which does not have this stack: every finding is new" in out


def test_evidence_of_a_program(meshwright: Command, program: Path) -> None:
    key = Ed25519PrivateKey.generate()
    Path("key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    Path("key.pub").write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    gate = ("gate", "dev", "--evidence", "evidence", "--evidence-key", "key.pem", "--as-of", "2026-11-23")
    status, _, err = meshwright(*gate)
    assert status == 1
    assert err.startswith("evidence/record-000001.json: signed, sha256 ")
    record = json.loads((program / "evidence/record-000001.json").read_bytes())
    assert (record["as_of"], record["result"]) == ("2026-11-23", {"failed": True, "fail_on": ["mandatory"]})
    assert [one["kind"] for one in record["inputs"]] == ["project file", "program", "stack file", "rules", "catalog"]
    assert [one["rule"] for one in record["findings"]] == ["MW-ADO-004"]
    assert meshwright(*gate)[0] == 1
    again = json.loads((program / "evidence/record-000002.json").read_bytes())
    assert again["inputs"] == record["inputs"]
    status, out, _ = meshwright("evidence", "verify", "evidence", "--key", "key.pub")
    assert (status, out.splitlines()[0][:29]) == (0, "✓ evidence: 2 records, signed")
    assert "say whose key that is" in meshwright("evidence", "verify", "evidence")[1]
    path = program / "evidence/record-000001.json"
    path.write_bytes(path.read_bytes().replace(b'"failed":true', b'"failed":false'))
    status, out, _ = meshwright("evidence", "verify", "evidence")
    says = "record 1 (record-000001.json) is broken: its signature is not that of its content"
    assert (status, out) == (1, f"✗ evidence: {says}\n")
    status, out, _ = meshwright("evidence", "verify", "evidence", "--json")
    assert (status, json.loads(out)["broken"]) == (1, says)
    assert meshwright(*gate)[2].endswith("find out why, and go on in a new one (MW-E043)\n")


def test_evidence_of_files(meshwright: Command, manifests: Path) -> None:
    overlay, pack = Path("overlay.yaml"), Path("pack")
    overlay.write_text("platforms: {eks: {title: EKS here, source: us, as_of: 2026-11-01}}\n")
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("name: own\nruntime: python\n")
    (pack / "__main__.py").write_text("from meshwright_policy.pack import serve\n\nserve()\n")
    gate = ("gate", "--manifests", str(manifests), "--evidence", "kept", "--policy-pack", "pack")
    assert meshwright(*gate, "--write-baseline", "b.json")[0] == 0
    Path("levels.json").write_text('{"all": "advisory"}')
    more = ("--catalog", "overlay.yaml", "--policy-pack-config", "levels.json")
    assert meshwright(*gate, "--baseline", "b.json", *more)[0] == 0
    record = json.loads(Path("kept/record-000002.json").read_bytes())
    kinds = [one["kind"] for one in record["inputs"]]
    assert kinds == ["manifests", "policy pack", "policy pack config", "rules", "catalog", "overlay", "baseline"]
    status, out, _ = meshwright("evidence", "verify", "kept")
    assert (status, out.splitlines()[0]) == (0, "✓ kept: 2 records, not signed")


def test_no_secret_is_in_any_output(meshwright: Command, manifests: Path) -> None:
    manifests.write_text(
        MANIFESTS + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {a: hunter2}\n"
    )
    reports = [part for name in ("sarif", "junit", "markdown", "json") for part in ("--format", f"{name}=r.{name}")]
    meshwright("gate", "--manifests", str(manifests), *reports, "--evidence", "kept", "--write-baseline", "r.base")
    written = [path for path in Path().rglob("*") if path.is_file() and path != manifests]
    assert len(written) == 6
    assert not [path for path in written if "hunter2" in path.read_text()]


def test_what_a_pack_says_of_a_secret_is_withheld(meshwright: Command, manifests: Path) -> None:
    manifests.write_text("apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {a: hunter2}\n")
    pack = Path("pack")
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text("name: own\nruntime: python\n")
    (pack / "__main__.py").write_text(
        "from pulumi_policy import PolicyPack, ResourceValidationPolicy\n\n"
        "def check(args, report):\n"
        "    if args.name == 'key':\n"
        "        report(f\"it is {args.props['stringData']['a']}\")\n\n"
        "PolicyPack('own', [ResourceValidationPolicy('talks', 'A rule that talks', check)])\n"
    )
    _, out, err = meshwright("gate", "--manifests", str(manifests), "--policy-pack", "pack")
    assert err == ""
    assert "key: it is [secret]" in out
    assert "hunter2" not in out
