"""The fixture was encrypted by the real CLI with the passphrase "hunter2"."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshwright.engine import secrets
from meshwright.errors import ConfigError

SALT = "v1:BI/bPVJ+tIg=:v1:HvYzBRQ3DCgbos6Z:L5nfStdnEPCZXNblC1uovDRX2PdvoQ=="
SECRET = "v1:auL8AspgQwIfA1oY:RKAyqPzAgOg0c7W+NLtMeEy1kpKovg=="


@pytest.fixture(scope="module")
def decrypter() -> secrets.Decrypter:
    return secrets.decrypter(SALT, "hunter2", "Pulumi.dev.yaml")


def test_a_value_of_the_cli(decrypter: secrets.Decrypter) -> None:
    assert decrypter.decrypt(SECRET) == "s3cr3t"


@pytest.mark.parametrize(
    "value",
    ["", "v2" + SECRET[2:], "v1:AAAA:BBBB", "v1:auL8AspgQwIfA1oY", "v1:!:!", SECRET[:-8] + "AAAAAA==", "v1:a:b:c"],
)
def test_a_damaged_value(decrypter: secrets.Decrypter, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        decrypter.decrypt(value)
    assert str(caught.value) == (
        "Pulumi.dev.yaml: an encrypted value was not made with this stack's passphrase, or is damaged; "
        "set it again with `pulumi config set --secret` (MW-E068)"
    )


def test_a_wrong_passphrase() -> None:
    with pytest.raises(ConfigError) as caught:
        secrets.decrypter(SALT, "hunter3", "Pulumi.dev.yaml")
    assert str(caught.value) == (
        "Pulumi.dev.yaml: the passphrase in PULUMI_CONFIG_PASSPHRASE is not this stack's; "
        "correct it, or unset it: secrets are then unknown (MW-E068)"
    )


@pytest.mark.parametrize("salt", ["", "v1", "v1:BI/bPVJ+tIg=", "v2:BI/bPVJ+tIg=:x", "v1:!!!:x"])
def test_a_damaged_salt(salt: str) -> None:
    with pytest.raises(ConfigError, match="encryptionsalt is damaged; take it from an earlier commit"):
        secrets.decrypter(salt, "hunter2", "Pulumi.dev.yaml")


def test_where_the_passphrase_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from a file\n")
    named = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}
    assert secrets.passphrase({}) is None
    assert secrets.passphrase(named) == "from a file"
    assert secrets.passphrase({**named, "PULUMI_CONFIG_PASSPHRASE": ""}) == ""
    with pytest.raises(ConfigError, match=r"PULUMI_CONFIG_PASSPHRASE_FILE can't be read"):
        secrets.passphrase({"PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "nothing")})
