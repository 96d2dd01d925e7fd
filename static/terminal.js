// A live terminal: keys go to the host, what it shows is drawn by the player that shows recordings. Asks a few times a second.
(() => {
  "use strict";
  const NAMED = {
    Enter: "\r", Backspace: "\x7f", Tab: "\t", Escape: "\x1b", Delete: "\x1b[3~", Insert: "\x1b[2~", PageUp: "\x1b[5~", PageDown: "\x1b[6~",
    F1: "\x1bOP", F2: "\x1bOQ", F3: "\x1bOR", F4: "\x1bOS", F5: "\x1b[15~", F6: "\x1b[17~", F7: "\x1b[18~", F8: "\x1b[19~", F9: "\x1b[20~", F10: "\x1b[21~",
  };
  const MOVES = { ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", Home: "H", End: "F" };
  const QUICK_MS = 120, SLOW_MS = 600, QUICK_FOR_MS = 15000;

  // What a key is on a terminal (xterm); null where it is the browser's. Programs that fill the screen want other arrows.
  const keyOf = (event, fullscreen) => {
    if (event.metaKey || event.isComposing || (event.shiftKey && event.key === "Tab")) return null;
    if (event.ctrlKey && event.shiftKey) return null;
    if (MOVES[event.key]) return (fullscreen ? "\x1bO" : "\x1b[") + MOVES[event.key];
    if (NAMED[event.key]) return NAMED[event.key];
    if (event.key.length !== 1) return null;
    if (event.ctrlKey && !event.altKey) {
      const code = event.key === " " ? 0 : event.key.toUpperCase().charCodeAt(0) - 64;
      return code >= 0 && code < 32 ? String.fromCharCode(code) : null;
    }
    return event.altKey && !event.ctrlKey ? `\x1b${event.key}` : event.key;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const live = document.querySelector("[data-live]");
    if (!live || !window.AsciinemaPlayer) return;
    const token = live.querySelector("[name=csrfmiddlewaretoken]").value;
    const screen = live.querySelector("[data-screen]"), said = live.querySelector("[data-said]"), badge = document.querySelector("[data-state]");
    const size = { cols: Number(live.dataset.columns), rows: Number(live.dataset.rows) };
    let dispatch = null, waiting = "", last = 0, fullscreen = false, typedAt = Date.now(), over = false, timer = 0;

    const driver = (player) => {
      dispatch = player.dispatch;
      return {
        init() { dispatch("reset", { size }); },
        play() { dispatch("play"); dispatch("playing"); ask(); return true; },
        getTiming: () => ({ time: 0, rate: 0, sampledAt: performance.timeOrigin + performance.now() }),
      };
    };
    AsciinemaPlayer.create(driver, screen, { ...size, fit: "width", controls: false, autoPlay: true });

    const send = (address, headers, body) => fetch(address, { method: "POST", headers: { "X-CSRFToken": token, ...headers }, body }).catch(() => null);
    const type = (keys) => { waiting += keys; typedAt = Date.now(); clearTimeout(timer); timer = setTimeout(ask, 20); };
    let asking = false;

    const ask = async () => {
      if (asking || over) return;
      asking = true;
      clearTimeout(timer);
      const typed = waiting.slice(0, 4000);
      const answer = await send(live.dataset.live, { "Content-Type": "application/json" }, JSON.stringify({ typed, after: last }));
      const told = answer ? await answer.json().catch(() => null) : null;
      asking = false;
      if (answer && told && answer.ok) {
        waiting = waiting.slice(typed.length);
        last = told.last;
        badge.textContent = told.words;
        if (told.state === "open") said.textContent = "";
        if (told.shown) {
          for (const [, on] of told.shown.matchAll(/\x1b\[\?1([hl])/g)) fullscreen = on === "h";
          dispatch("output", told.shown);
        }
        if (!told.open) { over = true; window.location.assign(told.where); return; }
      } else if (answer && told && told.detail) {
        waiting = "";
        said.textContent = `${told.detail} ${told.hint || ""}`;
      } else {
        said.textContent = "The portal does not answer. What you type waits here.";
      }
      timer = setTimeout(ask, waiting ? 20 : Date.now() - typedAt < QUICK_FOR_MS ? QUICK_MS : SLOW_MS);
    };

    // before the player's own keys
    screen.addEventListener("keydown", (event) => {
      const key = keyOf(event, fullscreen);
      if (key === null) { event.stopPropagation(); return; }
      event.preventDefault();
      event.stopPropagation();
      type(key);
    }, true);
    screen.addEventListener("paste", (event) => {
      event.preventDefault();
      type(event.clipboardData.getData("text").replace(/\r?\n/g, "\r"));
    });
    screen.addEventListener("mousedown", () => screen.focus());
    document.querySelector("[data-line]").addEventListener("submit", (event) => {
      event.preventDefault();
      type(`${event.target.elements.line.value}\r`);
      event.target.reset();
    });
    document.querySelector("[data-chapter]").addEventListener("submit", async (event) => {
      event.preventDefault();
      const form = event.target, note = form.querySelector("[data-chapters]");
      const answer = await send(form.dataset.chapter, {}, new URLSearchParams(new FormData(form)));
      const told = answer && !answer.ok ? await answer.json().catch(() => ({})) : {};
      note.textContent = answer && answer.ok ? `“${form.elements.title.value}” began.` : told.detail || "The portal does not answer.";
      if (answer && answer.ok) form.reset();
    });
    screen.focus();
  });
})();
