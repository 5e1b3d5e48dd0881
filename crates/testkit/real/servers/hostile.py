#!/usr/bin/env python3
"""An MCP server that misbehaves as the called tool says, and is a good one otherwise.

    hostile.py LOG stdio|legacy|modern|sse

LOG gets a line for what happens: `did TOOL` when a call arrived, `left TOOL` when whoever waited for it has gone away. Over HTTP the port is told on
standard output (`port NUMBER`); each request gets a connection of its own.

    echo      answers
    deaf      reads no more: of this request over HTTP, of anything over stdio
    slow      answers byte by byte
    half      answers half, closes its side, and still listens
    garbage   answers something that is not of the protocol
    noise     answers in the midst of such things, where there is a place for them
    silent    never answers
    twice     answers, and answers again
    midline   dies within its answer
    fork      (stdio) leaves a child that holds everything open and ignores signals, and ends
    chatter   tells of its progress, 8 MiB of it, and answers

Only the standard library.
"""

import json
import os
import select
import signal
import socket
import sys
import threading
import time

LOG, TRANSPORT = sys.argv[1], sys.argv[2]
FAULTS = ["deaf", "slow", "half", "garbage", "noise", "silent", "twice", "midline", "fork", "chatter"]
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ["echo", *FAULTS]]
PAUSE = 0.002
ABOUT = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


def note(line):
    with open(LOG, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def tool_of(message):
    return message["params"]["name"] if message.get("method") == "tools/call" else ""


def answer(message, said=None):
    """The good answer; nothing to what is no request."""
    if "id" not in message or "method" not in message:
        return None
    method, params = message["method"], message.get("params") or {}
    results = {
        "initialize": lambda: {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": {"name": "hostile", "version": "1"}},
        "server/discover": lambda: {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, **ABOUT},
        "tools/list": lambda: {"tools": TOOLS, **ABOUT},
        "tools/call": lambda: {"content": [{"type": "text", "text": said or f"did {params['name']}"}], "resultType": "complete"},
        "ping": dict,
    }
    legacy_only = {"initialize", "ping"}
    known = method in results and not (TRANSPORT == "modern" and method in legacy_only) and not (TRANSPORT != "modern" and method == "server/discover")
    outcome = {"result": results[method]()} if known else {"error": {"code": -32601, "message": "no such method"}}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], **outcome}).encode()


def progress(message):
    """Reports, 8 MiB in all."""
    token = message["params"].get("_meta", {}).get("progressToken", "t")
    for number in range(128):
        params = {"progressToken": token, "progress": number, "message": "x" * 65536}
        yield json.dumps({"jsonrpc": "2.0", "method": "notifications/progress", "params": params}).encode()


# stdio


def write(data):
    view = memoryview(data)
    while view:
        view = view[os.write(1, view):]


def forever():
    while True:
        time.sleep(60)


def stdio():
    note(f"pid {os.getpid()}")
    for line in sys.stdin.buffer:
        message = json.loads(line)
        tool, good = tool_of(message), answer(message)
        if tool:
            note(f"did {tool}")
        if tool == "deaf":
            forever()
        elif tool == "slow":
            for byte in good + b"\n":
                write(bytes([byte]))
                time.sleep(PAUSE)
        elif tool == "half":
            write(good[: len(good) // 2])
            os.close(1)
        elif tool == "garbage":
            write(b"\x00\xff\xfe not JSON at all {]\n")
        elif tool == "noise":
            write(b"Welcome!\n\n\x1b[31mred\x1b[0m\n\xff\xfe\x00\n{\"jsonrpc\":\"2.0\",\n[]\n42\n{\"id\":4711,\"result\":{}}\n")
            write(good + b"\n")
        elif tool == "silent":
            pass
        elif tool == "twice":
            write(good + b"\n" + answer(message, "again") + b"\n")
        elif tool == "midline":
            write(good[: len(good) // 2])
            os._exit(3)
        elif tool == "fork":
            if os.fork() == 0:
                os.setsid()
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
                forever()
            os._exit(4)
        elif tool == "chatter":
            for report in progress(message):
                write(report + b"\n")
            write(good + b"\n")
        elif good is not None:
            write(good + b"\n")


# HTTP


class Gone(Exception):
    """Whoever asked has left."""


def receive(connection, most=65536):
    data = connection.recv(most)
    if not data:
        raise Gone
    return data


def until_left(connection, tool):
    """Waits, without reading, until the other side has gone away."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    poll.poll()
    note(f"left {tool}")


def request(connection):
    """The method, the path, the headers and the message; nothing of a body that is not read."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, body = data.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        if b'"name":"deaf"' in body[:4096]:
            note("did deaf")
            until_left(connection, "deaf")
            raise Gone
        body += receive(connection, 4096 if len(body) < 4096 else 65536)
    return method, path, headers, json.loads(body) if body else {}


def reply(connection, status, body=b"", kind="application/json", more=""):
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{more}\r\n"
    connection.sendall(head.encode() + body)


def begin_events(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")


def event(data):
    return b"event: message\ndata: " + data + b"\n\n"


def slowly(connection, data):
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(PAUSE)


NOISE = b": a comment\n\nevent: nonsense\ndata: \xff\xfe not JSON {]\n\ndata: 42\n\nretry: 5\n\ndata: {\"id\":4711,\"result\":{}}\n\nunknown: field\n\n"


def misbehave(connection, message, tool, good):
    """Where an answer is the answer to its request."""
    if tool == "slow":
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(good)}\r\nconnection: close\r\n\r\n"
        slowly(connection, head.encode() + good)
    elif tool == "half":
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 10000\r\n\r\n" + good[: len(good) // 2])
        connection.shutdown(socket.SHUT_WR)
        until_left(connection, tool)
    elif tool == "garbage":
        connection.sendall(b"\x00\xff\xfe this is not HTTP\r\n\r\n")
    elif tool == "silent":
        until_left(connection, tool)
    else:
        begin_events(connection)
        stream(connection.sendall, message, tool, good)
        if tool == "midline":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


def stream(send, message, tool, good):
    """Where an answer is an event."""
    if tool == "noise":
        send(NOISE + event(good))
    elif tool == "twice":
        send(event(good) + event(answer(message, "again")))
    elif tool == "midline":
        send(event(good)[: len(good) // 2])
    elif tool == "chatter":
        for report in progress(message):
            send(event(report))
        send(event(good))


def streamable(connection):
    method, _, headers, message = request(connection)
    if method == "DELETE":
        return reply(connection, "200 OK")
    if method != "POST":
        return reply(connection, "405 Method Not Allowed")
    tool, good = tool_of(message), answer(message)
    if tool:
        note(f"did {tool}")
    if good is None:
        return reply(connection, "202 Accepted")
    if tool in FAULTS:
        return misbehave(connection, message, tool, good)
    session = "mcp-session-id: one\r\n" if message["method"] == "initialize" else ""
    return reply(connection, "200 OK", good, more=session)


STREAMS, LOCK = {}, threading.Lock()


def sse(connection):
    method, path, _, message = request(connection)
    if method == "GET":
        with LOCK:
            name = str(len(STREAMS))
            STREAMS[name] = (connection, threading.Lock())
        begin_events(connection)
        connection.sendall(f"event: endpoint\ndata: /messages?{name}\n\n".encode())
        return until_left(connection, "stream")
    tool, good = tool_of(message), answer(message)
    if tool:
        note(f"did {tool}")
    reply(connection, "202 Accepted")
    connection.close()
    if good is None:
        return None
    out, lock = STREAMS[path.split("?")[1]]
    with lock:
        if tool == "slow":
            slowly(out, event(good))
        elif tool == "half":
            out.sendall(event(good)[: len(good) // 2])
            out.shutdown(socket.SHUT_WR)
        elif tool == "garbage":
            out.sendall(NOISE)
        elif tool == "midline":
            out.sendall(event(good)[: len(good) // 2])
            out.shutdown(socket.SHUT_RDWR)
        elif tool in ("noise", "twice", "chatter"):
            stream(out.sendall, message, tool, good)
        elif tool not in FAULTS:
            out.sendall(event(good))
    return None


def serve(connection):
    try:
        {"legacy": streamable, "modern": streamable, "sse": sse}[TRANSPORT](connection)
    except (Gone, OSError):
        pass
    finally:
        connection.close()


def http():
    listener = socket.socket()
    # What is not read is soon not sent, either.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    listener.bind(("127.0.0.1", 0))
    listener.listen(256)
    print(f"port {listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    stdio() if TRANSPORT == "stdio" else http()
