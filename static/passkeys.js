// What a passkey says when it does not work, where the person is looking.
(() => {
  "use strict";
  document.addEventListener("allauth.error", (event) => {
    const place = document.getElementById("passkey_error");
    if (!place) return;
    event.preventDefault();
    place.textContent = "The passkey did not answer, or you cancelled. Try again.";
    place.hidden = false;
  });
})();
