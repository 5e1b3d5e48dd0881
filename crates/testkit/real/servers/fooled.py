#!/usr/bin/env python3
"""A small MCP server that believes what it reads, to show what a gateway must not let through.

    fooled.py LOG python|go stdio|http

`python` reads JSON as this language does: of repeated keys the last one counts, a byte-order mark and UTF-16 are understood over HTTP, over stdio
a carriage return ends a line and bytes that are no UTF-8 are replaced. `go` reads as encoding/json of Go does: keys match whatever their case,
U+017F being an s and U+212A a k, and what follows a message on its line is another message. Both act on batches in any revision, on requests
without an id, and on whatever a header says or does not say. Most MCP servers are built upon one or the other.

It offers the tools `echo` and `wipe` in both eras. LOG gets a line `did METHOD NAME` for each message that it acted on. Over HTTP it takes any
port and tells it: `port NUMBER`. Only the standard library.
"""

import http.server
import io
import json
import socketserver
import sys

LOG, READER, TRANSPORT = sys.argv[1:4]
LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"


def note(line: str) -> None:
    with open(LOG, "a", encoding="utf-8", errors="backslashreplace") as log:
        log.write(line.replace("\n", " ") + "\n")


class Folded(dict):
    """An object as Go fills a struct from it: keys whatever their case, the last one counts."""

    def __init__(self, pairs) -> None:
        super().__init__((fold(key), value) for key, value in pairs)


def fold(key: str) -> str:
    return key.replace("\u017f", "s").replace("\u212a", "k").lower()


def go_messages(raw: bytes):
    text, at = raw.decode("utf-8", "replace"), 0
    decoder = json.JSONDecoder(object_pairs_hook=Folded)
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        message, at = decoder.raw_decode(text, at)
        yield message


def messages(raw):
    """The messages in what was read; nothing where it is no JSON for this reader."""
    try:
        for message in go_messages(raw) if READER == "go" else [json.loads(raw)]:
            yield from message if isinstance(message, list) else [message]
    except (ValueError, RecursionError) as failure:
        note(f"could not read: {failure}")


def act(message) -> str | None:
    if not isinstance(message, dict) or "method" not in message:
        return None
    method, params = message["method"], message.get("params") or {}
    name = params.get("name", "") if isinstance(params, dict) else ""
    note(f"did {method} {name}")
    result = {
        "initialize": {"capabilities": {"tools": {}}, "serverInfo": {"name": "fooled", "version": "1"}},
        "server/discover": {
            "supportedVersions": [MODERN], "capabilities": {"tools": {}}, "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        },
        "tools/list": {
            "tools": [{"name": one, "inputSchema": {"type": "object"}} for one in ("echo", "wipe")],
            "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        },
        "tools/call": {"content": [{"type": "text", "text": f"did {name}"}], "resultType": "complete"},
        "ping": {},
    }.get(method)  # fmt: skip
    if "id" not in message or message["id"] is None:
        return None
    if method == "initialize":
        asked = params.get("protocolversion" if READER == "go" else "protocolVersion")
        result["protocolVersion"] = asked if asked in LEGACY else LEGACY[-1]
    answer = {"result": result} if result is not None else {"error": {"code": -32601, "message": "no such method"}}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], **answer})


def stdio() -> None:
    if READER == "go":
        lines = iter(sys.stdin.buffer.readline, b"")
    else:
        # As the official SDK for this language opens it.
        lines = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
    for line in lines:
        for message in messages(line):
            answer = act(message)
            if answer is not None:
                print(answer, flush=True)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.body()
        note("got " + " ".join(f"{name.lower()}={value}" for name, value in self.headers.items()))
        answers = [answer for answer in map(act, messages(raw)) if answer is not None]
        body = (answers[0] if len(answers) == 1 else f"[{','.join(answers)}]").encode() if answers else b""
        self.send_response(200 if answers else 202)
        if answers:
            self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_response(405)
        self.send_header("content-length", "0")
        self.end_headers()

    do_DELETE = do_GET

    def body(self) -> bytes:
        if "chunked" not in self.headers.get("transfer-encoding", ""):
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def log_message(self, *_arguments) -> None:
        pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


if __name__ == "__main__":
    if TRANSPORT == "stdio":
        stdio()
    else:
        server = Server(("127.0.0.1", 0), Handler)
        print(f"port {server.server_address[1]}", flush=True)
        server.serve_forever()
