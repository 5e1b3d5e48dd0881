#!/usr/bin/env python3
"""A stand-in for the part of the Kubernetes API that says whose a token is: TokenReview of authentication.k8s.io/v1, as the API reference describes it. Only
the standard library. There is no Kubernetes here to run: what this says is what the reference says, and nothing was compared with a real API server.

    python3 kubernetes.py FOLDER

FOLDER holds ca.crt and token, as the service account of a pod is mounted, and server.pem, the server's key and chain. Prints `port NUMBER` when it is ready.

It knows the tokens that POST /_ctl {"tokens": {TOKEN: {"username": …, "audiences": […], "extra": {…}}}} tells, which needs the folder's token as any call does,
and answers like a server that knows of audiences; {"fault": NAME} has it misbehave: unaware (says nothing of audiences), forbidden (403), broken (500),
html (no JSON), redirect. The answer of /_ctl tells what was asked.
"""

import http.server
import json
import pathlib
import ssl
import sys

folder = pathlib.Path(sys.argv[1])
OWN = (folder / "token").read_text().strip()
state = {"tokens": {}, "fault": "none"}
asked: list[dict] = []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self, status: int, value: object, content_type: str = "application/json") -> None:
        body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        if status == 307:
            self.send_header("location", "https://elsewhere.example/")
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("authorization") != f"Bearer {OWN}":
            self.answer(401, {"kind": "Status", "code": 401})
        elif self.path == "/_ctl":
            if self.command == "POST":
                state.update(json.loads(body))
            self.answer(200, asked)
        elif self.command == "POST" and self.path == "/apis/authentication.k8s.io/v1/tokenreviews":
            self.review(json.loads(body))
        else:
            self.answer(404, {"kind": "Status", "code": 404})

    def review(self, review: dict) -> None:
        spec = review["spec"]
        asked.append({"kind": review["kind"], "apiVersion": review["apiVersion"], "audiences": spec.get("audiences")})
        fault = state["fault"]
        if fault == "forbidden":
            return self.answer(403, {"kind": "Status", "code": 403})
        if fault == "broken":
            return self.answer(500, {"kind": "Status", "code": 500})
        if fault == "html":
            return self.answer(201, "<html>", "text/html")
        if fault == "redirect":
            return self.answer(307, {})
        known = state["tokens"].get(spec["token"])
        fitting = [one for one in spec.get("audiences") or [] if known and one in known["audiences"]]
        if not known or not fitting:
            status: dict = {"error": "[invalid bearer token]"}
        else:
            status = {"authenticated": True, "user": {"username": known["username"], "extra": known["extra"]}, "audiences": fitting}
            if fault == "unaware":
                del status["audiences"]
        self.answer(201, {"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})

    do_GET = do_POST = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(folder / "server.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print("port", server.server_address[1], flush=True)
server.serve_forever()
