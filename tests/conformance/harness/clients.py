"""The clients that `install` fetched, and how they are told where the server is."""

import subprocess

from harness.context import environment
from harness.launcher import REPOSITORY

TOOLS = REPOSITORY / "target/conformance"
PYTHON = TOOLS / "venv/bin/python"


def tool(name):
    """The path of a program from PyPI or crates.io."""
    for place in (TOOLS / "venv/bin" / name, TOOLS / "bin" / name):
        if place.exists():
            return str(place)
    raise AssertionError(f"{name} is not installed; run tests/conformance/install")


class ObjectStore:
    """A server's objects as one key sees them."""

    def __init__(self, server, *key_options):
        self.server = server
        self.id, self.secret = server.key(*key_options)

    def environment(self):
        """What the AWS clients read."""
        inherited = environment()
        # Some clients refuse it where there is no TLS.
        inherited.pop("AWS_CA_BUNDLE", None)
        return {
            **inherited, "AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": self.server.url(),
            "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": self._config(),
            "HOME": str(self.server.context.dir),
        }

    def _config(self):
        path = self.server.context.dir / "aws.config"
        # Without it, URLs are presigned by a method of 2006 that is refused.
        path.write_text("[default]\ns3 =\n    signature_version = s3v4\n")
        return str(path)

    def run(self, *argv, status=0, input=None, timeout=100):
        """Runs a program with the key in its environment; its standard output."""
        return self.server.context.run(
            *argv, status=status, input=input, timeout=timeout, env=self.environment()).stdout

    def aws(self, *words, status=0):
        """`aws --endpoint-url ... WORDS...`"""
        return self.run(
            tool("aws"), "--endpoint-url", self.server.url(), *words, status=status)

    def python(self, name, *arguments, timeout=100):
        """Runs a file of the folder `clients`, which fails by a traceback."""
        path = REPOSITORY / "tests/conformance/clients" / name
        return self.run(PYTHON, path, self.server.url(), *arguments, timeout=timeout)

    def spawn(self, name, *arguments):
        """As `python`, beside the case; its process."""
        path = REPOSITORY / "tests/conformance/clients" / name
        return subprocess.Popen(
            [PYTHON, path, self.server.url(), *map(str, arguments)], env=self.environment(),
            cwd=self.server.context.dir, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)
