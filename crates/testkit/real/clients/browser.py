#!/usr/bin/env python3
"""A browser without a screen: opens a page, fills the form on it, sends it as browsers do, and tells what it saw.

    browser.py open URL               -- the page as JSON: {status, headers, title, text, secret, form: {action, method, fields}}
    browser.py send URL < FIELDS      -- opens URL, puts FIELDS (a JSON object) into its form, sends it, and tells of the page that comes then

A field that the form does not have is refused, and hidden fields go along, so that what it sends is what a person's browser would send. It does
not look at certificates: a test's cluster has an authority of its own, and no browser knows it. Only the standard library.
"""

import json
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser

TIMEOUT_SECONDS = 60
# Elements that have no end.
VOID = ("input", "link", "meta", "img", "br", "hr")


class Page(HTMLParser):
    """What a person sees of a page: its text, its title, its form, and what stands in `<code class="secret">`."""

    def __init__(self) -> None:
        super().__init__()
        self.form: dict | None = None
        self.title = self.text = self.secret = ""
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "form":
            self.form = {"action": named.get("action") or "", "method": (named.get("method") or "get").upper(), "fields": {}}
        elif tag == "input" and self.form is not None and named.get("name"):
            self.form["fields"][named["name"]] = named.get("value") or ""
        if tag not in VOID:
            self.inside.append("secret" if named.get("class") == "secret" else tag)

    def handle_endtag(self, tag: str) -> None:
        if self.inside and tag not in VOID:
            self.inside.pop()

    def handle_data(self, data: str) -> None:
        if "title" in self.inside:
            self.title += data
        elif "secret" in self.inside:
            self.secret += data
        elif data.strip():
            self.text += data.strip() + "\n"


def fetch(url: str, form: dict[str, str] | None = None) -> dict:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        answer = opener.open(urllib.request.Request(url, data=body), timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        page = Page()
        page.feed(answer.read().decode())
        headers = {name.lower(): value for name, value in answer.headers.items()}
        seen = {"status": answer.status, "headers": headers, "title": page.title, "text": page.text}
        return {**seen, "secret": page.secret or None, "form": page.form}


def send(url: str, fields: dict[str, str]) -> dict:
    form = fetch(url)["form"]
    if form is None:
        raise SystemExit(f"there is no form at {url}")
    if unknown := set(fields) - set(form["fields"]):
        raise SystemExit(f"the form has no {unknown}; it has {set(form['fields'])}")
    if form["method"] != "POST":
        raise SystemExit(f"the form would put secrets into an address: {form}")
    return fetch(urllib.parse.urljoin(url, form["action"]) if form["action"] else url, {**form["fields"], **fields})


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("open", "send"):
        print(__doc__, file=sys.stderr)
        return 64
    verb, url = sys.argv[1:]
    json.dump(fetch(url) if verb == "open" else send(url, json.load(sys.stdin)), sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
