// SPDX-License-Identifier: EUPL-1.2
// Walk through the dashboard in Chromium as each kind of reader would, and print what is wrong as JSON.
// Usage: node desk.mjs CHROMIUM ADDRESS_WITH_TOKEN PATH...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";

const [executablePath, entry, ...paths] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const base = new URL(entry).origin;

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic"],
});
const told = { violations: [], requests: [], messages: [], dialogs: 0, wide: [], unstyled: [], entered: "", searched: "", compared: "" };
try {
  for (const colorScheme of ["light", "dark"]) {
    // bypassCSP lets axe itself run in the page; the policy is tested in the pass without it, below.
    const page = await (await browser.newContext({ colorScheme, bypassCSP: true })).newPage();
    await page.goto(entry);
    for (const path of paths) {
      await page.goto(base + path);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
      await page.evaluate(axe);
      const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), TAGS);
      for (const { id, nodes } of found.violations) {
        told.violations.push({ colorScheme, path, id, nodes: nodes.slice(0, 5).map((node) => node.html.slice(0, 300)) });
      }
    }
    await page.context().close();
  }
  const page = await (await browser.newContext()).newPage();
  page.on("request", (request) => { if (new URL(request.url()).origin !== base) told.requests.push(request.url()); });
  page.on("console", (message) => told.messages.push(message.text()));
  page.on("pageerror", (error) => told.messages.push(String(error)));
  page.on("dialog", async (dialog) => { told.dialogs += 1; await dialog.dismiss(); });
  await page.goto(entry);
  told.entered = page.url();
  for (const path of paths) {
    await page.goto(base + path);
    if (await page.evaluate(() => getComputedStyle(document.body).marginTop) !== "0px") told.unstyled.push(path);
    await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
    for (const width of [1280, 768, 320]) {
      await page.setViewportSize({ width, height: 900 });
      const extra = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (extra > 0) told.wide.push({ path, width, extra });
    }
  }
  // Search, open and compare with the keyboard alone.
  await page.goto(`${base}/`);
  await page.keyboard.press("Tab");
  const skip = await page.evaluate(() => document.activeElement.className);
  await page.keyboard.press("Tab");
  await page.keyboard.type("étangs");
  await page.keyboard.press("Enter");
  await page.waitForLoadState();
  told.searched = `${skip} ${await page.locator(".found").innerText()}`;
  await page.locator("tbody th a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/body**");
  await page.locator("form[action='/diff'] button").focus();
  await page.keyboard.press("Enter");
  await page.waitForURL("**/diff**");
  told.compared = await page.locator("h2").first().innerText();
} finally {
  await browser.close();
}
console.log(JSON.stringify(told, null, 1));
