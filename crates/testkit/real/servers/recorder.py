#!/usr/bin/env python3
"""Stands between a gateway and a stdio MCP server and writes down every byte of both directions.

    recorder.py FOLDER -- COMMAND [ARG...]

FOLDER/<pid>.in holds what the server was sent and FOLDER/<pid>.out what it answered, byte for byte, one pair a connection. A byte is written
down before it goes on, so that what is not in the file never reached the other side. The server's stderr and its exit status are passed through.
Only the standard library; nothing is parsed.
"""

import os
import subprocess
import sys
import threading

BLOCK = 1 << 16


def pump(source: int, sink: int, record: int) -> None:
    """Copies until the source ends or the sink is gone, then closes the sink."""
    try:
        while block := os.read(source, BLOCK):
            write_all(record, block)
            write_all(sink, block)
    except BrokenPipeError:
        pass
    finally:
        os.close(sink)


def write_all(target: int, block: bytes) -> None:
    while block:
        block = block[os.write(target, block) :]


def main() -> int:
    if "--" not in sys.argv or sys.argv.index("--") != 2 or len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 64
    folder, command = sys.argv[1], sys.argv[3:]
    os.makedirs(folder, exist_ok=True)
    base = os.path.join(folder, str(os.getpid()))
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    received, answered = os.open(base + ".in", flags, 0o600), os.open(base + ".out", flags, 0o600)
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    # A daemon thread: when the server has ended, a client that keeps its side open must not keep this process.
    down = threading.Thread(target=pump, args=(0, os.dup(server.stdin.fileno()), received), daemon=True)
    server.stdin.close()
    down.start()
    pump(server.stdout.fileno(), 1, answered)
    status = server.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
