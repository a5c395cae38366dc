"""A step is written into a stack file, and nothing else in it is touched."""

from datetime import date
from pathlib import Path

import pytest

from meshwright.certs.stack_file import read_stack_file, with_step
from meshwright.errors import ConfigError

TODAY = date(2026, 11, 23)
HEAD = """\
# ours
config:
  meshwright:mesh:
    kind: linkerd
    cluster: {context: eu, platform: kind}   # the cluster
"""
BLOCK = f"""\
{HEAD}\
    trust:
      source: cert-manager
      rotation:   # of 2027
        step: both-trusted
        since: '2026-11-20'   # a Friday
        previous:
          step: steady
          since: 2026-01-01
        next:
          name: "2027"   # the next one

      anchor: {{name: "2026"}}
    trust_domain: cluster.local
"""


@pytest.fixture(autouse=True)
def _day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWRIGHT_AS_OF", str(TODAY))


def edited(folder: Path, text: str, to: str, following: str = "", reason: str = "") -> str:
    path = folder / "Pulumi.eu.yaml"
    path.write_text(text)
    return with_step(read_stack_file(path, "eu"), to, TODAY, following=following, reason=reason)


def changed(before: str, after: str) -> list[tuple[str, str]]:
    was, now = before.splitlines(), after.splitlines()
    assert len(was) == len(now)
    return [pair for pair in zip(was, now, strict=True) if pair[0] != pair[1]]


def test_a_block_keeps_comments_order_and_quotes(tmp_path: Path) -> None:
    assert changed(BLOCK, edited(tmp_path, BLOCK, "issuer-switched")) == [
        ("        step: both-trusted", "        step: issuer-switched"),
        ("        since: '2026-11-20'   # a Friday", "        since: '2026-11-23'   # a Friday"),
        ("          step: steady", "          step: both-trusted"),
        ("          since: 2026-01-01", "          since: 2026-11-20"),
    ]


def test_a_line_stays_a_line(tmp_path: Path) -> None:
    rotation = '{step: both-trusted, since: "2026-11-20", previous: {step: steady}, next: {name: "2027"}}'
    text = f'{HEAD}    trust: {{anchor: {{name: "2026"}}, rotation: {rotation}}}\n'
    after = edited(tmp_path, text, "issuer-switched", reason="watched\nby eye")
    assert after.splitlines()[-2:] == [
        "    # 2026-11-23 on to issuer-switched without its gate: watched by eye",
        (
            '    trust: {anchor: {name: "2026"}, rotation: {step: issuer-switched, since: "2026-11-23", '
            'previous: {step: both-trusted, since: "2026-11-20"}, next: {name: "2027"}}}'
        ),
    ]


@pytest.mark.parametrize("rotation", ["", "      rotation: steady   # as it is\n", "      rotation: {step: steady}\n"])
def test_the_first_step_brings_the_new_anchor(tmp_path: Path, rotation: str) -> None:
    text = f'{HEAD}    trust:\n      anchor: {{name: "2026"}}\n{rotation}    trust_domain: cluster.local\n'
    after = edited(tmp_path, text, "both-trusted", following='{name: "2027"}')
    said = 'rotation: {step: both-trusted, since: "2026-11-23", previous: {step: steady}'
    assert after.count(said) == 1 or "step: both-trusted" in after
    path = tmp_path / "Pulumi.eu.yaml"
    path.write_text(after)
    found = read_stack_file(path, "eu").recorded
    assert (found.step, found.since, found.before, found.has_next) == ("both-trusted", TODAY, "steady", True)


def test_the_way_back_drops_the_new_anchor(tmp_path: Path) -> None:
    after = edited(tmp_path, BLOCK, "steady")
    assert (
        '      rotation:   # of 2027\n        {step: steady, since: "2026-11-23", '
        'previous: {step: both-trusted, since: "2026-11-20"}}   # the next one\n'
    ) in after


@pytest.mark.parametrize(
    ("text", "following", "said"),
    [
        (HEAD, '{name: "2027"}', "trust is not written there"),
        (f'{HEAD}    trust: {{anchor: {{name: "2026"}}}}\n', "{name: [", "can't be edited"),
        (f'{HEAD}    trust: {{anchor: {{name: "2026"}}}}\n', "{nam: x}", "nam"),
    ],
)
def test_what_cannot_be_edited(tmp_path: Path, text: str, following: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        edited(tmp_path, text, "both-trusted", following=following)
    assert said in str(told.value)
    assert str(tmp_path / "Pulumi.eu.yaml") in str(told.value)
    assert "MW-E198" in str(told.value) or "MW-E010" in str(told.value)


def test_a_mesh_without_a_rotation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n  meshwright:mesh:\n    kind: none\n    because: [under_20_services]\n")
    with pytest.raises(ConfigError, match="MW-E199"):
        read_stack_file(path, "x")


def test_what_a_record_lacks_is_added_below_the_remarks(tmp_path: Path) -> None:
    text = BLOCK.replace("          since: 2026-01-01\n", "").replace("step: steady", "step: steady   # at first")
    after = edited(tmp_path, text, "issuer-switched")
    assert '          step: both-trusted   # at first\n          since: "2026-11-20"\n        next:\n' in after


@pytest.mark.parametrize(
    ("to", "text"), [("issuer-switched", BLOCK), ("both-trusted", f"{HEAD}    trust:\n      issuer: {{}}\n")]
)
def test_line_ends_of_windows_stay(tmp_path: Path, to: str, text: str) -> None:
    path = tmp_path / "Pulumi.eu.yaml"
    path.write_bytes(text.replace("          since: 2026-01-01\n", "").replace("\n", "\r\n").encode())
    written = with_step(read_stack_file(path, "eu"), to, TODAY, following="{name: new}", reason="seen by hand")
    assert "without its gate" in written
    assert written.count("\n") == written.count("\r\n") == len(written.splitlines())


def test_an_anchor_whose_certificate_is_no_file_is_known_by_nothing(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.eu.yaml"
    vault = "server: 'https://v', path: p, role: r"
    trust = f"{{source: vault, anchor: {{certificate: 'config:pki:root', {vault}}}}}"
    path.write_text(f"{HEAD}    trust: {trust}\n")
    told = read_stack_file(path, "eu").told
    assert (told.old, told.new, told.others) == (None, None, False)


def test_the_name_by_which_others_link_the_cluster(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.eu.yaml"
    for place, name in (("", ""), ("    multicluster: {cluster: eu}\n", "eu")):
        path.write_text(f"config:\n  meshwright:mesh:\n    kind: linkerd\n{place}")
        assert read_stack_file(path, "x").told.cluster == name
