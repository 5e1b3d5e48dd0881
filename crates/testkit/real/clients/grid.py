#!/usr/bin/env python3
"""Walks through what the grid's servers offer (servers/grid), by the official Python SDK, and prints what it saw.

    grid.py legacy|modern stdio COMMAND [ARG...]
    grid.py legacy|modern http URL

Standard output is one JSON object, the same as that of grid.mjs: {"version", "scenarios": {NAME: {"saw"} or {"error"}}}.
"""

import asyncio
import json
import sys
import traceback
import warnings

import anyio
import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

# Far above what anything takes on a busy machine: a lost message shows as this.
LIMIT = 60
NOTE = "grid://notes/1"


class Peer:
    """The client's own side: answers what the server asks, and remembers what it was told."""

    def __init__(self) -> None:
        self.elicited: list[str] = []
        self.action = "accept"
        self.told: list[object] = []
        self.logged: list[str] = []
        self.changed = anyio.Event()

    def wake(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    async def until(self, condition) -> None:
        while not condition():
            await self.changed.wait()

    async def elicit(self, _context, params):
        self.elicited.append(params.message)
        if self.action == "decline":
            return types.ElicitResult(action="decline")
        name = next(iter(params.requested_schema["properties"]))
        return types.ElicitResult(action="accept", content={name: {"name": "Ada", "colour": "blue"}[name]})

    async def sample(self, _context, params):
        content = params.messages[0].content
        asked = (content[0] if isinstance(content, list) else content).text
        return types.CreateMessageResult(role="assistant", model="a-model", content=types.TextContent(type="text", text=f"answer to <{asked}>"))

    async def roots(self, _context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///srv/one", name="one"), types.Root(uri="file:///srv/two", name="two")])

    async def log(self, params):
        self.logged.append(f"{params.level}: {params.data}")
        self.wake()

    async def note(self, message):
        self.told.append(message)
        self.wake()

    def updates(self) -> list[str]:
        return [str(one.params.uri) for one in self.told if isinstance(one, types.ResourceUpdatedNotification)]


async def call(c: Client, name: str, arguments: dict | None = None, **options) -> dict:
    result = await c.call_tool(name, arguments or {}, **options)
    seen = {"text": result.content[0].text}
    return {"isError": True, **seen} if result.is_error else seen


async def refusal(attempt) -> dict:
    try:
        await attempt
    except MCPError as refused:
        return {"code": refused.error.code}
    raise AssertionError("a refusal was expected")


async def every(fetch, attribute: str, name) -> list[list[str]]:
    pages, cursor = [], None
    while not pages or cursor:
        page = await fetch(cursor=cursor)
        pages.append([str(name(one)) for one in getattr(page, attribute)])
        cursor = page.next_cursor
    return pages


# Each scenario takes (client, peer, modern) and returns what it saw.


async def lists(c, _peer, _modern):
    tools = sum(await every(c.list_tools, "tools", lambda one: one.name), [])
    return {
        "tools": [name for name in tools if not name.startswith("grown-")],
        "resources": sum(await every(c.list_resources, "resources", lambda one: one.uri), []),
        "templates": await every(c.list_resource_templates, "resource_templates", lambda one: one.uri_template),
        "prompts": await every(c.list_prompts, "prompts", lambda one: one.name),
    }


async def calls(c, _peer, _modern):
    return [await call(c, "echo", {"text": "h\u00e9\u2028"}), await call(c, "fail"), await refusal(c.call_tool("no-such-tool", {}))]


async def many(c, _peer, _modern):
    seen = [""] * 20

    async def one(at: int) -> None:
        seen[at] = (await call(c, "echo", {"text": str(at)}))["text"]

    async with anyio.create_task_group() as group:
        for at in range(20):
            group.start_soon(one, at)
    return seen


async def reading(c, _peer, _modern):
    return [(await c.read_resource(NOTE)).contents[0].text, await refusal(c.read_resource("grid://notes/99"))]


async def prompts(c, _peer, _modern):
    return (await c.get_prompt("greet", {"who": "Ada"})).messages[0].content.text


async def completion(c, _peer, _modern):
    return (await c.complete(types.PromptReference(type="ref/prompt", name="greet"), {"name": "who", "value": "am"})).completion.values


async def progress(c, _peer, _modern):
    seen: list[list[int]] = []

    async def report(done, total, _message) -> None:
        seen.append([int(done), int(total)])

    done = await call(c, "slow", {"steps": 5}, progress_callback=report)
    return {"begun": seen[0], "inOrder": all(one[0] == at + 1 for at, one in enumerate(seen)), "text": done["text"]}


async def cancellation(c, _peer, _modern):
    begun = anyio.Event()

    async def report(_done, _total, _message) -> None:
        begun.set()

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: call(c, "slow", {"steps": 3000}, progress_callback=report))
        await begun.wait()
        group.cancel_scope.cancel()
    return await call(c, "echo", {"text": "still here"})


async def elicitation(c, peer, _modern):
    peer.elicited.clear()
    accepted = await call(c, "ask")
    peer.action = "decline"
    declined = await call(c, "ask")
    peer.action = "accept"
    return {"accepted": accepted["text"], "declined": declined["text"], "elicited": list(peer.elicited)}


async def rounds(c, peer, _modern):
    peer.elicited.clear()
    done = await call(c, "interview")
    return {"text": done["text"], "elicited": list(peer.elicited)}


async def sampling(c, _peer, _modern):
    return (await call(c, "sample", {"prompt": "why?"}))["text"]


async def roots(c, _peer, _modern):
    return (await call(c, "roots"))["text"]


async def logging(c, peer, modern):
    if not modern:
        await c.set_logging_level("warning")
    meta = {"io.modelcontextprotocol/logLevel": "warning"} if modern else None
    await call(c, "log", meta=meta)
    await peer.until(lambda: len(peer.logged) >= 2)
    return list(peer.logged)


async def subscriptions(c, peer, modern):
    if modern:
        async with c.listen(resource_subscriptions=[NOTE]) as events:
            await call(c, "touch")
            return [str((await anext(events)).uri)]
    await c.subscribe_resource(NOTE)
    await call(c, "touch")
    await peer.until(lambda: peer.updates())
    await c.unsubscribe_resource(NOTE)
    return peer.updates()


async def changes(c, peer, modern):
    if modern:
        async with c.listen(tools_list_changed=True) as events:
            text = (await call(c, "grow"))["text"]
            await anext(events)
    else:
        text = (await call(c, "grow"))["text"]
        await peer.until(lambda: any(isinstance(one, types.ToolListChangedNotification) for one in peer.told))
    return text in [tool.name for tool in (await c.list_tools(cache_mode="refresh")).tools]


SCENARIOS = (
    lists, calls, many, reading, prompts, completion, progress, cancellation, elicitation, rounds, sampling, roots, logging, subscriptions, changes,
)  # fmt: skip


async def main() -> int:
    era, transport, *target = sys.argv[1:]
    peer, modern, seen = Peer(), era == "modern", {}
    server = stdio_client(StdioServerParameters(command=target[0], args=target[1:])) if transport == "stdio" else target[0]
    # Logging without asking for a level is the modern era's rule; the legacy one sets it.
    client = Client(
        server, mode="2026-07-28" if modern else "legacy", elicitation_callback=peer.elicit, sampling_callback=peer.sample,
        list_roots_callback=peer.roots, logging_callback=peer.log, message_handler=peer.note,
    )  # fmt: skip
    async with client as c:
        for scenario in SCENARIOS:
            try:
                with anyio.fail_after(LIMIT):
                    seen[scenario.__name__] = {"saw": await scenario(c, peer, modern)}
            except Exception as failure:  # noqa: BLE001: whatever went wrong is this scenario's result; the others go on
                seen[scenario.__name__] = {"error": "".join(traceback.format_exception(failure))}
        version = c.protocol_version
    print(json.dumps({"version": version, "scenarios": seen}))
    return 0


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    sys.exit(asyncio.run(main()))
