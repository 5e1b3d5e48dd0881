#!/usr/bin/env python3
"""The same client as oauth.mjs by the official Python SDK: `oauth.py AUTHORITY URL`, where AUTHORITY is a file with who certified the proxy.

It says the same and hears the same. CLIENT_DOCUMENT in its environment is the address of the document by which it is known.
"""

import asyncio
import json
import os
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

import httpx2
from mcp.client.auth import OAuthClientProvider, TokenStorage
from mcp.client.session import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import AuthorizationCodeResult, OAuthClientInformationFull, OAuthClientMetadata, OAuthToken


def say(value: dict) -> None:
    print(json.dumps(value), flush=True)


class Kept(TokenStorage):
    """All that the client keeps."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def main(authority: str, url: str) -> None:
    arrived: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target = (await reader.readline()).decode().split()[1]
        while (await reader.readline()).strip():
            pass
        body = b"<title>Client</title><p>Back to the client</p>"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        if urlsplit(target).path == "/callback" and not arrived.done():
            arrived.set_result({name: values[0] for name, values in parse_qs(urlsplit(target).query).items()})

    site = await asyncio.start_server(serve, "127.0.0.1", 0)
    callback = f"http://127.0.0.1:{site.sockets[0].getsockname()[1]}/callback"

    async def go(to: str) -> None:
        say({"authorize": to})

    async def back() -> AuthorizationCodeResult:
        found = await arrived
        if "error" in found:
            raise RuntimeError(f"sent back: {found['error']} {found.get('error_description')}")
        return AuthorizationCodeResult(code=found["code"], state=found.get("state"), iss=found.get("iss"))

    kept = Kept()
    metadata = OAuthClientMetadata(
        client_name="Python", redirect_uris=[callback], grant_types=["authorization_code", "refresh_token"], response_types=["code"], token_endpoint_auth_method="none"
    )
    document = os.environ.get("CLIENT_DOCUMENT")
    provider = OAuthClientProvider(url, metadata, kept, redirect_handler=go, callback_handler=back, client_metadata_url=document)
    context = ssl.create_default_context(cafile=authority)
    async with httpx2.AsyncClient(auth=provider, verify=context, timeout=60) as http:
        async with streamable_http_client(url, http_client=http) as streams, ClientSession(streams[0], streams[1]) as session:
            await session.initialize()

            async def use() -> dict:
                tools = await session.list_tools()
                said = await session.call_tool("echo", {"message": "by sign-in"})
                return {"tools": [tool.name for tool in tools.tools], "echo": said.content[0].text}

            say(await use())
            while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
                try:
                    if word == "spoil":
                        # Over, as far as the client knows.
                        provider.context.token_expiry_time = 1
                    say(await use() if word == "call" else {"tokens": json.loads(kept.tokens.model_dump_json()) if kept.tokens else None})
                except Exception as error:  # noqa: BLE001: whatever it is, it is told
                    say({"error": str(error)})


try:
    asyncio.run(main(*sys.argv[1:]))
except BaseException as error:  # noqa: BLE001: whatever it is, it is told
    say({"error": repr(error)})
