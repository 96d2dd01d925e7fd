// Keyboard for the triage queue. All of it works without: rows have boxes, decisions are buttons.
(() => {
  "use strict";
  let current = 0;
  const queue = () => document.querySelector("[data-queue]");
  const rows = () => [...document.querySelectorAll("tr[data-row]")];
  const typing = (element) => element.matches("textarea, select, input:not([type=checkbox])");

  function move(step) {
    const all = rows();
    if (!all.length) return;
    all.forEach((row) => row.classList.remove("current"));
    current = Math.max(0, Math.min(all.length - 1, current + step));
    all[current].classList.add("current");
    const box = all[current].querySelector("input[type=checkbox]");
    if (box) box.focus({ preventScroll: true });
    all[current].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (!queue() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target)) {
      if (event.key === "Escape") { event.target.blur(); move(0); }
      return;
    }
    const chosen = () => rows()[current] && rows()[current].querySelector("input[type=checkbox]");
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "x") { const box = chosen(); if (box) box.checked = !box.checked; }
    else if (event.key === "X") rows().forEach((row) => { const box = row.querySelector("input[type=checkbox]"); box.checked = !box.checked; });
    else if (event.key === "o" || event.key === "Enter") {
      const link = rows()[current] && rows()[current].querySelector("[data-open]");
      // on a button or a link the key keeps its own meaning
      if (!link || event.target.matches("a, button")) return;
      link.click();
    }
    else if (event.key === "n" || event.key === "p") {
      const link = queue().querySelector(event.key === "n" ? ".pages [rel=next]" : ".pages [rel=prev]");
      if (link) link.click();
    }
    else if (event.key === "/") document.getElementById("q").focus();
    else if (["a", "d", "r"].includes(event.key)) {
      // a decision without a chosen row is about the row under the cursor
      if (!rows().some((row) => row.querySelector("input:checked"))) { const box = chosen(); if (box) box.checked = true; }
      const reason = queue().querySelector("[name=reason]");
      if (event.key !== "a" && !reason.value) reason.focus();
      else queue().querySelector(`button[data-key="${event.key}"]`).click();
    } else return;
    event.preventDefault();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      rows().forEach((row) => { row.querySelector("input[type=checkbox]").checked = event.target.checked; });
    }
  });
  document.addEventListener("htmx:afterSwap", () => { if (queue()) move(0); });
  // An htmx request carries the token of the page it stands on.
  document.addEventListener("htmx:configRequest", (event) => {
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    if (token) event.detail.headers["X-CSRFToken"] = token.value;
  });
  if (queue()) move(0);
})();
