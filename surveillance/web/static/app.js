// What the pages do in the browser beyond plain forms. Everything works without it.
import { initAll } from "./vendor/nhsuk.js";

// The library starts only where the page says that scripts run.
document.body.classList.add("js-enabled", "nhsuk-frontend-supported");
initAll();

// A part that htmx has put in brings components of its own.
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target ?? event.target;
  if (target instanceof Element) initAll({ scope: target });
  settle();
});

// What was put in may ask for the keyboard, and may have something to say to a screen reader.
function settle() {
  const wanted = document.querySelector("[data-focus]");
  wanted?.removeAttribute("data-focus");
  wanted?.focus();
  const said = document.querySelector("[data-tell]");
  if (said) tell(said.textContent.trim());
  said?.removeAttribute("data-tell");
}

// The board: one panel is open at a time, so that no two fields have one name; closing it gives the keyboard back.
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("[data-close], [hx-target^='#panel-']") : null;
  if (!link) return;
  for (const cell of document.querySelectorAll(".app-panel-row > td:not(:empty)")) {
    if (link.hasAttribute("data-close") && cell.contains(link)) {
      event.preventDefault();
      document.getElementById(cell.dataset.opener)?.focus();
    }
    if (`#${cell.id}` !== link.getAttribute("hx-target")) cell.replaceChildren();
  }
});

// A form that needs no decision goes on by itself; without scripts its button does it.
document.querySelector("form[data-goes-on]")?.requestSubmit();

// A page may ask to be printed or to copy an address; without scripts its reader does it by hand.
document.addEventListener("click", async (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-print], [data-copy]") : null;
  if (!button) return;
  if (button.hasAttribute("data-print")) window.print();
  const source = document.getElementById(button.dataset.copy ?? "");
  if (source) {
    await navigator.clipboard.writeText(source.textContent.trim());
    tell("Copied.");
  }
});

// "Another day": typing one chooses it, choosing an offered one empties it.
document.addEventListener("input", (event) => {
  const field = event.target;
  if (!(field instanceof HTMLInputElement)) return;
  const choice = document.getElementById(field.dataset.chooses ?? "");
  if (choice && field.value) choice.checked = true;
  if (field.type !== "radio" || field.value === "other") return;
  for (const typed of field.form?.querySelectorAll(`[data-chooses^="${field.name}"]`) ?? []) typed.value = "";
});

function tell(words) {
  const live = document.getElementById("app-live");
  if (live) live.textContent = words;
}

// The server ends a session after some minutes without a request. Whoever types a long form makes none, so typing
// counts as use; whoever is away is told before it happens, and then the page no longer shows what it showed.
const signedIn = document.body.hasAttribute("data-signed-in");
const idle = Number(document.body.dataset.idleSeconds ?? 0) * 1000;
let used = Date.now();
let asked = Date.now();
let leaving = false;  // while the page waits for its answer, the next tick must not leave a second time
if (signedIn && idle) {
  for (const name of ["keydown", "pointerdown"]) document.addEventListener(name, () => { used = Date.now(); }, { passive: true });
  document.addEventListener("htmx:after:request", () => { asked = Date.now(); });
  setInterval(watch, 15000);
}

async function watch() {
  if (leaving) return;
  const now = Date.now();
  if (used > asked && now - asked > 5 * 60000) {
    asked = now;
    if (!(await post("/session")).ok) leave();
  } else if (now - asked > idle) {
    leaving = true;
    await post("/sign-out").catch(() => undefined);
    leave();
  } else if (now - asked > idle - 120000) {
    tell("You will be signed out in two minutes. Press any key to stay.");
    document.title = `(!) ${document.title.replace(/^\(!\) /, "")}`;
  }
}

function leave() {
  leaving = true;
  location.assign("/sign-in?ended=yes");
}

function post(address) {
  const token = document.querySelector("input[name=token]")?.value ?? "";
  return fetch(address, { method: "POST", body: new URLSearchParams({ token }), redirect: "manual" });
}
