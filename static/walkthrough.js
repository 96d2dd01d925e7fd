// Plays a recording that stands in the page, jumps to its chapters, and brings videos piece by piece.
(() => {
  "use strict";
  document.addEventListener("DOMContentLoaded", () => {
    const data = document.getElementById("cast");
    if (data && window.AsciinemaPlayer) {
      const player = AsciinemaPlayer.create({ data: JSON.parse(data.textContent) }, document.getElementById("player"), { idleTimeLimit: 2, fit: "width", preload: true });
      document.querySelectorAll("[data-seek]").forEach((button) => {
        button.addEventListener("click", () => { player.seek(Number(button.dataset.seek)); player.play(); });
      });
    }
    const form = document.querySelector("form[data-video]");
    if (!form) return;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const said = form.querySelector("[data-said]");
      said.textContent = "It is being brought…";
      const answer = await fetch(`${form.dataset.video}?title=${encodeURIComponent(form.elements.title.value)}`, {
        method: "POST",
        headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, "Content-Type": "application/octet-stream" },
        body: form.elements.video.files[0],
      }).catch(() => null);
      if (answer && answer.status === 204) { window.location.reload(); return; }
      const problem = answer ? await answer.json().catch(() => ({})) : {};
      said.textContent = problem.detail || "It did not arrive. Try again.";
    });
  });
})();
