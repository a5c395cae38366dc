"""Pytest fixtures for the servers; `tests/conftest.py` makes them known to every test.

Each server runs once in a test run, in the one worker that pytest-xdist gives all of its tests to
(`--dist loadgroup`). A test whose programs are missing is skipped with their names.
"""

from collections.abc import Callable, Generator, Iterator
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import pytest

from tests.servers import cluster as kubernetes_cluster
from tests.servers.aws import Aws
from tests.servers.cluster import Cluster
from tests.servers.kubernetes import Identity
from tests.servers.openbao import OpenBao
from tests.servers.programs import require_programs

_NUMBERS = count(1)
_SERVERS = ("cluster", "openbao", "aws")
_FOLDERS = pytest.StashKey[dict[str, Path]]()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of one server in one worker."""
    for item in items:
        for name in _SERVERS:
            if name in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xdist_group(name))
                break


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say where the servers' logs are when a test fails."""
    report = yield
    used = [
        f"{name}: {folder}"
        for name, folder in item.config.stash.get(_FOLDERS, {}).items()
        if name in getattr(item, "fixturenames", ())
    ]
    if report.failed and used:
        report.sections.append(("logs of servers", "\n".join(used)))
    return report


@pytest.fixture(scope="session")
def server_folder(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """A new folder for a server, by the name of its fixture; pytest keeps those of the last three runs."""

    def make(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        pytestconfig.stash.setdefault(_FOLDERS, {})[name] = folder
        return folder

    return make


@pytest.fixture(scope="session")
def cluster(server_folder: Callable[[str], Path]) -> Iterator[Cluster]:
    """A Kubernetes cluster. Tests share it: use `namespace` or `clean_cluster` as well."""
    require_programs(*kubernetes_cluster.PROGRAMS)
    with Cluster(server_folder("cluster")) as started:
        yield started


@pytest.fixture
def clean_cluster(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster with nothing in it but what it started with."""
    cluster.clean()
    yield cluster
    cluster.api.delete_all(cluster.made(), wait_s=0)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """The name of a new namespace; it is gone some seconds after the test."""
    name = f"test-{next(_NUMBERS)}"
    made = cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.api.delete_all([Identity.of(made)], wait_s=0)


@pytest.fixture(scope="session")
def openbao(server_folder: Callable[[str], Path]) -> Iterator[OpenBao]:
    """OpenBao in memory, unsealed. Tests share it: mount what you need under a name of your own."""
    require_programs("bao")
    with OpenBao(server_folder("openbao")) as started:
        yield started


@pytest.fixture(scope="session")
def _moto(server_folder: Callable[[str], Path]) -> Iterator[Aws]:
    if not find_spec("moto"):
        pytest.skip("not installed: moto; make conformance-tools")
    with Aws(server_folder("aws")) as started:
        yield started


@pytest.fixture
def aws(_moto: Aws) -> Aws:
    """An empty AWS account, by moto."""
    _moto.reset()
    return _moto
