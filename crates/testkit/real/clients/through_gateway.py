#!/usr/bin/env python3
"""Puts the gateway between a client of the conformance suite and the suite's mock server.

    through_gateway.py PLAN URL

PLAN is a JSON file: {"client": [WORD...], "register": [WORD...], "proxy": [WORD...], "unregister": [WORD...],
"places": FOLDER, "auth": BOOL}. The server at URL becomes an app of its own (the words of `register` read its
document), `proxy` with the app's name is `tsh proxy mcp`, and `client` is run against what that listens on. Without
`register` the client is run against URL itself. The suite starts all its scenarios at once: in `places`, each waits
for one of a few locks. Either the scenarios of signing in at the server are played (`auth`), or the others.
Only the standard library.
"""

import fcntl
import json
import os
import re
import subprocess
import sys
import time

PLACES = 3
# Far above what anything takes on a busy machine.
PATIENCE = 60


def registered(plan: dict, url: str) -> str:
    """Registers the mock server; gives the app's name."""
    name = f"mock-{os.getpid()}"
    document = {
        "kind": "app", "version": "v3",
        "metadata": {"name": name, "labels": {"env": "test"}}, "spec": {"uri": f"mcp+{url}"},
    }  # fmt: skip
    subprocess.run(plan["register"], input=json.dumps(document), text=True, check=True, stdout=subprocess.DEVNULL)
    return name


def served(plan: dict, name: str) -> tuple[subprocess.Popen, str]:
    """Starts the local proxy, as soon as an agent serves the app; gives where it listens."""
    end = time.monotonic() + PATIENCE
    while True:
        proxy = subprocess.Popen([*plan["proxy"], name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        said = proxy.stdout.readline()
        if found := re.search(r" on (127\.0\.0\.1:\d+)$", said.strip()):
            return proxy, f"http://{found[1]}/mcp"
        why = proxy.communicate()[1]
        if time.monotonic() > end:
            raise SystemExit(f"{name} is not served: {said}{why}")


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    url = sys.argv[2]
    if os.environ["MCP_CONFORMANCE_SCENARIO"].startswith("auth/") != plan["auth"]:
        return 0
    with open(os.path.join(plan["places"], f"place-{os.getpid() % PLACES}"), "w") as place:
        fcntl.flock(place, fcntl.LOCK_EX)
        if not plan.get("register"):
            return subprocess.call([*plan["client"], url])
        name = registered(plan, url)
        proxy, url = served(plan, name)
        try:
            return subprocess.call([*plan["client"], url])
        finally:
            proxy.kill()
            proxy.wait()
            # The mock server does not end before the gateway has let go of it.
            subprocess.run([*plan["unregister"], f"app/{name}"], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
