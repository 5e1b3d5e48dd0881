#!/usr/bin/env python3
"""A browser without a screen: opens a page, fills the form on it, sends it as browsers do, and tells what it saw.

    browser.py open URL               -- the page as JSON: {status, headers, title, text, secret, form: {action, method, fields}}
    browser.py walk URL < WISHES      -- opens URL, follows redirections with cookies, and fills the forms that it comes to, until there is nothing
                                         left to do: {status, url, text, headers, hops: [{url, status, location, cookies}], jar}. WISHES is an object: "fields"
                                         for the forms, "stop" for the beginning of an address that is not gone to, "jar" for cookies to begin with.
                                         A form that a page sends by itself (SAMLResponse) is sent on; {"edit": {FIELD: VALUE}} changes what it holds, {"form": {…}} is one
                                         to begin with, and where it stops before one, "form" is in what is seen
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
from http.cookiejar import CookieJar

TIMEOUT_SECONDS = 60
# Elements that have no end.
VOID = ("input", "link", "meta", "img", "br", "hr")


class Page(HTMLParser):
    """What a person sees of a page: its text, its title, its form, and what stands in `<code class="secret">`."""

    def __init__(self) -> None:
        super().__init__()
        self.form: dict | None = None
        self.forms: list[dict] = []
        self.title = self.text = self.secret = ""
        self.inside: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "form":
            self.form = {"action": named.get("action") or "", "method": (named.get("method") or "get").upper(), "fields": {}}
            self.forms.append(self.form)
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


def fetch(url: str, form: dict[str, str] | None = None, jar: CookieJar | None = None) -> dict:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    body = urllib.parse.urlencode(form).encode() if form is not None else None
    cookies = urllib.request.HTTPCookieProcessor(jar)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), cookies)
    request = urllib.request.Request(url, data=body)
    if body is not None:
        parts = urllib.parse.urlsplit(url)
        request.add_header("origin", f"{parts.scheme}://{parts.netloc}")
    try:
        answer = opener.open(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        page = Page()
        page.feed(answer.read().decode())
        headers = {name.lower(): value for name, value in answer.headers.items()}
        seen = {"status": answer.status, "headers": headers, "title": page.title, "text": page.text}
        return {**seen, "secret": page.secret or None, "form": page.form}


def send(url: str, fields: dict[str, str]) -> dict:
    jar = CookieJar()
    form = fetch(url, jar=jar)["form"]
    if form is None:
        raise SystemExit(f"there is no form at {url}")
    if unknown := set(fields) - set(form["fields"]):
        raise SystemExit(f"the form has no {unknown}; it has {set(form['fields'])}")
    if form["method"] != "POST":
        raise SystemExit(f"the form would put secrets into an address: {form}")
    return fetch(urllib.parse.urljoin(url, form["action"]) if form["action"] else url, {**form["fields"], **fields}, jar)


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirections are looked at, one by one."""

    def redirect_request(self, *_args: object) -> None:
        return None


def walk(url: str, wishes: dict) -> dict:
    fields, stop = wishes.get("fields") or {}, wishes.get("stop")
    jar: dict[str, dict[str, str]] = wishes.get("jar") or {}
    hops: list[dict] = []
    body: dict[str, str] | None = wishes.get("form")
    here: tuple[str, str] | None = ("", "")
    filled: tuple[str, dict[str, str]] | None = None
    for _ in range(20):
        if stop and url.startswith(stop):
            return {"status": 0, "url": url, "text": "", "headers": {}, "hops": hops, "jar": jar, "form": body}
        parts = urllib.parse.urlsplit(url)
        # As browsers do: by host and path, what is for TLS only over TLS, and with a form of another site's page only what may come from there.
        site = (parts.scheme, parts.hostname or "")
        is_foreign = body is not None and here is not None and site != here
        kept = jar.setdefault(parts.hostname or "", {})
        sent = {
            name: cookie["value"]
            for name, cookie in kept.items()
            if (parts.scheme == "https" or not cookie["secure"]) and parts.path.startswith(cookie["path"]) and not (is_foreign and cookie.get("samesite") != "none")
        }
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context), Stay())
        request = urllib.request.Request(url, data=urllib.parse.urlencode(body).encode() if body is not None else None)
        if sent:
            request.add_header("cookie", "; ".join(f"{name}={value}" for name, value in sent.items()))
        try:
            answer = opener.open(request, timeout=TIMEOUT_SECONDS)
        except urllib.error.HTTPError as other:
            answer = other
        with answer:
            text, status, headers = answer.read().decode(), answer.status, answer.headers
        cookies = headers.get_all("set-cookie") or []
        for cookie in cookies:
            first, *attributes = [part.strip() for part in cookie.split(";")]
            name, _, value = first.partition("=")
            named = {key.lower(): text for key, _, text in (attribute.partition("=") for attribute in attributes)}
            if named.get("max-age") == "0" or not value:
                kept.pop(name, None)
            else:
                kept[name] = {"value": value, "secure": "secure" in named, "path": named.get("path") or "/", "samesite": (named.get("samesite") or "lax").lower()}
        location = headers.get("location")
        hops.append({"url": url, "status": status, "location": location, "cookies": cookies})
        page = Page()
        page.feed(text)
        body, here = None, site
        if location and 300 <= status < 400:
            url = urllib.parse.urljoin(url, location)
        elif page.form and "SAMLResponse" in page.form["fields"]:
            url = urllib.parse.urljoin(url, page.form["action"])
            body = {**page.form["fields"], **(wishes.get("edit") or {})}
        elif form := next((form for form in page.forms if set(fields) & set(form["fields"])), None):
            url = urllib.parse.urljoin(url, form["action"])
            body = {**form["fields"], **{name: value for name, value in fields.items() if name in form["fields"]}}
        else:
            body = None
        if body is not None and (url, body) == filled:
            # It was refused: nobody sends the same again.
            body, url = None, hops[-1]["url"]
        elif body is not None:
            filled = (url, body)
        if body is None and not (location and 300 <= status < 400):
            seen = {name.lower(): value for name, value in headers.items()}
            return {"status": status, "url": url, "text": page.text, "headers": seen, "hops": hops, "jar": jar}
    raise SystemExit(f"it leads on and on: {[hop['url'] for hop in hops]}")


def main() -> int:
    if len(sys.argv) != 3 or sys.argv[1] not in ("open", "send", "walk"):
        print(__doc__, file=sys.stderr)
        return 64
    verb, url = sys.argv[1:]
    if verb == "open":
        seen = fetch(url)
    else:
        seen = (send if verb == "send" else walk)(url, json.load(sys.stdin))
    json.dump(seen, sys.stdout)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
