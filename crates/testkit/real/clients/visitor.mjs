// A person in front of a real browser, with security keys that are virtual (CDP, domain WebAuthn).
//
//   node visitor.mjs < PLAN
//
// PLAN is {address, steps}. `address` is the host:port whose certificate is believed, whoever signed it: a test's
// cluster has an authority of its own. Each step is an object with one of these members, and what comes of the
// steps is written as one JSON array, an entry a step:
//
//   goto: URL                  opens a page                          fill: {selector: text}    types
//   click: selector            clicks, and waits for what comes      press: key                presses a key
//   key: {options}             plugs a security key in               unplug: true              takes all keys out
//   credentials: true          what the keys hold                    hold: [credentials]       puts that into the last key
//   post: {url, fields}        a page of another site sends a form   frame: URL                a page of another site frames ours
//   eval: text                 runs a script in the page             shot: file                takes a picture
//   until: text                waits for what comes to say this
//   viewport: [w, h]           the size of the window                cookies: true             the browser's cookies
//
// With each entry is what is seen then: {url, status, title, text, problem, focus, wide}.

import { createHash, X509Certificate } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { connect } from "node:tls";

const require = createRequire(`${process.env.BROWSER_MODULES}/`);
const { chromium } = require("playwright-core");
const TIMEOUT = 30_000;
const program = process.env.PATH.split(delimiter).map((folder) => join(folder, "chromium")).find(existsSync);

async function input() {
  let text = "";
  for await (const part of process.stdin) text += part;
  return JSON.parse(text);
}

// The hash of the key that the server shows, in the form that the browser's switch takes.
function pinOf(address) {
  const at = address.lastIndexOf(":");
  const options = { host: address.slice(0, at), port: Number(address.slice(at + 1)), servername: "localhost", rejectUnauthorized: false };
  return new Promise((done, failed) => {
    const socket = connect(options, () => {
      const certificate = new X509Certificate(socket.getPeerCertificate(true).raw);
      const spki = certificate.publicKey.export({ type: "spki", format: "der" });
      socket.destroy();
      done(createHash("sha256").update(spki).digest("base64"));
    });
    socket.on("error", failed);
  });
}

// A site that is not ours, with one page.
async function elsewhere(html) {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(html);
  });
  await new Promise((up) => server.listen(0, "127.0.0.1", up));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

const plan = await input();
const pin = await pinOf(plan.address);
const browser = await chromium.launch({
  executablePath: program,
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", `--ignore-certificate-errors-spki-list=${pin}`,
  ],
});
const seen = [];
let status = 0;
const sites = [];
try {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT);
  page.on("response", (response) => {
    if (response.request().isNavigationRequest() && response.frame() === page.mainFrame()) status = response.status();
  });
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable", { enableUI: false });
  const keys = [];

  const step = {
    goto: (url) => page.goto(url),
    async fill(fields) {
      for (const [selector, text] of Object.entries(fields)) await page.fill(selector, text);
    },
    async click(selector) {
      const before = page.url();
      // A new page, or words on this one, or an answer of a key that stays away.
      const next = page.waitForEvent("domcontentloaded", { timeout: TIMEOUT });
      const words = page.locator("[role=alert]:not([hidden])").first().waitFor({ timeout: TIMEOUT });
      next.catch(() => {});
      words.catch(() => {});
      const old = await page.locator("[role=alert]:not([hidden])").count();
      await page.click(selector);
      await (old ? next : Promise.race([next, words]));
      await page.waitForLoadState("load").catch(() => {});
      // A page that goes on by itself is not the last one.
      if (await page.locator("meta[http-equiv=refresh]").count()) {
        await page.waitForURL((url) => url.toString() !== page.url() && url.toString() !== before).catch(() => {});
      }
    },
    press: (key) => page.keyboard.press(key),
    until: (text) => page.getByText(text).first().waitFor(),
    async key(options) {
      const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", { options });
      keys.push(authenticatorId);
    },
    async unplug() {
      for (const authenticatorId of keys.splice(0)) await cdp.send("WebAuthn.removeVirtualAuthenticator", { authenticatorId });
    },
    async credentials() {
      const all = [];
      for (const authenticatorId of keys) all.push(...(await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials);
      return all;
    },
    async hold(credentials) {
      const authenticatorId = keys.at(-1);
      for (const credential of credentials) await cdp.send("WebAuthn.addCredential", { authenticatorId, credential });
    },
    async post({ url, fields }) {
      const inputs = Object.entries(fields).map(([name, value]) => `<input name="${escape(name)}" value="${escape(value)}">`);
      const site = await elsewhere(`<form method="post" action="${escape(url)}">${inputs.join("")}<button id="go">go</button></form>`);
      sites.push(site);
      await page.goto(site.url);
      await Promise.all([page.waitForNavigation(), page.click("#go")]);
    },
    async frame(url) {
      const site = await elsewhere(`<iframe src="${escape(url)}" allow="publickey-credentials-get *"></iframe>`);
      sites.push(site);
      await page.goto(site.url);
      await page.waitForTimeout(500);
      const inner = page.frames().find((frame) => frame !== page.mainFrame());
      return inner ? await inner.locator("body").innerText().catch(() => "") : "";
    },
    eval: (text) => page.evaluate(text),
    shot: (path) => page.screenshot({ path, fullPage: true }),
    viewport: ([width, height]) => page.setViewportSize({ width, height }),
    cookies: () => context.cookies(),
  };

  for (const one of plan.steps) {
    const [name, value] = Object.entries(one)[0];
    let gave;
    try {
      gave = await step[name](value);
    } catch (error) {
      gave = `failed: ${error.message}`;
    }
    const look = () => {
      const alert = [...document.querySelectorAll("[role=alert]")].find((place) => !place.hidden && place.textContent);
      return {
        title: document.title,
        text: document.body?.innerText ?? "",
        secret: document.querySelector("code.secret")?.textContent ?? null,
        problem: alert?.textContent ?? null,
        focus: document.activeElement?.id ?? null,
        wide: document.documentElement.scrollWidth > document.documentElement.clientWidth,
      };
    };
    // A page that is just going on to the next cannot be looked at; the next can.
    let now = null;
    for (let again = 0; now === null && again < 5; again += 1) {
      await page.waitForLoadState("load").catch(() => {});
      now = await page.evaluate(look).catch(() => null);
    }
    seen.push({ gave: name === "goto" || name === "shot" ? (typeof gave === "string" ? gave : null) : (gave ?? null), url: page.url(), status, ...(now ?? {}) });
  }
} finally {
  await browser.close();
  for (const site of sites) site.close();
}
process.stdout.write(JSON.stringify(seen));
