// How long the window takes from a key press to the text that shows it.

/** Types `text` on the cursor's line, a key every `pause` ms; the times in ms from each press to the frame that shows it. */
export async function keystrokes(page, text, pause = 40) {
  await page.evaluate(() => {
    globalThis.times = [];
    let pressed;
    const seen = new MutationObserver(() => {
      if (pressed === undefined) return;
      const since = pressed;
      pressed = undefined;
      requestAnimationFrame(() => globalThis.times.push(performance.now() - since));
    });
    seen.observe(document.querySelector(".editor-instance .view-lines"), { subtree: true, childList: true, characterData: true });
    const press = (event) => event.key.length === 1 && (pressed = event.timeStamp);
    document.addEventListener("keydown", press, true);
    globalThis.stopTimes = () => {
      seen.disconnect();
      document.removeEventListener("keydown", press, true);
      return globalThis.times;
    };
  });
  await page.keyboard.type(text, { delay: pause });
  await page.waitForTimeout(500);
  const times = (await page.evaluate(() => globalThis.stopTimes())).sort((a, b) => a - b);
  if (times.length < text.length * 0.9) throw new Error(`${times.length} of ${text.length} key presses were seen in the text`);
  return { median: Math.round(times[times.length >> 1]), p99: Math.round(times[Math.floor(times.length * 0.99)]) };
}
