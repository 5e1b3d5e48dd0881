"""Passes connections on from another address of this machine: what the other end sees is 127.0.0.2.

Usage: detour.py HOST:PORT. Says `port NUMBER` when it listens.
"""

import asyncio
import sys

FROM = "127.0.0.2"


async def pour(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def main():
    host, port = sys.argv[1].rsplit(":", 1)

    async def serve(reader, writer):
        try:
            there = await asyncio.open_connection(host, int(port), local_addr=(FROM, 0))
        except OSError as error:
            print(error, file=sys.stderr, flush=True)
            writer.close()
            return
        await asyncio.gather(pour(reader, there[1]), pour(there[0], writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
