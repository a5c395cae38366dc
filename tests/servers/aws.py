"""AWS's API as far as moto knows it: App Mesh, EC2, IAM, RAM and Logs among others; and VPC Lattice by our own fake.

moto keeps what it is given and enforces few of AWS's rules; our Lattice (`aws_server`) enforces those of Lattice.
"""

import sys
from pathlib import Path
from typing import Any

import boto3
import urllib3
from botocore.config import Config

from tests.servers.process import Server, free_ports


class Aws:
    """One moto server; a context manager that starts and stops it. Its account is 123456789012."""

    region = "eu-west-1"

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "tests.servers.aws_server", str(port)]
        self._server = Server(command, folder / "aws.log", {"PYTHONPATH": str(Path(__file__).parents[2])})

    def __enter__(self) -> "Aws":
        self._server.start()
        self._server.wait_until(self._is_ready, "ready")
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()

    def client(self, service: str) -> Any:
        """A boto3 client for a service, such as `vpc-lattice`; it sends what it is given, for the server to judge."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=self.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(parameter_validation=False),
        )

    def reset(self) -> None:
        """Forget everything."""
        urllib3.request("POST", f"{self.url}/moto-api/reset", retries=False)

    def _is_ready(self) -> bool:
        try:
            return urllib3.request("GET", f"{self.url}/moto-api/data.json", retries=False, timeout=2.0).status == 200
        except urllib3.exceptions.HTTPError:
            return False
