from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.engine.stack import UNKNOWN_TEXT, StackSettings, load_stack_settings
from meshwright.errors import ConfigError

from .conftest import MakeProject
from .test_secrets import SALT, SECRET

SECRETS = f"""
encryptionsalt: {SALT}
config:
  shop:token: {{secure: "{SECRET}"}}
  shop:nested: {{user: bob, tokens: [{{secure: "{SECRET}"}}]}}
  shop:open: {{secure: 1}}
"""


def test_keys_and_defaults(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(
        settings="""
        config:
          replicas: {type: integer, default: 3}
          sizes: {default: {a: 1}}
          name: {type: string, default: web}
          aws:region: {value: eu-west-1}
        """,
        dev="""
        config:
          name: api
          shop:version: 1.30
          gcp:config:project: acme
        """,
    )
    assert load_stack_settings(project, "acme/shop/dev") == StackSettings(
        name="dev",
        organization="acme",
        path=tmp_path / "Pulumi.dev.yaml",
        config={
            "shop:name": "api",
            "shop:version": "1.3",
            "gcp:project": "acme",
            "aws:region": "eu-west-1",
            "shop:replicas": "3",
            "shop:sizes": '{"a":1}',
        },
    )


@pytest.mark.parametrize("content", ["", "config:\n", "encryptionsalt: v1:x\n"])
def test_a_stack_without_config(content: str, make_project: MakeProject) -> None:
    settings = load_stack_settings(make_project(dev=content), "dev")
    assert (settings.config, settings.organization) == ({}, "organization")


def test_a_stack_without_a_file(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(settings="config: {a: 1}", dev="", prod="")
    with pytest.raises(ConfigError) as caught:
        load_stack_settings(project, "prd")
    assert str(caught.value) == f"{tmp_path}/Pulumi.prd.yaml: there is no stack 'prd'; one of: dev, prod (MW-E067)"
    assert load_stack_settings(project, "prd", must_exist=False) == StackSettings("prd", config={"shop:a": "1"})


def test_no_stack_at_all(make_project: MakeProject) -> None:
    with pytest.raises(ConfigError, match="there is no stack 'dev'; one of: there is no stack file yet"):
        load_stack_settings(make_project(), "dev")


def test_secrets_without_a_passphrase_are_unknown(make_project: MakeProject) -> None:
    settings = load_stack_settings(make_project(dev=SECRETS), "dev")
    assert settings.config == {
        "shop:token": UNKNOWN_TEXT,
        "shop:nested": f'{{"tokens":["{UNKNOWN_TEXT}"],"user":"bob"}}',
        "shop:open": '{"secure":1}',
    }
    assert settings.secret_keys == settings.unknown_keys == {"shop:token", "shop:nested"}


def test_secrets_with_the_passphrase(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    settings = load_stack_settings(make_project(dev=SECRETS), "dev")
    assert settings.config == {
        "shop:token": "s3cr3t",
        "shop:nested": '{"tokens":["s3cr3t"],"user":"bob"}',
        "shop:open": '{"secure":1}',
    }
    assert settings.secret_keys == {"shop:token", "shop:nested"}
    assert not settings.unknown_keys
    assert "s3cr3t" not in repr(settings)


@pytest.mark.parametrize("provider", ["secretsprovider: awskms://alias/x", "encryptedkey: AAAA"])
def test_a_cloud_key_is_never_asked(provider: str, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "hunter2")
    settings = load_stack_settings(make_project(dev=f"{provider}\n{SECRETS}"), "dev")
    assert settings.unknown_keys == {"shop:token", "shop:nested"}


def test_a_wrong_passphrase(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "wrong")
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/Pulumi.dev.yaml: the passphrase in .* \(MW-E068\)$"):
        load_stack_settings(make_project(dev=SECRETS), "dev")


def test_environments(make_project: MakeProject) -> None:
    project = make_project(
        a="environment: [x, y]", b="environment: {imports: [z]}", c="environment: {}", d="config: {}"
    )
    assert [load_stack_settings(project, name).environments for name in "abcd"] == [("x", "y"), ("z",), (), ()]


def test_every_mistake_against_the_project(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(
        settings="""
        config:
          count: {type: integer}
          names: {type: array, items: {type: string}}
          token: {type: string, secret: true}
          absent: {type: string}
        """,
        dev="""\
        config:
          count: abc
          names: [1]
          token: open
          a:b:c: 1
        """,
    )
    with pytest.raises(ConfigError) as caught:
        load_stack_settings(project, "dev")
    file = tmp_path / "Pulumi.dev.yaml"
    assert str(caught.value).splitlines() == [
        f"{file}:2: count has another type; it must be of type integer (MW-E065)",
        f"{file}:3: names has another type; it must be of type array<string> (MW-E065)",
        (
            f"{file}:4: token must be encrypted, since Pulumi.yaml says it is secret; "
            "encrypt it: pulumi config set --secret token (MW-E065)"
        ),
        f"{file}:5: config.a:b:c is not a config key; write `<namespace>:<name>` (MW-E066)",
        (
            f"{file}:1: stack 'dev' has no value for shop:absent; "
            "add it under `config:`: Pulumi.yaml requires it (MW-E065)"
        ),
    ]


def test_an_unknown_secret_has_any_type(make_project: MakeProject) -> None:
    settings = "config: {token: {type: integer, secret: true}}"
    project = make_project(settings=settings, dev=f'config: {{shop:token: {{secure: "{SECRET}"}}}}')
    assert load_stack_settings(project, "dev").unknown_keys == {"shop:token"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n", "Pulumi.dev.yaml: isn't a mapping; write `config:` at its top (MW-E066)"),
        ("config: 5\n", "Pulumi.dev.yaml:1: config isn't a mapping; write `namespace:key: value` (MW-E066)"),
    ],
)
def test_a_wrong_stack_file(content: str, message: str, make_project: MakeProject, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_stack_settings(make_project(dev=content), "dev")
    assert str(caught.value) == f"{tmp_path}/{message}"
