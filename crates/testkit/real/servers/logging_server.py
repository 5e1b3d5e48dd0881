#!/usr/bin/env python3
"""A small stdio MCP server that tells everything it was asked, and can be told to behave badly.

    logging_server.py --log FILE [--tool NAME]... [--tools COUNT] [--ignore-signals] [--linger] [--fork]
                      [--stderr-bytes COUNT] [--die-on TOOL]

Each line that it receives is appended to FILE, as it came, before it is looked at: what is not in FILE never reached this server. Lines that start
with '#' are its own remarks (`# start <pid>`, `# env NAME`, `# fork <pid>`, `# end`). It answers the handshake of the 2024-11-05 to 2025-11-25
revisions, ping, tools/list and tools/call. Its tools' bytes are made to show a reader that re-writes them: unusual order, number spellings that a
float would lose, escapes, and fields that no specification knows. Only the standard library.

  --tool NAME          offer this tool (repeatable; echo, write, delete when none is named)
  --tools COUNT        offer COUNT more, tool-0000 and so on
  --ignore-signals     ignore SIGTERM, SIGINT, SIGHUP and SIGPIPE
  --linger             stay when stdin ends
  --fork               leave a grandchild in a session of its own that does the same two; its command line carries FILE as well
  --stderr-bytes COUNT write as much to stderr at start
  --die-on TOOL        exit with status 3, without an answer, when TOOL is called
"""

import argparse
import json
import os
import signal
import subprocess
import sys

# A test that fails to get rid of a grandchild must not leave it behind for good.
GRANDCHILD_SECONDS = 300
REVISIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


def tool(name: str) -> str:
    """One entry of tools/list, as text: its bytes matter."""
    return (
        '{"description":"Caf\\u00e9 \\/ caf\u00e9","name":' + json.dumps(name) + ',"x-vendor":{"weight":1.10,"big":12345678901234567890123,'
        '"exp":1E+2},"inputSchema":{"type":"object","properties":{"text":{"type":"string"}} },"annotations":{"readOnlyHint":true,"novel":null}}'
    )


class Server:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.log = os.open(options.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        names = options.tool or ["echo", "write", "delete"]
        self.tools = names + [f"tool-{number:04}" for number in range(options.tools)]

    def note(self, line: bytes) -> None:
        os.write(self.log, line.rstrip(b"\n") + b"\n")

    def remark(self, text: str) -> None:
        self.note(b"# " + text.encode())

    def start(self) -> None:
        self.remark(f"start {os.getpid()}")
        for name in sorted(os.environ):
            self.remark(f"env {name}")
        if self.options.ignore_signals:
            ignore_signals()
        if self.options.fork:
            child = subprocess.Popen(
                [sys.executable, __file__, "--log", self.options.log, "--ignore-signals", "--linger", "--grandchild"],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self.remark(f"fork {child.pid}")
        left = self.options.stderr_bytes
        while left > 0:
            line = ("noise " * 12)[: min(left, 72) - 1] + "\n"
            left -= len(line)
            os.write(2, line.encode())

    def serve(self) -> None:
        for line in iter(sys.stdin.buffer.readline, b""):
            self.note(line)
            try:
                message = json.loads(line)
            except ValueError:
                self.send('{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not JSON"}}')
                continue
            if isinstance(message, dict) and "id" in message and "method" in message:
                self.answer(json.dumps(message["id"]), message["method"], message.get("params") or {})
        self.remark("end")

    def answer(self, id: str, method: str, params: dict) -> None:
        if method == "initialize":
            asked = params.get("protocolVersion")
            revision = asked if asked in REVISIONS else REVISIONS[-1]
            self.result(id, f'{{"protocolVersion":"{revision}","capabilities":{{"tools":{{}}}},"serverInfo":{{"version":"1","name":"logging"}}}}')
        elif method == "ping":
            self.result(id, "{}")
        elif method == "tools/list":
            listed = " , ".join(tool(name) for name in self.tools)
            self.result(id, '{"_meta":{"seen":1.50},"tools":[' + listed + '],"nextCursor":"\\u0041B="}')
        elif method == "tools/call" and params.get("name") in self.tools:
            if params["name"] == self.options.die_on:
                os._exit(3)
            text = json.dumps(json.dumps(params.get("arguments"), ensure_ascii=False, sort_keys=True))
            self.result(id, f'{{"content":[{{"text":{text},"type":"text","cost":0.10}}],"isError":false}}')
        elif method == "tools/call":
            self.send(f'{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"no such tool"}}}}')
        else:
            self.send(f'{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no such method"}}}}')

    def result(self, id: str, result: str) -> None:
        self.send(f'{{"jsonrpc":"2.0","id":{id},"result":{result}}}')

    def send(self, line: str) -> None:
        sys.stdout.buffer.write(line.encode() + b"\n")
        sys.stdout.buffer.flush()


def ignore_signals() -> None:
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(one, signal.SIG_IGN)


def linger() -> None:
    while True:
        signal.pause()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", required=True)
    parser.add_argument("--tool", action="append")
    parser.add_argument("--tools", type=int, default=0)
    parser.add_argument("--ignore-signals", action="store_true")
    parser.add_argument("--linger", action="store_true")
    parser.add_argument("--fork", action="store_true")
    parser.add_argument("--stderr-bytes", type=int, default=0)
    parser.add_argument("--die-on")
    parser.add_argument("--grandchild", action="store_true")
    options = parser.parse_args()
    if options.grandchild:
        signal.alarm(GRANDCHILD_SECONDS)
        ignore_signals()
        linger()
    server = Server(options)
    server.start()
    server.serve()
    if options.linger:
        linger()


if __name__ == "__main__":
    main()
