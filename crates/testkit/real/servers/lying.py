#!/usr/bin/env python3
"""A stdio MCP server that says what it was told to, true or not.

    lying.py FILE

FILE is JSON: {METHOD: [LINE, ...]}. Each request of METHOD gets these lines, in which @ID@ stands for its id as JSON; a line that is a number N
stands for N bytes of nothing useful. A half of a surrogate pair from U+DC80 to U+DCFF stands for the byte that it escapes. Requests that FILE does
not name are answered as one would expect. Only the standard library.
"""

import json
import sys

HELLO = {"capabilities": {"tools": {}}, "serverInfo": {"name": "lying", "version": "1"}}


def write(line) -> None:
    if isinstance(line, int):
        block = b"x" * 65536
        while line > 0:
            line -= sys.stdout.buffer.write(block[:line])
    else:
        sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.write(b"\n")


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        script = json.load(file)
    for line in sys.stdin.buffer:
        message = json.loads(line)
        if "id" not in message or "method" not in message:
            continue
        identifier, method = json.dumps(message["id"]), message["method"]
        result = {**HELLO, "protocolVersion": message["params"]["protocolVersion"]} if method == "initialize" else {}
        for said in script.get(method, [f'{{"jsonrpc":"2.0","id":@ID@,"result":{json.dumps(result)}}}']):
            write(said.replace("@ID@", identifier) if isinstance(said, str) else said)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
