// Search over what index-data.js holds: a page that is opened from disk can't fetch anything.
(() => {
  "use strict";
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const said = document.getElementById("said");
  function show() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.replaceChildren();
    if (!words.length) { said.textContent = ""; return; }
    const hits = [];
    for (const page of window.RETAINER_INDEX) {
      const title = page.title.toLowerCase();
      const text = page.text.toLowerCase();
      if (!words.every((word) => title.includes(word) || text.includes(word))) continue;
      hits.push([words.filter((word) => title.includes(word)).length, page, text.indexOf(words[0])]);
    }
    hits.sort((one, other) => other[0] - one[0]);
    said.textContent = hits.length === 1 ? "1 page" : `${hits.length} pages`;
    for (const [, page, place] of hits.slice(0, 100)) {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = page.href;
      link.textContent = page.title;
      line.append(link);
      if (place >= 0) {
        const small = document.createElement("small");
        small.textContent = page.text.slice(Math.max(0, place - 60), place + 120);
        line.append(small);
      }
      list.append(line);
    }
  }
  box.addEventListener("input", show);
  show();
})();
