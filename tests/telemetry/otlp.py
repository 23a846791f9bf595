"""A real OpenTelemetry Collector, built from its Go modules."""

import json
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
            raise Missing(f"its modules cannot be downloaded: {failure.stderr.splitlines()[0]}") from None
        # The compiler's optimisations would take longer than the program runs.
        self._go("build", "-ldflags=-s -w", "-gcflags=all=-N -l", "-o", str(self.program), ".")

    def _go(self, *arguments):
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "CGO_ENABLED": "0"}
        return subprocess.run(["go", *arguments], cwd=SOURCE, env=environment, check=True, capture_output=True, text=True)

    def exchange(self, requests):
        """Sends requests one after the other, as curl would. Returns for each the JSON that the collector has written, or None
        if the collector has refused it. The file is read when the collector has ended: then it has everything."""
        with tempfile.TemporaryDirectory() as folder:
            port, file = free_port(), Path(folder) / "received.json"
            environment = {"OTLP_ENDPOINT": f"127.0.0.1:{port}", "OTLP_FILE": str(file)}
            with running([self.program, "--config", f"file:{SOURCE / 'collector.yaml'}"], port, environment) as server:
                accepted = [self._send(port, request) for request in requests]
                server.terminate()
                if status := server.wait(60):
                    raise RuntimeError(f"the collector exits with {status}")
            lines = file.read_text().splitlines()
        if len(lines) != sum(accepted):
            raise RuntimeError(f"the collector has accepted {sum(accepted)} requests and written {len(lines)}")
        return [lines.pop(0) if one else None for one in accepted]

    def _send(self, port, request):
        """Returns whether the collector accepts all of a request, or refuses it as wrong."""
        url, json_body = f"http://127.0.0.1:{port}/v1/traces", {"Content-Type": "application/json"}
        post = urllib.request.Request(url, request.encode(), json_body)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(post, timeout=60) as response:
                return json.load(response) == {"partialSuccess": {}}
        except urllib.error.HTTPError as refusal:
            if refusal.code != 400:
                raise
            print(f"  refused: {json.load(refusal)['message'].split(', error found')[0]}")
            return False
