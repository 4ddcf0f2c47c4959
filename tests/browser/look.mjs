// SPDX-License-Identifier: EUPL-1.2
// Open one HTML file in Chromium, look at it as each kind of reader would, and print what is wrong as JSON.
// Usage: node look.mjs CHROMIUM FILE.html
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [executablePath, file] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const browser = await chromium.launch({
  executablePath,
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-quic"],
});
const told = { violations: [], requests: [], messages: [], dialogs: 0, wide: {}, printed: null, details: 0 };
try {
  for (const colorScheme of ["light", "dark"]) {
    // bypassCSP lets axe itself run in the page; the policy is tested in the pass without it, below.
    const page = await (await browser.newContext({ colorScheme, bypassCSP: true, offline: true })).newPage();
    await page.goto(pathToFileURL(file).href);
    told.details = await page.evaluate(() => {
      const all = document.querySelectorAll("details");
      all.forEach((one) => { one.open = true; });
      return all.length;
    });
    await page.evaluate(axe);
    const found = await page.evaluate((values) => axe.run(document, { runOnly: { type: "tag", values }, resultTypes: ["violations"] }), TAGS);
    for (const { id, impact, nodes } of found.violations) {
      told.violations.push({ colorScheme, id, impact, nodes: nodes.slice(0, 5).map((node) => node.html.slice(0, 300)) });
    }
    await page.context().close();
  }
  const page = await (await browser.newContext({ offline: true })).newPage();
  page.on("request", (request) => { if (request.url() !== pathToFileURL(file).href) told.requests.push(request.url()); });
  page.on("console", (message) => told.messages.push(message.text()));
  page.on("pageerror", (error) => told.messages.push(String(error)));
  page.on("dialog", async (dialog) => { told.dialogs += 1; await dialog.dismiss(); });
  await page.goto(pathToFileURL(file).href);
  told.styled = await page.evaluate(() => getComputedStyle(document.body).marginTop === "0px");
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  for (const width of [1280, 768, 320]) {
    await page.setViewportSize({ width, height: 900 });
    told.wide[width] = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  }
  await page.evaluate(() => document.querySelectorAll("details").forEach((one) => { one.open = false; }));
  await page.emulateMedia({ media: "print" });
  told.printed = await page.evaluate(() =>
    [...document.querySelectorAll("details")].filter((one) => one.lastElementChild.getBoundingClientRect().height < 1).length);
} finally {
  await browser.close();
}
console.log(JSON.stringify(told, null, 1));
