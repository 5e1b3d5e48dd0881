#!/usr/bin/env python3
"""Speaks to a stdio MCP server through the official Python SDK; the command after `--` is the server, or what leads to it.

    python_sdk.py [--mode legacy|auto|2026-07-28] tools                        -- COMMAND [ARG...]
    python_sdk.py [--mode ...] call TOOL [ARGUMENTS-AS-JSON]                   -- COMMAND [ARG...]
    python_sdk.py [--mode ...] everything [--only SCENARIO]... [--list]        -- COMMAND [ARG...]

`everything` expects @modelcontextprotocol/server-everything behind the command and walks through what the protocol can do, in both directions:
elicitation, sampling, roots, progress, cancellation, logging, resources, subscriptions, prompts, completion. Each scenario asserts what it expects.

Standard output is one JSON object: {"ok": true, ...}, or {"ok": false, "error": {"code", "message"}}. What varies between two runs (clock times) is
blanked, so that the object that came through a gateway can be compared with the one that came directly. Exit status 0 if ok, 1 if not, 64 usage.
"""

import argparse
import asyncio
import hashlib
import json
import re
import sys
import traceback
import warnings

import anyio
import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

# Far above what a scenario takes on a busy machine; a lost message shows as this timeout and names its scenario.
SCENARIO_SECONDS = 60
# Most of a scenario is waiting: the SDK gives a server that does not end with its input two seconds before it ends it.
SCENARIOS_AT_ONCE = 6
CLOCK = re.compile(r"\d{1,2}:\d{2}:\d{2}(\s?[AP]M)?")


class Peer:
    """The client's own side: answers what the server asks, and remembers what it was told."""

    def __init__(self) -> None:
        self.elicited: list[types.ElicitRequestParams] = []
        self.sampled: list[types.CreateMessageRequestParams] = []
        self.notes: list[object] = []
        self.logged: list[types.LoggingMessageNotificationParams] = []
        self.roots = [types.Root(uri="file:///srv/one", name="one"), types.Root(uri="file:///srv/two", name="two")]
        self.roots_asked = 0
        self.elicit_with: dict[str, object] = {"action": "decline"}
        self.changed = anyio.Event()

    def wake(self) -> None:
        self.changed.set()
        self.changed = anyio.Event()

    async def until(self, condition) -> None:
        while not condition():
            await self.changed.wait()

    async def elicit(self, _context, params):
        self.elicited.append(params)
        self.wake()
        return types.ElicitResult(**self.elicit_with)

    async def sample(self, _context, params):
        self.sampled.append(params)
        self.wake()
        asked = params.messages[0].content
        text = asked.text if hasattr(asked, "text") else asked[0].text
        return types.CreateMessageResult(role="assistant", model="a-model", content=types.TextContent(type="text", text=f"answer to <{text}>"))

    async def list_roots(self, _context):
        self.roots_asked += 1
        self.wake()
        return types.ListRootsResult(roots=self.roots)

    async def log(self, params):
        self.logged.append(params)
        self.wake()

    async def note(self, message):
        self.notes.append(message)
        self.wake()


def client(command: list[str], mode: str, peer: Peer) -> Client:
    return Client(
        stdio_client(StdioServerParameters(command=command[0], args=command[1:])),
        mode=mode,
        elicitation_callback=peer.elicit,
        sampling_callback=peer.sample,
        list_roots_callback=peer.list_roots,
        logging_callback=peer.log,
        message_handler=peer.note,
    )


def plain(model) -> object:
    return model.model_dump(by_alias=True, mode="json", exclude_none=True)


def text(result: types.CallToolResult) -> str:
    return "\n".join(part.text for part in result.content if part.type == "text")


def blank_clock(value: str) -> str:
    return CLOCK.sub("<time>", value)


# Each scenario takes (client, peer), asserts, and returns what is to be compared.


async def handshake(c: Client, _peer: Peer) -> object:
    assert c.server_info is not None and c.server_info.name == "mcp-servers/everything", c.server_info
    assert c.instructions, "the server's instructions are missing"
    return {"version": c.protocol_version, "server": plain(c.server_info), "capabilities": plain(c.server_capabilities), "instructions": c.instructions}


async def ping(c: Client, _peer: Peer) -> object:
    return plain(await c.send_ping())


async def tools(c: Client, _peer: Peer) -> object:
    listed = (await c.list_tools()).tools
    names = [tool.name for tool in listed]
    for expected in ("echo", "get-sum", "trigger-elicitation-request", "trigger-sampling-request", "get-roots-list"):
        assert expected in names, f"{expected} is not among {names}"
    return [plain(tool) for tool in listed]


async def calls(c: Client, _peer: Peer) -> object:
    echo = await c.call_tool("echo", {"message": "grüße \u2028 \\ \" 𝄞"})
    assert text(echo) == "Echo: grüße \u2028 \\ \" 𝄞", echo
    total = await c.call_tool("get-sum", {"a": 2, "b": 40})
    assert "42" in text(total), total
    image = await c.call_tool("get-tiny-image", {})
    assert any(part.type == "image" and len(part.data) > 1000 for part in image.content), image
    structured = await c.call_tool("get-structured-content", {"location": "Chicago"})
    assert structured.structured_content, structured
    links = await c.call_tool("get-resource-links", {"count": 3})
    embedded = await c.call_tool("get-resource-reference", {"resourceType": "Text", "resourceId": 7})
    annotated = await c.call_tool("get-annotated-message", {"messageType": "error", "includeImage": True})
    picture = [hashlib.sha256(part.data.encode()).hexdigest() for part in image.content if part.type == "image"]
    return [plain(one) for one in (echo, total, structured, links, annotated)] + [picture, blank_clock(json.dumps(plain(embedded)))]


async def large(c: Client, _peer: Peer) -> object:
    message = "0123456789abcdef" * (1 << 14)
    answer = text(await c.call_tool("echo", {"message": message}))
    assert answer == "Echo: " + message, f"{len(answer)} characters came back"
    return len(answer)


async def concurrent(c: Client, _peer: Peer) -> object:
    answers: dict[int, str] = {}

    async def one(number: int) -> None:
        answers[number] = text(await c.call_tool("get-sum", {"a": number, "b": 1000}))

    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(one, number)
    for number, answer in answers.items():
        assert str(number + 1000) in answer, (number, answer)
    return [answers[number] for number in range(50)]


async def tool_error(c: Client, _peer: Peer) -> object:
    wrong = await c.call_tool("get-sum", {"a": "two", "b": 1})
    assert wrong.is_error, wrong
    return text(wrong)


async def elicitation(c: Client, peer: Peer) -> object:
    outcomes = []
    for answer in (
        {"action": "accept", "content": {"name": "Ada Lovelace", "check": True, "integer": 7, "email": "ada@example.com"}},
        {"action": "decline"},
        {"action": "cancel"},
    ):
        peer.elicit_with = answer
        before = len(peer.elicited)
        outcome = text(await c.call_tool("trigger-elicitation-request", {}))
        assert len(peer.elicited) == before + 1, "the server's question did not arrive exactly once"
        assert f'"action": "{answer["action"]}"' in outcome, outcome
        outcomes.append(outcome)
    assert "Ada Lovelace" in outcomes[0], outcomes[0]
    asked = peer.elicited[-1]
    assert "untitledMultipleSelectEnum" in asked.requested_schema["properties"], asked
    return {"asked": plain(asked), "outcomes": outcomes}


async def url_elicitation(c: Client, peer: Peer) -> object:
    peer.elicit_with = {"action": "accept"}
    arguments = {"url": "https://example.com/authorize", "elicitationId": "e-1"}
    outcome = text(await c.call_tool("trigger-url-elicitation", arguments))
    asked = peer.elicited[-1]
    assert asked.mode == "url" and asked.url == arguments["url"], asked
    try:
        await c.call_tool("trigger-url-elicitation", {**arguments, "errorPath": True})
    except MCPError as refused:
        code, data = refused.error.code, refused.error.data
    else:
        raise AssertionError("an error -32042 was expected")
    assert code == -32042 and data["elicitations"][0]["mode"] == "url", (code, data)
    return {"asked": plain(asked), "outcome": outcome, "code": code}


async def sampling(c: Client, peer: Peer) -> object:
    outcome = text(await c.call_tool("trigger-sampling-request", {"prompt": "why?", "maxTokens": 17}))
    assert len(peer.sampled) == 1 and peer.sampled[0].max_tokens == 17, peer.sampled
    assert "answer to <Resource trigger-sampling-request context: why?>" in outcome, outcome
    return {"asked": plain(peer.sampled[0]), "outcome": outcome}


async def roots(c: Client, peer: Peer) -> object:
    # The server asks by itself a moment after the handshake, and again when it is told that they changed.
    await peer.until(lambda: peer.roots_asked >= 1)
    first = text(await c.call_tool("get-roots-list", {}))
    assert "file:///srv/one" in first and "file:///srv/two" in first, first
    peer.roots = [types.Root(uri="file:///srv/three", name="three")]
    asked = peer.roots_asked
    logged = len(peer.logged)
    await c.send_roots_list_changed()
    await peer.until(lambda: peer.roots_asked > asked)
    await peer.until(lambda: any("1 root(s)" in str(one.data) for one in peer.logged[logged:]))
    second = text(await c.call_tool("get-roots-list", {}))
    assert "file:///srv/three" in second and "file:///srv/one" not in second, second
    return [first, second]


async def progress(c: Client, _peer: Peer) -> object:
    seen: list[tuple[float, float | None]] = []

    async def report(done: float, total: float | None, _message: str | None) -> None:
        seen.append((done, total))

    outcome = text(await c.call_tool("trigger-long-running-operation", {"duration": 0.5, "steps": 5}, progress_callback=report))
    assert "completed" in outcome, outcome
    assert seen == [(n, 5) for n in range(1, 6)], seen
    return {"seen": seen, "outcome": outcome}


async def cancellation(c: Client, _peer: Peer) -> object:
    """Gives up a call after its first progress; the server must be told, and the connection must stay usable."""
    begun = anyio.Event()
    finished = False

    async def report(_done: float, _total: float | None, _message: str | None) -> None:
        begun.set()

    async def call() -> None:
        nonlocal finished
        await c.call_tool("trigger-long-running-operation", {"duration": 30, "steps": 300}, progress_callback=report)
        finished = True

    async with anyio.create_task_group() as group:
        group.start_soon(call)
        await begun.wait()
        group.cancel_scope.cancel()
    assert not finished, "the call ended by itself"
    after = text(await c.call_tool("echo", {"message": "still here"}))
    assert after == "Echo: still here", after
    return after


async def logging(c: Client, peer: Peer) -> object:
    await c.set_logging_level("debug")
    before = len(peer.logged)
    await c.call_tool("toggle-simulated-logging", {})
    await peer.until(lambda: any("level" in str(one.data).lower() for one in peer.logged[before:]))
    stopped = text(await c.call_tool("toggle-simulated-logging", {}))
    return stopped


async def resources(c: Client, _peer: Peer) -> object:
    listed = [plain(one) for one in (await c.list_resources()).resources]
    templates = [plain(one) for one in (await c.list_resource_templates()).resource_templates]
    assert listed and any("demo://resource/dynamic/text/" in one["uriTemplate"] for one in templates), templates
    static = [blank_clock(json.dumps(plain(await c.read_resource(one["uri"])))) for one in listed[:3]]
    read = plain(await c.read_resource("demo://resource/dynamic/text/42"))
    assert read["contents"][0]["text"].startswith("Resource 42:"), read
    blob = plain(await c.read_resource("demo://resource/dynamic/blob/43"))
    assert blob["contents"][0]["blob"], blob
    try:
        await c.read_resource("demo://resource/dynamic/text/none")
    except MCPError as refused:
        unknown = {"code": refused.error.code, "message": refused.error.message}
    else:
        raise AssertionError("a resource that does not exist was read")
    return {"list": listed, "templates": templates, "static": static, "text": blank_clock(json.dumps(read)), "unknown": unknown}


async def subscriptions(c: Client, peer: Peer) -> object:
    uri = "demo://resource/dynamic/text/5"

    def updates() -> list[str]:
        return [str(one.params.uri) for one in peer.notes if isinstance(one, types.ResourceUpdatedNotification)]

    await c.subscribe_resource(uri)
    started = text(await c.call_tool("toggle-subscriber-updates", {}))
    await peer.until(lambda: updates())
    await c.call_tool("toggle-subscriber-updates", {})
    await c.unsubscribe_resource(uri)
    assert set(updates()) == {uri}, updates()
    return {"started": started, "updated": sorted(set(updates()))}


async def prompts(c: Client, _peer: Peer) -> object:
    listed = [plain(one) for one in (await c.list_prompts()).prompts]
    names = {one["name"] for one in listed}
    assert {"simple-prompt", "args-prompt", "completable-prompt"} <= names, names
    simple = plain(await c.get_prompt("simple-prompt"))
    filled = plain(await c.get_prompt("args-prompt", {"city": "Zürich", "state": "ZH"}))
    assert "Zürich, ZH" in json.dumps(filled, ensure_ascii=False), filled
    try:
        await c.get_prompt("no-such-prompt")
    except MCPError as refused:
        unknown = {"code": refused.error.code, "message": refused.error.message}
    else:
        raise AssertionError("a prompt that does not exist was given")
    return {"list": listed, "simple": simple, "filled": filled, "unknown": unknown}


async def completion(c: Client, _peer: Peer) -> object:
    reference = types.PromptReference(type="ref/prompt", name="completable-prompt")
    department = await c.complete(reference, {"name": "department", "value": "S"})
    assert department.completion.values == ["Sales", "Support"], department
    name = await c.complete(reference, {"name": "name", "value": ""}, {"department": "Sales"})
    assert name.completion.values == ["David", "Eve", "Frank"], name
    template = types.ResourceTemplateReference(type="ref/resource", uri="demo://resource/dynamic/text/{resourceId}")
    return [plain(department), plain(name), plain(await c.complete(template, {"name": "resourceId", "value": "12"}))]


SCENARIOS = {
    one.__name__.replace("_", "-"): one
    for one in (
        handshake, ping, tools, calls, large, concurrent, tool_error, elicitation, url_elicitation, sampling, roots, progress, cancellation,
        logging, resources, subscriptions, prompts, completion,
    )  # fmt: skip
}


async def run_everything(command: list[str], mode: str, only: list[str]) -> dict:
    """A connection of its own for each scenario, so that none sees what another left behind."""
    names = only or list(SCENARIOS)
    outcomes: dict[str, dict] = {}
    places = anyio.CapacityLimiter(SCENARIOS_AT_ONCE)

    async def one(name: str) -> None:
        async with places:
            outcomes[name] = await run_scenario(command, mode, name)
            print(f"{name}: {'ok' if outcomes[name]['ok'] else 'FAILED'}", file=sys.stderr)

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(one, name)
    return {"ok": all(outcome["ok"] for outcome in outcomes.values()), "scenarios": {name: outcomes[name] for name in names}}


async def run_scenario(command: list[str], mode: str, name: str) -> dict:
    peer = Peer()
    try:
        with anyio.fail_after(SCENARIO_SECONDS):
            async with client(command, mode, peer) as c:
                return {"ok": True, "saw": await SCENARIOS[name](c, peer)}
    except Exception as failure:  # noqa: BLE001: whatever went wrong is this scenario's result; the others go on
        return {"ok": False, "error": "".join(traceback.format_exception(failure))}


async def run_once(command: list[str], mode: str, work) -> dict:
    """One answer for a client that declares nothing: a server that is told of roots may leave the folders it was started with."""
    try:
        async with Client(stdio_client(StdioServerParameters(command=command[0], args=command[1:])), mode=mode) as c:
            return {"ok": True, "version": c.protocol_version, **(await work(c))}
    except MCPError as refused:
        return {"ok": False, "error": {"code": refused.error.code, "message": refused.error.message, "data": refused.error.data}}
    except BaseExceptionGroup as group:
        refused = next((one for one in flatten(group) if isinstance(one, MCPError)), None)
        if refused is None:
            return {"ok": False, "error": {"code": None, "message": "".join(traceback.format_exception(group))}}
        return {"ok": False, "error": {"code": refused.error.code, "message": refused.error.message, "data": refused.error.data}}


def flatten(group: BaseException) -> list[BaseException]:
    if isinstance(group, BaseExceptionGroup):
        return [leaf for one in group.exceptions for leaf in flatten(one)]
    return [group]


def main() -> int:
    warnings.filterwarnings("ignore")
    arguments = sys.argv[1:]
    split = arguments.index("--") if "--" in arguments else len(arguments)
    command = arguments[split + 1 :]
    parser = argparse.ArgumentParser(prog="python_sdk.py")
    parser.add_argument("--mode", default="legacy")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("tools")
    call = verbs.add_parser("call")
    call.add_argument("tool")
    call.add_argument("arguments", nargs="?", default="{}")
    everything = verbs.add_parser("everything")
    everything.add_argument("--only", action="append", choices=sorted(SCENARIOS), default=[])
    everything.add_argument("--list", action="store_true")
    options = parser.parse_args(arguments[:split])
    if options.verb == "everything" and options.list:
        print("\n".join(SCENARIOS))
        return 0
    if not command:
        print("the server's command is missing after `--`", file=sys.stderr)
        return 64

    async def list_tools(c: Client) -> dict:
        return {"tools": [plain(one) for one in (await c.list_tools()).tools]}

    async def call_tool(c: Client) -> dict:
        return {"result": plain(await c.call_tool(options.tool, json.loads(options.arguments)))}

    if options.verb == "everything":
        report = asyncio.run(run_everything(command, options.mode, options.only))
    else:
        report = asyncio.run(run_once(command, options.mode, list_tools if options.verb == "tools" else call_tool))
    json.dump(report, sys.stdout, ensure_ascii=False)
    print()
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
