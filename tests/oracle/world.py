"""A network namespace in which every name leads to a local server.

The hosts of AWS, a container's agent, an instance's metadata service, a gateway and two proxies respond, and each request
is recorded: its host, its route (direct or by a proxy), and the identity that signed it. No other host can be reached."""

import base64
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

HOSTS = "127.0.0.2"  # the address of every name except these
PROXIES = {"proxy.example": "127.0.0.3", "other-proxy.example": "127.0.0.4", "nobody.example": "127.0.0.9"}
LOCAL = ("127.0.0.1", 8080)
METADATA = ["169.254.169.254", "169.254.170.2", "169.254.170.23"]
METADATA_IPV6 = ["fd00:ec2::254", "fd00:ec2::23"]
REGIONS = [
    "us-east-1",
    "us-east-2",
    "us-west-2",
    "eu-west-1",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-2",
    "us-gov-west-1",
    "sa-east-1",
]
LATER = "2099-01-01T00:00:00Z"
INSIDE = "BEDROCK_ORACLE_INSIDE"


def enter():
    """Enters new namespaces. Returns the reason if that is not possible."""
    if os.environ.get(INSIDE):
        return _furnish()
    for tool in ("unshare", "ip", "mount", "openssl"):
        if not shutil.which(tool):
            return f"there is no {tool}"
    unshare = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        return f"network namespaces are not allowed here: {tried.stderr.strip()}"
    os.environ[INSIDE] = "1"
    os.execvp(unshare[0], [*unshare, sys.executable, *sys.argv])


def _furnish():
    resolv = Path(f"/tmp/bedrock-oracle-resolv-{os.getpid()}")
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:5 attempts:3\n")
    commands = [["ip", "link", "set", "lo", "up"], ["mount", "--bind", str(resolv), "/etc/resolv.conf"]]
    commands += [["ip", "address", "add", f"{address}/32", "dev", "lo"] for address in METADATA]
    try:
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode != 0:
                return f"{' '.join(command)} failed: {done.stderr.strip()}"
    finally:
        resolv.unlink()  # the mount keeps it
    for address in METADATA_IPV6:
        subprocess.run(["ip", "-6", "address", "add", f"{address}/128", "dev", "lo", "nodad"], capture_output=True)
    return None


class World:
    """All servers. `seen` has the requests since it was cleared."""

    def __init__(self, folder):
        self.seen = []
        self.ca_file = _certificates(folder)
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "server.pem", folder / "server.key")
        self._tls.set_alpn_protocols(["http/1.1"])
        _names()
        self._serve((HOSTS, 443), tls=True)
        self._serve((HOSTS, 80))
        self._serve(LOCAL)
        for name in ("proxy.example", "other-proxy.example"):
            self._serve((PROXIES[name], 3128), proxy=name)
        for address in METADATA:
            self._serve((address, 80))
        self.ipv6 = True
        for address in METADATA_IPV6:
            try:
                self._serve((address, 80))
            except OSError:
                self.ipv6 = False

    def _serve(self, address, tls=False, proxy=None):
        world = self

        class Handler(_Handler):
            way = f"by {proxy}" if proxy else "direct"
            seen = world.seen
            context = world._tls
            is_proxy = proxy is not None

            def setup(self):
                if tls:
                    self.request = world._tls.wrap_socket(self.request, server_side=True)
                super().setup()

        class Server(ThreadingTCPServer):
            address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request, client_address):
                pass  # the client reports a broken connection or an untrusted certificate

        threading.Thread(target=Server(address, Handler).serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *_):
        pass

    def do_CONNECT(self):
        self._record_proxy()
        self.send_response(200)
        self.end_headers()
        self.close_connection = False
        self.connection = self.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)

    def _record_proxy(self):
        basic = self.headers.get("proxy-authorization", "")
        if basic.startswith("Basic "):
            user = base64.b64decode(basic[6:]).decode()
            self.way = f"{type(self).way} as {user}"

    def _respond(self):
        host, path = self.headers.get("host", ""), self.path
        if path.startswith("http://"):  # to a proxy
            parts = urllib.parse.urlsplit(path)
            host, path = parts.netloc, parts.path
            self._record_proxy()
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        status, content_type, text, description = respond(self.command, host, path, self.headers, body)
        self.seen.append(f"{description} at {host} {self.way}")
        payload = text.encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(payload)))
        if path == "/latest/api/token":
            self.send_header("x-aws-ec2-metadata-token-ttl-seconds", "21600")
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = _respond


def respond(method, host, path, headers, body):
    """Returns the status, the content type and the text of a response, and a description of the request."""
    who = identity(headers)
    before, model, _ = path.partition("/model/")
    if model:
        return (
            200,
            "application/json",
            json.dumps(
                {
                    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
                    "stopReason": "end_turn",
                    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                    "metrics": {"latencyMs": 1},
                }
            ),
            f"converse {who}" + (f" below {before}" if before else ""),
        )
    if path.startswith("/federation/credentials?"):
        return _sso(headers, urllib.parse.parse_qs(path.partition("?")[2]))
    if path.startswith("/latest/"):
        return _metadata(method, path, headers)
    if path == "/":
        return _sts(urllib.parse.parse_qs(body), who)
    if path == "/token":
        return (
            200,
            "application/json",
            json.dumps({"accessToken": "renewed", "tokenType": "Bearer", "expiresIn": 3600}),
            "renew",
        )
    return _container(path, headers)


def identity(headers):
    """Returns the key id, region and service of the signature, or the bearer token."""
    authorization = headers.get("authorization", "")
    if authorization.startswith("AWS4-HMAC-SHA256 "):
        scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
        session = headers.get("x-amz-security-token")
        return f"{scope[0]} {scope[2]} {scope[3]}" + (f" session {session}" if session else "")
    return f"with {authorization}" if authorization else "without credentials"


def _sts(query, who):
    asked = {name: values[0] for name, values in query.items()}
    description = [asked.get("Action", "?"), asked.get("RoleArn", "").rpartition("/")[2], who]
    for name in ("ExternalId", "DurationSeconds", "WebIdentityToken", "SerialNumber"):
        if name in asked and not (name, asked[name]) == ("DurationSeconds", "3600"):
            description.append(f"{name}={asked[name]}")
    if asked.get("RoleSessionName", "").startswith("given"):
        description.append(f"as {asked['RoleSessionName']}")
    action = asked.get("Action", "?")
    if "denied" in asked.get("RoleArn", ""):
        return (
            403,
            "text/xml",
            (
                '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
                "<Code>AccessDenied"
                "</Code><Message>no</Message></Error><RequestId>1</RequestId></ErrorResponse>"
            ),
            " ".join(description),
        )
    name = asked.get("RoleArn", "").rpartition("/")[2].upper()
    return (
        200,
        "text/xml",
        (
            f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result><Credentials>'
            f"<AccessKeyId>ASIA{name}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>of{name}</SessionToken>"
            f"<Expiration>{LATER}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>i</AssumedRoleId>"
            f"<Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser></{action}Result>"
            f"<ResponseMetadata><RequestId>1"
            f"</RequestId></ResponseMetadata></{action}Response>"
        ),
        " ".join(description),
    )


def _sso(headers, asked):
    description = f"sso {asked['role_name'][0]} of {asked['account_id'][0]} with {headers.get('x-amz-sso_bearer_token')}"
    return (
        200,
        "application/json",
        json.dumps(
            {
                "roleCredentials": {
                    "accessKeyId": "ASIASSO",
                    "secretAccessKey": "s",
                    "sessionToken": "ofSso",
                    "expiration": int((time.time() + 3600) * 1000),
                }
            }
        ),
        description,
    )


def _metadata(method, path, headers):
    token = headers.get("x-aws-ec2-metadata-token")
    description = f"metadata {method} {path.rpartition('/')[2] or 'roles'}" + (
        "" if token or method == "PUT" else " without token"
    )
    if path == "/latest/api/token":
        return 200, "text/plain", "token", description
    if path.endswith("/security-credentials/"):
        return 200, "text/plain", "role", description
    return (
        200,
        "application/json",
        json.dumps(
            {
                "Code": "Success",
                "Type": "AWS-HMAC",
                "AccessKeyId": "ASIAINSTANCE",
                "SecretAccessKey": "s",
                "Token": "ofInstance",
                "Expiration": LATER,
                "LastUpdated": "2020-01-01T00:00:00Z",
            }
        ),
        description,
    )


def _container(path, headers):
    authorization = headers.get("authorization")
    description = f"container {path}" + (f" with {authorization}" if authorization else "")
    if path.endswith("/refused"):
        return 400, "application/json", '{"code":"no","message":"no"}', description
    return (
        200,
        "application/json",
        json.dumps(
            {"AccessKeyId": "ASIACONTAINER", "SecretAccessKey": "s", "Token": "ofContainer", "Expiration": LATER}
        ),
        description,
    )


def _names():
    """A name server that resolves every name to a local server."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))

    def serve():
        while True:
            query, sender = server.recvfrom(512)
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1 : at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind, question = struct.unpack("!H", query[at + 1 : at + 3])[0], query[12 : at + 5]
            address = PROXIES.get(".".join(labels).lower(), HOSTS)
            found = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 60, 4) + socket.inet_aton(address) if kind == 1 else b""
            server.sendto(query[:2] + struct.pack("!HHHHH", 0x8580, 1, bool(found), 0, 0) + question + found, sender)

    threading.Thread(target=serve, daemon=True).start()


def _certificates(folder):
    """Makes a CA, and a certificate for every host. Returns the CA's file."""
    names = [f"{name}.example" for name in ("gateway", "all", "sts", "sso", "agent")] + ["*.amazonaws.com"]
    names += [f"*.{region}.{domain}" for region in REGIONS for domain in ("amazonaws.com", "api.aws")]
    names += [f"portal.sso.{region}.amazonaws.com" for region in REGIONS]
    ca, key = folder / "ca.pem", folder / "ca.key"
    new = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    _openssl("req", "-x509", *new, "-keyout", key, "-out", ca, "-subj", "/CN=oracle", "-days", "2")
    request, extensions = folder / "server.csr", folder / "extensions"
    _openssl("req", *new, "-keyout", folder / "server.key", "-out", request, "-subj", "/CN=server")
    extensions.write_text(f"subjectAltName={','.join(f'DNS:{name}' for name in names)}\n")
    _openssl(
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        ca,
        "-CAkey",
        key,
        "-CAcreateserial",
        "-out",
        folder / "server.pem",
        "-days",
        "2",
        "-extfile",
        extensions,
    )
    return ca


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
