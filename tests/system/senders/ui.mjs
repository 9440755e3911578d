// Opens the page of a Tempo in a real browser, searches, opens a trace and looks at a span.
//   node ui.mjs <chromium> <url of /ui> <query> <trace id>
// Prints what a person would see, and what went wrong: dialogs, errors, violations of the content security policy.
import { chromium } from 'playwright-core';

const [executablePath, url, query, traceId] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
const page = await browser.newPage();
const trouble = [];
page.on('dialog', (dialog) => { trouble.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
page.on('console', (message) => { if (message.type() === 'error') trouble.push(`console: ${message.text()}`); });
page.on('request', (request) => { if (new URL(request.url()).origin !== new URL(url).origin) trouble.push(`request: ${request.url()}`); });
await page.addInitScript(() => {
  window.violations = [];
  document.addEventListener('securitypolicyviolation', (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
});

await page.goto(url);
await page.waitForSelector('#services button');
const services = await page.$$eval('#services button', (buttons) => buttons.map((b) => b.textContent));
await page.fill('#query', query);
await page.click('button[type=submit]');
await page.waitForSelector(`a.hit[href="#trace/${traceId}"]`);
const hit = await page.textContent(`a.hit[href="#trace/${traceId}"] .name`);
await page.click(`a.hit[href="#trace/${traceId}"]`);
await page.waitForSelector('.trace .span');
const rows = await page.$$eval('.trace .span', (spans) => spans.map((s) => ({
  text: s.querySelector('.label').textContent, indent: s.querySelector('.label').style.paddingLeft,
})));
await page.click('.trace .span >> nth=0');
const details = await page.$$eval('.details .value', (values) => values.map((v) => v.textContent));

// What is typed into the address is a stranger's, too.
await page.goto(`${url}#q=${encodeURIComponent('<img src=x onerror=alert(1)>')}`);
await page.waitForSelector('.error');
const error = await page.textContent('.error');
await page.goto(`${url}#trace/${encodeURIComponent('<script>alert(1)</script>')}`);
await page.waitForFunction(() => document.querySelector('.error')?.textContent.includes('hex'));
const markup = await page.$$eval('#view img, #view script, #view iframe, #services img, #services script', (found) => found.length);
trouble.push(...await page.evaluate(() => window.violations));
console.log(JSON.stringify({ services, hit, rows, details, error, markup, hacked: await page.evaluate(() => window.hacked ?? null), trouble }));
await browser.close();
