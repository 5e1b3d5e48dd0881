#!/usr/bin/env python3
"""Clients and browsers that may do what they should not: sends what it is told to, and tells what came of it.

    oauth_lab.py HOST:PORT

Reads one JSON object a line, each a request to the proxy there, and writes one a line: {"status", "headers", "body", "location", "csrf", "refresh"}.
A request is {"method", "path" (or a whole "url"), "form" | "json" | "text", "headers", "browser"}; `form` and `query` are objects or lists of pairs.
"browser" names a jar of cookies, as a browser of that name keeps them; without it there are none. "csrf" is the form's on the page that came, "refresh"
where the page goes on to. It does not look at certificates. Only the standard library.
"""

import http.client
import json
import re
import ssl
import sys
from html import unescape
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS = 60
jars: dict[str, dict[str, str]] = {}


def ask(address: str, wish: dict) -> dict:
    parts = urlsplit(wish.get("url") or f"https://{address}{wish['path']}")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if wish.get("query"):
        target += "?" + urlencode(wish["query"])
    headers = {"accept": "*/*", **(wish.get("headers") or {})}
    body = None
    if "form" in wish:
        body = urlencode(wish["form"])
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    elif "json" in wish:
        body = json.dumps(wish["json"])
        headers.setdefault("content-type", "application/json")
    elif "text" in wish:
        body = wish["text"]
    jar = jars.setdefault(wish["browser"], {}) if wish.get("browser") else {}
    if wish.get("browser"):
        headers["cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        if body is not None:
            headers.setdefault("origin", f"https://{parts.netloc}")
    connection = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT_SECONDS, context=ssl._create_unverified_context())
    connection.request(wish.get("method") or ("GET" if body is None else "POST"), target, body, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    for cookie in answer.headers.get_all("set-cookie") or []:
        name, _, value = cookie.split(";")[0].partition("=")
        jar[name] = value
        if "max-age=0" in cookie.lower():
            jar.pop(name)
    connection.close()
    csrf = re.search(r'name="csrf" value="([^"]*)"', text)
    refresh = re.search(r'http-equiv="refresh" content="\d+; url=([^"]*)"', text)
    return {
        "status": answer.status,
        "headers": {name.lower(): value for name, value in answer.headers.items()},
        "body": text,
        "location": answer.headers.get("location"),
        "csrf": csrf and csrf[1],
        "refresh": refresh and unescape(refresh[1]),
    }


for line in sys.stdin:
    print(json.dumps(ask(sys.argv[1], json.loads(line))), flush=True)
