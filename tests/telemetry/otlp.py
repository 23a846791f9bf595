"""A real OpenTelemetry Collector, built from its Go modules: what does it make of a request?"""

import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from servers import TARGET, free_port, running

SOURCE = Path(__file__).resolve().parent / "collector"


class Missing(Exception):
    """The collector cannot be built here, for a reason that is not its source."""


class Refused(Exception):
    """The collector has not accepted a request."""


class Collector:
    """The program of SOURCE. Without Go, or without its modules, it is Missing."""

    def __init__(self):
        self.program = TARGET / "telemetry" / "collector"
        self.program.parent.mkdir(exist_ok=True)
        if shutil.which("go") is None:
            raise Missing("Go is not installed")
        try:
            self._go("list", "-m")
        except subprocess.CalledProcessError as failure:
            raise Missing(f"Go is older than {SOURCE / 'go.mod'} demands: {failure.stderr.strip()}") from None
        try:
            self._go("list", "-deps", ".")  # which downloads the modules
        except subprocess.CalledProcessError as failure:
            raise Missing(f"its modules cannot be downloaded: {failure.stderr.strip()[-500:]}") from None
        # The compiler's optimisations would take longer than the program runs.
        self._go("build", "-ldflags=-s -w", "-gcflags=all=-N -l", "-o", str(self.program), ".")

    def _go(self, *arguments):
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}
        return subprocess.run(["go", *arguments], cwd=SOURCE, env=environment, check=True, capture_output=True, text=True)

    def received(self, request):
        """Sends a request as curl would, stops the collector, and returns the JSON lines that it has written. What it has
        accepted is in its file when it has ended, because it writes a request before it responds."""
        with tempfile.TemporaryDirectory() as folder:
            port, file = free_port(), Path(folder) / "received.json"
            environment = {"OTLP_ENDPOINT": f"127.0.0.1:{port}", "OTLP_FILE": str(file)}
            with running([self.program, "--config", f"file:{SOURCE / 'collector.yaml'}"], port, environment) as server:
                response = self._send(port, request)
                if response != "{\"partialSuccess\":{}}":
                    raise Refused(response)
                server.terminate()
                if status := server.wait(60):
                    raise RuntimeError(f"the collector exits with {status}")
            return file.read_text().splitlines()

    def _send(self, port, request):
        to_send = urllib.request.Request(f"http://127.0.0.1:{port}/v1/traces", request.encode(),
                                         {"Content-Type": "application/json"})
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(to_send, timeout=60) as response:
                return response.read().decode()
        except urllib.error.HTTPError as refusal:
            raise Refused(f"HTTP {refusal.code}: {refusal.read().decode()}") from None
