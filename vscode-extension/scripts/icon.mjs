// Draws media/icon.png (128 × 128): the activity bar's mark on a dark tile. Uses the e2e tests' playwright-core.
import { createRequire } from "node:module";

const { chromium } = createRequire(new URL("../../tests/e2e/package.json", import.meta.url))("playwright-core");

const tile = `<!doctype html><style>*{margin:0}body{width:128px;height:128px;overflow:hidden}svg{display:block}</style>
<svg xmlns="http://www.w3.org/2000/svg" width="128" height="128" viewBox="0 0 128 128" fill="none">
  <defs>
    <linearGradient id="tile" x2="0" y2="1"><stop stop-color="#2a3352"/><stop offset="1" stop-color="#171c2e"/></linearGradient>
    <linearGradient id="line" x2="1" y2="1"><stop stop-color="#7aa2f7"/><stop offset="1" stop-color="#73daca"/></linearGradient>
  </defs>
  <rect width="128" height="128" rx="26" fill="url(#tile)"/>
  <path d="M38 92V36M90 92V36M38 36l52 56" stroke="url(#line)" stroke-width="8" stroke-linecap="round"/>
  <g stroke-width="6" fill="#1b2033">
    <circle cx="38" cy="36" r="11" stroke="#7aa2f7"/><circle cx="90" cy="36" r="11" stroke="#77bfe0"/>
    <circle cx="38" cy="92" r="11" stroke="#77bfe0"/><circle cx="90" cy="92" r="11" stroke="#73daca"/>
  </g>
</svg>`;

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });
try {
  const page = await browser.newPage({ viewport: { width: 128, height: 128 } });
  await page.setContent(tile);
  await page.screenshot({ path: new URL("../media/icon.png", import.meta.url).pathname, omitBackground: true });
} finally {
  await browser.close();
}
