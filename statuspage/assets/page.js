// Shows the age of the page in an open tab, and loads the next version. The page is complete without this script.
"use strict";
(() => {
  const MINUTE = 60000, OLD = 5 * MINUTE;
  const main = () => document.getElementById("main");
  const age = () => Date.now() - Number(main().dataset.asOf);

  function tell() {
    const minutes = Math.floor(age() / MINUTE);
    const word = minutes < 1 ? "just now" : minutes < 120 ? `${minutes} min ago` : `${Math.floor(minutes / 60)} h ago`;
    const label = document.getElementById("age");
    if (label) label.textContent = ` · ${word}`;
    const stale = document.getElementById("stale");
    stale.hidden = age() < OLD;
    const text = `This page is ${word.replace(" ago", "")} old. The state of the service may have changed since.`;
    if (!stale.hidden && stale.textContent !== text) stale.textContent = text;
  }

  async function renew() {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.pathname, { cache: "no-cache" });
      if (!answer.ok) return;
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("main");
      if (!fresh || fresh.dataset.asOf === main().dataset.asOf) return;
      const inside = main().contains(document.activeElement) && document.activeElement.closest("[id]");
      const open = [...document.querySelectorAll("details[open]")].map((box) => box.id);
      main().replaceWith(document.adoptNode(fresh));
      document.title = next.title;
      for (const id of open) document.getElementById(id)?.setAttribute("open", "");
      if (inside) (document.querySelector(`#${CSS.escape(inside.id)} > summary`) ?? document.getElementById(inside.id))?.focus();
    } catch { /* offline, or the server is gone: the age goes on growing */ }
    tell();
  }

  tell();
  setInterval(tell, 10000);
  setInterval(renew, MINUTE);
  document.addEventListener("visibilitychange", renew);
})();
