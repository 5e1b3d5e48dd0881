"""A stand-in for what a CI platform gives to its jobs: tokens signed by PyJWT, and the keys that verify them.

    BEARER=<what jobs ask with> python ci_platform.py

Prints `port NUMBER` when it is ready. On the loopback, for tests only: GET /token?audience=… with that bearer token answers as
GitHub Actions does, {"value": "…"}; GET /jwks gives the keys; PUT /_ctl/claims {…} says what tokens say from then on.
"""
import json
import os
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "ci-1", "use": "sig", "alg": "RS256"}
claims = {}


class Handler(BaseHTTPRequestHandler):
    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/jwks":
            return self.answer(200, {"keys": [public]})
        if url.path != "/token" or self.headers.get("authorization") != f"Bearer {os.environ['BEARER']}":
            return self.answer(401, {"message": "no"})
        now = int(time.time())
        said = {"iat": now, "nbf": now - 60, "exp": now + 300, "jti": str(uuid.uuid4()), "aud": parse_qs(url.query)["audience"][0]} | claims
        return self.answer(200, {"value": jwt.encode(said, key, algorithm="RS256", headers={"kid": "ci-1"})})

    def do_PUT(self):
        claims.clear()
        claims.update(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.answer(200, claims)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"port {server.server_address[1]}", flush=True)
server.serve_forever()
