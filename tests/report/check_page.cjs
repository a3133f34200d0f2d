// Does with a page what a person does: opens it, plays, scrubs, searches, by mouse, keys and on a phone.
//
//   CHROMIUM=/usr/bin/chromium node check_page.cjs page.html … --contest results.html …

const assert = require("node:assert/strict");
const fs = require("node:fs");
const { chromium } = require("playwright-core");

/** Most bytes of a page of one recording. */
const LARGEST = 15e6;

/** WebGL in software, for machines without a graphics card. */
const FLAGS = ["--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--ignore-gpu-blocklist", "--no-sandbox"];

async function open(browser, page, size) {
  const context = await browser.newContext({ ...size, reducedMotion: "reduce", offline: true });
  const tab = await context.newPage();
  const wrong = [];
  tab.on("pageerror", error => wrong.push(error.message));
  tab.on("console", message => message.type() === "error" && wrong.push(message.text()));
  tab.on("request", request => /^https?:/.test(request.url()) && wrong.push(`asks the network for ${request.url()}`));
  await tab.goto(`file://${fs.realpathSync(page)}`);
  await tab.waitForFunction(() => document.documentElement.dataset.drawn, null, { timeout: 60_000 });
  const { worm, drawn } = await tab.evaluate(() => ({ ...document.documentElement.dataset }));
  return { tab, wrong, worm, drawn, close: () => context.close() };
}

/** The picture of the first worm, and how many colours it has. */
const picture = tab => tab.evaluate(() => {
  nematode.views[0].show();
  const { canvas } = nematode.views[0];
  const gl = canvas.getContext("webgl2"), bytes = new Uint8Array(4 * canvas.width * canvas.height);
  gl.readPixels(0, 0, canvas.width, canvas.height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  const colours = new Set();
  for (let i = 0; i < bytes.length; i += 4) colours.add((bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2]);
  return { colours: colours.size, url: canvas.toDataURL() };
});

const now = tab => tab.evaluate(() => nematode.now);

/** Goes down the page until every chart was drawn. */
async function readAll(tab) {
  for (let i = 0; i < 60; i++) {
    const left = await tab.evaluate(() => {
      const next = nematode.charts.find(chart => !chart.drawn);
      next?.box.scrollIntoView({ block: "center", behavior: "instant" });
      return Boolean(next);
    });
    if (!left) break;
    await tab.waitForTimeout(200);
  }
  assert(await tab.evaluate(() => nematode.charts.every(chart => chart.drawn)), "a chart is not drawn");
  await tab.waitForTimeout(300);
  await tab.evaluate(() => scrollTo({ top: 0, behavior: "instant" }));
}

async function onADesk(browser, page, name) {
  const { tab, wrong, worm, drawn, close } = await open(browser, page, { viewport: { width: 1000, height: 900 } });
  const first = await picture(tab);
  assert(first.colours > 50, `the canvas has ${first.colours} colours`);

  const end = await tab.evaluate(() => nematode.reach[1]);
  const slider = await tab.locator("#time").boundingBox();
  await tab.mouse.click(slider.x + 0.6 * slider.width, slider.y + 0.5 * slider.height);
  assert(Math.abs(await now(tab) - 0.6 * end) < 0.03 * end, "a click into the slider goes there");
  assert.notEqual((await picture(tab)).url, first.url, "scrubbing changes the picture");

  await tab.locator("h1").click();
  const before = await now(tab);
  await tab.keyboard.press("ArrowRight");
  assert(await now(tab) > before, "an arrow goes on by a frame");
  await tab.keyboard.press("ArrowLeft");
  assert(Math.abs(await now(tab) - before) < 1e-9, "and back");
  await tab.keyboard.press("Home");
  assert.equal(await now(tab), await tab.evaluate(() => nematode.reach[0]));
  // A tenth of the speed, so that a short run does not end before it is looked at.
  for (const _ of [1, 2, 3]) await tab.keyboard.press("[");
  assert.equal(await tab.evaluate(() => nematode.rate), 0.1);
  await tab.keyboard.press("Space");
  assert.equal(await tab.locator("#play").getAttribute("aria-label"), "Pause");
  await tab.waitForFunction(() => nematode.now > nematode.reach[0]);
  await tab.keyboard.press("Space");
  assert.equal(await tab.locator("#play").getAttribute("aria-label"), "Play");
  for (const _ of [1, 2, 3]) await tab.keyboard.press("]");
  const slant = await picture(tab);
  await tab.keyboard.press("2");
  assert.notEqual((await picture(tab)).url, slant.url, "the camera moves");
  await tab.keyboard.press("1");

  const rate = await tab.evaluate(() => new Promise(resolve => {
    nematode.seek(nematode.reach[0]);
    nematode.frames = 0;
    nematode.play(true);
    // Slower where the run is shorter, so that it lasts as long as it is watched.
    nematode.rate = Math.min(1, (nematode.reach[1] - nematode.reach[0]) / 2.5);
    setTimeout(() => { nematode.play(false); nematode.rate = 1; resolve(nematode.frames / 2); }, 2000);
  }));

  await readAll(tab);
  if (await tab.evaluate(() => nematode.runs.some(run => run.cells?.names.includes("AVBL")))) {
    await tab.keyboard.press("/");
    await tab.keyboard.type("AVB");
    await tab.waitForFunction(() => document.getElementById("found").textContent.startsWith("2 of "));
    assert.match(await tab.locator("#found").textContent(), /AVBL, AVBR/);
    await tab.waitForFunction(() => document.querySelector("#traces .legendtext")?.textContent.startsWith("AVBL"));
    await tab.locator("#search").fill("no such");
    await tab.waitForFunction(() => /no neuron is called/.test(document.getElementById("found").textContent));
    await tab.locator("#search").fill("");
    await tab.locator("#search").blur();
  }
  if (await tab.evaluate(() => nematode.runs.some(run => run.influence))) {
    const strongest = () => tab.locator("table.strongest tbody tr").first().textContent();
    await tab.locator("summary", { hasText: "The strongest of each muscle" }).click();
    const byAblation = await strongest();
    await tab.locator("input[value=gradient]").check();
    assert.notEqual(await strongest(), byAblation, "by gradient is not by ablation");
  }
  for (const nameless of await tab.locator("button, input, select, canvas.world, [role=img]").all())
    assert(await nameless.evaluate(e => e.getAttribute("aria-label") || e.textContent.trim() || e.labels?.length), "a control has no name");
  await tab.evaluate(() => { scrollTo({ top: 0, behavior: "instant" }); nematode.seek(0.6 * nematode.reach[1]); });
  await tab.waitForTimeout(400);
  await tab.screenshot({ path: page.replace(/\.html$/, ".png") });
  await tab.screenshot({ path: page.replace(/\.html$/, "_whole.png"), fullPage: true });
  assert.deepEqual(wrong, []);
  await close();
  const size = fs.statSync(page).size;
  assert(size < LARGEST, `${name}: ${size} bytes`);
  console.log(`${name}: ${(size / 1e6).toFixed(1)} MB; the worm after ${worm} ms, charts in view after ${drawn} ms; ${rate.toFixed(0)} frames/s`);
}

async function onAPhone(browser, page, name) {
  const size = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
  const { tab, wrong, close } = await open(browser, page, size);
  await readAll(tab);
  const [wide, seen] = await tab.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert(wide <= seen, `${name} is ${wide} wide on a screen of ${seen}`);
  await tab.locator("#play").tap();
  await tab.waitForFunction(() => nematode.now > nematode.reach[0]);
  await tab.evaluate(() => nematode.play(false));
  await tab.screenshot({ path: page.replace(/\.html$/, "_phone.png") });
  await tab.screenshot({ path: page.replace(/\.html$/, "_phone_whole.png"), fullPage: true });
  assert.deepEqual(wrong, []);
  await close();
}

/** The page of a contest: a row of numbers and a dot chart for all that was measured, on a desk and on a phone. */
async function ofAContest(browser, page, name) {
  for (const viewport of [{ width: 1000, height: 900 }, { width: 390, height: 844 }]) {
    const { tab, wrong, drawn, close } = await open(browser, page, { viewport });
    await readAll(tab);
    assert.equal(await tab.locator("#results tbody tr").count(), await tab.evaluate(() => JSON.parse(document.getElementById("data").textContent).contestants.length));
    assert(await tab.locator("#measures .js-plotly-plot").count() > 10, "few measures are drawn");
    assert(await tab.locator("#curves .js-plotly-plot").count() === 2, "imitation and reward");
    assert(await tab.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is too wide`);
    await tab.screenshot({ path: page.replace(/\.html$/, `_${viewport.width}.png`), fullPage: true });
    assert.deepEqual(wrong, []);
    await close();
    console.log(`${name}, ${viewport.width} wide: charts in view after ${drawn} ms`);
  }
}

(async () => {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  try {
    let contest = false;
    for (const page of process.argv.slice(2)) {
      if (page === "--contest") {
        contest = true;
        continue;
      }
      if (contest) {
        await ofAContest(browser, page, page.replace(/.*\//, ""));
        continue;
      }
      const name = page.replace(/.*\//, "");
      await onADesk(browser, page, name);
      await onAPhone(browser, page, name);
    }
  } finally {
    await browser.close();
  }
})().catch(error => {
  console.error(error);
  process.exit(1);
});
