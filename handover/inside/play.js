// The recording is a script beside this page: a page that is opened from disk can't fetch one.
AsciinemaPlayer.create({ data: window.RETAINER_CAST }, document.getElementById("player"), { idleTimeLimit: 2, controls: true, fit: "width", preload: true });
