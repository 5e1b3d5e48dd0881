#!/usr/bin/env python3
"""A small MCP server over HTTP that believes nobody but the cluster's signature, verified by PyJWT with keys that it fetches from a proxy.

    verifying_server.py --proxy https://HOST:PORT --ca FILE --issuer NAME --log FILE
                        [--header NAME] [--audience URI] [--discover] [--late SECONDS]

It tells its port at 127.0.0.1 (`port NUMBER`). A POST to any path is answered only when the token verifies; otherwise with 401 and the reason.
Whoever gets through may ask the tool `whoami`, which tells the claims. Each request is a line of FILE: its method, its headers, and the verdict.

  --header NAME     where the token is (tessera-jwt-assertion); in `authorization` it follows `Bearer`
  --audience URI    whom the token must be for (mcp+http://127.0.0.1:PORT/mcp with its own port)
  --discover        find the keys by OpenID Connect Discovery of the issuer, which then is an address
  --late SECONDS    judge as a server would that sees the token so much later
"""

import argparse
import json
import ssl
import sys
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
MAX_BODY = 1 << 20


class Verifier:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.context = ssl.create_default_context(cafile=options.ca)
        self.client: jwt.PyJWKClient | None = None

    def keys(self) -> jwt.PyJWKClient:
        if self.client is None:
            uri = f"{self.options.proxy}/.well-known/jwks.json"
            if self.options.discover:
                place = f"{self.options.issuer}/.well-known/openid-configuration"
                with urllib.request.urlopen(place, context=self.context, timeout=10) as answer:
                    found = json.load(answer)
                assert found["issuer"] == self.options.issuer, found
                uri = found["jwks_uri"]
            self.client = jwt.PyJWKClient(uri, ssl_context=self.context, timeout=10)
        return self.client

    def verify(self, headers) -> dict:
        """The claims; raises when there is any reason not to believe them."""
        values = headers.get_all(self.options.header) or []
        if len(values) != 1:
            raise jwt.InvalidTokenError(f"{len(values)} tokens")
        token = values[0]
        if self.options.header == "authorization":
            scheme, _, token = token.partition(" ")
            if scheme != "Bearer":
                raise jwt.InvalidTokenError("no bearer")
        key = self.keys().get_signing_key_from_jwt(token)
        options = {"require": ["exp", "iat", "nbf", "iss", "aud", "sub", "jti"]}
        if self.options.late:
            # A leeway below zero is the only clock that the library takes, and it would hold for the beginning as well.
            options |= {"verify_iat": False, "verify_nbf": False}
        return jwt.decode(
            token, key.key, algorithms=["ES256"], audience=self.options.audience, issuer=self.options.issuer, options=options,
            leeway=-self.options.late,
        )  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    verifier: Verifier
    log_path: str

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), MAX_BODY))
        claims, verdict = None, "ok"
        try:
            claims = self.verifier.verify(self.headers)
        except jwt.PyJWTError as error:
            verdict = f"{type(error).__name__}: {error}"
        self.note(verdict)
        if claims is None:
            self.answer(401, {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": verdict}})
            return
        message = json.loads(body)
        if "id" not in message:
            self.answer(202, None)
            return
        self.answer(200, {"jsonrpc": "2.0", "id": message["id"], **self.serve(message, claims)})

    def do_GET(self) -> None:
        self.answer(405, None)

    def do_DELETE(self) -> None:
        self.answer(405, None)

    def serve(self, message: dict, claims: dict) -> dict:
        method, params = message["method"], message.get("params") or {}
        if method == "initialize":
            asked = params.get("protocolVersion")
            revision = asked if asked in REVISIONS else REVISIONS[-1]
            info = {"name": "verifying", "version": "1"}
            return {"result": {"protocolVersion": revision, "capabilities": {"tools": {}}, "serverInfo": info}}
        if method == "tools/list":
            return {"result": {"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]}}
        if method == "tools/call":
            return {"result": {"content": [{"type": "text", "text": json.dumps(claims)}]}}
        if method == "ping":
            return {"result": {}}
        return {"error": {"code": -32601, "message": "Method not found"}}

    def answer(self, status: int, document: dict | None) -> None:
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        if body:
            self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, verdict: str) -> None:
        headers = [[name.lower(), value] for name, value in self.headers.items()]
        line = json.dumps({"method": self.command, "headers": headers, "verdict": verdict})
        with open(self.log_path, "a", encoding="utf-8") as log:
            log.write(line + "\n")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--proxy", "--ca", "--issuer", "--log"):
        parser.add_argument(name, required=True)
    parser.add_argument("--header", default="tessera-jwt-assertion")
    parser.add_argument("--audience")
    parser.add_argument("--discover", action="store_true")
    parser.add_argument("--late", type=int, default=0)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    port = server.server_address[1]
    options.audience = options.audience or f"mcp+http://127.0.0.1:{port}/mcp"
    Handler.verifier, Handler.log_path = Verifier(options), options.log
    print(f"port {port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
