#!/usr/bin/env python3
"""A stand-in for GitHub, as far as signing in goes: OAuth, /user and /user/teams as docs.github.com describes them. Only the standard library.

    CLIENT_SECRET=… python3 github.py

Prints `port NUMBER` when it is ready; the site is http://127.0.0.1:NUMBER, its API is below /api/v3 as on a GitHub Enterprise Server. People sign in
on its own page (login and password are the same word). Like GitHub it takes a code once, compares PKCE, answers the token endpoint with status 200
whatever is wrong, and with a form where JSON is not asked for.

PUT /_ctl {"fault": NAME} has it misbehave from then on, {"teams": {LOGIN: [[ORGANIZATION, TEAM], …]}} changes who is in what; GET /_ctl tells how
often each path was asked. Faults: state (comes back with another state), reuse (uses the code itself before), denied, type (a token of another type),
scope (less is granted), partial (teams are withheld), endless (pages of teams without end), broken (500), html (no JSON), slow (holds the API),
elsewhere (the next page is said to be at another host), huge (an answer of 2 MiB).
"""

import base64
import collections
import hashlib
import json
import os
import secrets
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

IDS = {"alice": 1001, "bob": 1002, "eve": 1003}
teams = {
    "alice": [["octo-org", "eng"], ["octo-org", "ops-eu"], ["founded-by-anybody", "admins"]],
    "bob": [["octo-org", "sales"]],
    "eve": [],
}
codes: dict[str, dict] = {}
tokens: dict[str, str] = {}
asked: collections.Counter = collections.Counter()
state = {"fault": "none"}
over = threading.Event()
FORM = '<title>GitHub</title><form method="post"><input name="login"><input name="password" type="password"><button>Sign in</button></form>'


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, value: object, status: int = 200, **headers: str) -> None:
        self.answer(status, json.dumps(value).encode(), content_type="application/json; charset=utf-8", **headers)

    def body(self) -> str:
        return self.rfile.read(int(self.headers.get("content-length") or 0)).decode()

    def do_PUT(self) -> None:
        change = json.loads(self.body())
        state["fault"] = change.get("fault", state["fault"])
        teams.update(change.get("teams", {}))
        self.json({"fault": state["fault"], "teams": teams})

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/_ctl":
            return self.json(asked)
        asked[url.path] += 1
        if url.path == "/login/oauth/authorize":
            return self.answer(200, FORM.encode(), content_type="text/html")
        return self.api(url.path, query)

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        asked[url.path] += 1
        form = dict(urllib.parse.parse_qsl(self.body(), keep_blank_values=True))
        if url.path == "/login/oauth/authorize":
            return self.authorize(dict(urllib.parse.parse_qsl(url.query)), form)
        if url.path == "/login/oauth/access_token":
            return self.token(form)
        return self.json({"message": "Not Found"}, 404)

    def authorize(self, query: dict[str, str], form: dict[str, str]) -> None:
        login = form.get("login")
        if login not in IDS or form.get("password") != login:
            return self.answer(200, FORM.encode(), content_type="text/html")
        code = secrets.token_hex(10)
        codes[code] = {"login": login, **query}
        if state["fault"] == "reuse":
            codes.pop(code)
        back = {"code": code, "state": "another" if state["fault"] == "state" else query.get("state", "")}
        if state["fault"] == "denied":
            back = {"error": "access_denied", "error_description": "The user has denied your application access.", "state": query.get("state", "")}
        return self.answer(302, b"", location=query["redirect_uri"] + "?" + urllib.parse.urlencode(back))

    def token(self, form: dict[str, str]) -> None:
        known = codes.pop(form.get("code", ""), None)
        if form.get("client_id") != "gateway" or form.get("client_secret") != os.environ["CLIENT_SECRET"]:
            said = {"error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret passed are incorrect."}
        elif known is None or known.get("code_challenge") != challenge(form.get("code_verifier", "")):
            said = {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
        elif known.get("redirect_uri") != form.get("redirect_uri"):
            said = {"error": "redirect_uri_mismatch", "error_description": "The redirect_uri MUST match the registered callback URL."}
        else:
            token = "gho_" + secrets.token_hex(18)
            tokens[token] = known["login"]
            granted = "" if state["fault"] == "scope" else known.get("scope", "")
            said = {"access_token": token, "token_type": "mac" if state["fault"] == "type" else "bearer", "scope": granted}
        if "application/json" in self.headers.get("accept", ""):
            return self.json(said)
        return self.answer(200, urllib.parse.urlencode(said).encode(), content_type="application/x-www-form-urlencoded")

    def api(self, path: str, query: dict[str, str]) -> None:
        fault = state["fault"]
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        login = tokens.get(token) if scheme.lower() in ("bearer", "token") else None
        if not self.headers.get("user-agent"):
            return self.answer(403, b"Request forbidden by administrative rules. Please make sure your request has a User-Agent header", content_type="text/html")
        if login is None:
            return self.json({"message": "Bad credentials"}, 401)
        if fault == "slow":
            over.wait(60)
        if fault == "broken":
            return self.json({"message": "Server Error"}, 500)
        if fault == "html":
            return self.answer(200, b"<html>Unicorn!</html>", content_type="text/html")
        if fault == "huge":
            return self.json({"id": IDS[login], "login": login, "bio": "x" * (2 << 20)})
        if path == "/api/v3/user":
            return self.json({"login": login, "id": IDS[login], "type": "User", "name": login.title(), "email": f"{login}@example.test", "site_admin": False})
        if path == "/api/v3/user/teams":
            return self.teams(login, int(query.get("page", "1")), int(query.get("per_page", "30")))
        return self.json({"message": "Not Found"}, 404)

    def teams(self, login: str, page: int, size: int) -> None:
        fault, mine = state["fault"], teams[login]
        if fault == "endless":
            mine = [["octo-org", f"team-{number}"] for number in range((page + 1) * size)]
        found = mine[(page - 1) * size : page * size]
        headers = {}
        if len(mine) > page * size:
            base = "https://evil.example.com" if fault == "elsewhere" else f"http://{self.headers['host']}"
            headers["link"] = f'<{base}/api/v3/user/teams?per_page={size}&page={page + 1}>; rel="next"'
        if fault == "partial":
            headers["x_github_sso"] = "partial-results; organizations=21955855,20582480"
        full = [
            {"id": number, "name": slug.title(), "slug": slug, "privacy": "closed", "permission": "pull", "parent": None, "organization": {"login": organization, "id": 7, "type": "Organization"}}
            for number, (organization, slug) in enumerate(found)
        ]
        self.json(full, **headers)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"port {server.server_address[1]}", flush=True)
server.serve_forever()
