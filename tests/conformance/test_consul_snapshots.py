"""The job that saves Consul's state, by a real server: what it keeps is whole, and the oldest goes."""

import subprocess
import time
from pathlib import Path

from tests.servers.consul import Consul
from tests.servers.programs import find_program, require_programs
from tests.unit.consul.test_snapshots import container, snapshots

FOLDER = "cd /snapshots"


def test_whole_snapshots_are_kept_and_the_oldest_go(tmp_path: Path) -> None:
    require_programs("consul")
    shell, option, script = container(snapshots(keep=2))["command"]
    assert script.startswith(FOLDER)
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "20200101T000000Z.snap").write_text("the oldest")
    (volume / "20200101T000000Z.part").write_text("not a snapshot")
    consul = find_program("consul")
    with Consul(tmp_path / "server", {}) as server:
        env = {"CONSUL_HTTP_ADDR": server.url, "PATH": f"{Path(consul).parent}:/usr/bin:/bin"}
        for _ in range(2):
            command = [shell, option, script.replace(FOLDER, f"cd {volume}")]
            subprocess.run(command, env=env, check=True, capture_output=True)
            time.sleep(1.1)  # they are named by the second
        kept = sorted(each.name for each in volume.glob("*.snap"))
        assert len(kept) == 2
        assert "20200101T000000Z.snap" not in kept
        inspected = subprocess.run(
            [consul, "snapshot", "inspect", str(volume / kept[-1])], check=True, capture_output=True, text=True
        )
        assert "Index" in inspected.stdout
    assert sorted(each.name for each in volume.glob("*.part")) == ["20200101T000000Z.part"]
