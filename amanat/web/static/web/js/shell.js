/* What every page has: theme, openers, menus, palette, toasts, the bar for a lost connection, the service worker.
   Modules stand alone and speak to each other by events, so that hashed file names need no import map. */

const words = document.body.dataset;
const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]") != null;

/* Toasts. From the server: HX-Trigger: {"amanat:toast": {"text": "…", "tone": "success"}}; from scripts the same event on document. */
const toasts = document.getElementById("toasts");

const dismissLater = (toast) => {
  if (toast.dataset.toast === "error") return;
  let timer;
  const start = () => { timer = setTimeout(() => toast.remove(), 7000); };
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", start);
  start();
};

const TONES = { success: "green", warning: "marigold", error: "red" };

const say = (text, tone = "info") => {
  const toast = document.getElementById("toast-template")?.content.firstElementChild.cloneNode(true);
  if (!toast || !text) return;
  toast.querySelector("p").textContent = text;
  toast.dataset.toast = tone;
  if (TONES[tone]) toast.classList.add(`toast-${TONES[tone]}`);
  toasts.append(toast);
  dismissLater(toast);
};

document.addEventListener("amanat:toast", (event) => say(event.detail?.text ?? event.detail?.value, event.detail?.tone));
toasts?.querySelectorAll("[data-toast]").forEach(dismissLater);

/* Openers: native `popovertarget` and `command` need nothing; data-opens keeps a link working without scripts. */
const openDialog = (dialog) => {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("amanat:opened", { bubbles: true }));
};

document.addEventListener("click", (event) => {
  const target = event.target;
  if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const opener = target.closest("[data-opens]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.opens);
    if (dialog) {
      event.preventDefault();
      openDialog(dialog);
    }
  }
  if (target.closest("[data-closes]")) target.closest("dialog")?.close();
  if (target.closest("[data-dismiss]")) target.closest("[data-toast], .notice")?.remove();
  if (target.closest("[data-print]")) window.print();
  // A click on the shade closes the dialog; one that began inside it does not.
  if (target.matches("dialog[open]:not([data-stays])") && pressedOn === target) {
    const box = target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside) target.close();
  }
});
let pressedOn = null;
document.addEventListener("pointerdown", (event) => { pressedOn = event.target; });

/* A number that is called, a chat that is opened: the link leads to another application, and that it was pressed is written down (data-noted). */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-noted]");
  const token = document.querySelector("input[name=csrfmiddlewaretoken]");
  if (!link?.dataset.noted || !token) return;
  const way = link.protocol === "tel:" ? "call" : "whatsapp";
  fetch(`${link.dataset.noted}${way}/`, {
    method: "POST",
    headers: { "X-CSRFToken": token.value, "X-Workspace": document.querySelector("input[name=in_workspace]")?.value ?? "" },
    body: new URLSearchParams({ text: new URL(link.href).searchParams.get("text") ?? "" }),
    keepalive: true,
    redirect: "manual",
  }).catch(() => null);
});

if (!("commandForElement" in HTMLButtonElement.prototype)) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[commandfor]");
    const dialog = button && document.getElementById(button.getAttribute("commandfor"));
    if (dialog && button.getAttribute("command") === "show-modal") openDialog(dialog);
    if (dialog && button.getAttribute("command") === "close") dialog.close();
  });
}

/* Strips that scroll: the chosen tab is brought into view. */
for (const chosen of document.querySelectorAll(".settings-nav [aria-current], .tabs [aria-current]")) {
  const strip = chosen.parentElement;
  const [at, around] = [chosen.getBoundingClientRect(), strip.getBoundingClientRect()];
  if (strip.scrollWidth > strip.clientWidth) strip.scrollBy(at.left + at.width / 2 - around.left - around.width / 2, 0);
}

/* Menus: arrow keys move through them; where the browser cannot anchor a popover, it is placed here. */
document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!menu.matches?.(".menu[popover]") || event.newState !== "open" || CSS.supports("position-area: block-end")) return;
  const opener = event.source ?? document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
  if (!opener) return;
  const at = opener.getBoundingClientRect();
  const top = menu.dataset.align === "above" || at.bottom + menu.offsetHeight > innerHeight ? at.top - menu.offsetHeight - 8 : at.bottom;
  const left = menu.dataset.align === "end" ? at.right - menu.offsetWidth : at.left;
  menu.style.top = `${Math.max(4, top)}px`;
  menu.style.left = `${Math.min(Math.max(8, left), innerWidth - menu.offsetWidth - 8)}px`;
}, true);

const stepThrough = (items, event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || items.length === 0) return;
  event.preventDefault();
  const place = items.indexOf(document.activeElement);
  items[(place + step + items.length) % items.length].focus();
};

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.(".menu:popover-open, .sheet:popover-open");
  const opener = event.target.closest?.("[popovertarget]");
  if (menu) stepThrough([...menu.querySelectorAll(".menu-item")], event);
  else if (opener && event.key === "ArrowDown") {
    const target = document.getElementById(opener.getAttribute("popovertarget"));
    if (target?.matches(".menu:popover-open")) stepThrough([...target.querySelectorAll(".menu-item")], event);
  }
});

/* The palette: Ctrl K anywhere, / outside a field. The server answers with links; the last ones opened are kept for this tab only. */
const palette = document.getElementById("palette");
const RECENT = "amanat.recent";

if (palette) {
  const field = palette.querySelector("input");
  const results = document.getElementById("palette-results");
  const links = () => [...results.querySelectorAll("a[href]")];
  const active = () => results.querySelector("a.is-active");

  const mark = (link) => {
    active()?.classList.remove("is-active");
    link?.classList.add("is-active");
    link?.scrollIntoView({ block: "nearest" });
    if (link) field.setAttribute("aria-activedescendant", (link.id ||= `palette-${links().indexOf(link)}`));
    else field.removeAttribute("aria-activedescendant");
  };

  const showRecent = () => {
    results.replaceChildren(
      ...JSON.parse(sessionStorage.getItem(RECENT) ?? "[]").map(({ href, text }) => {
        const link = document.createElement("a");
        link.href = href;
        link.textContent = text;
        return link;
      }),
    );
    mark(links()[0]);
  };

  const remember = (link) => {
    const item = { href: link.getAttribute("href"), text: link.textContent.trim().replace(/\s+/g, " ") };
    const kept = JSON.parse(sessionStorage.getItem(RECENT) ?? "[]").filter((old) => old.href !== item.href);
    sessionStorage.setItem(RECENT, JSON.stringify([item, ...kept].slice(0, 6)));
  };

  palette.addEventListener("amanat:opened", () => {
    field.select();
    if (field.value.trim()) field.dispatchEvent(new CustomEvent("amanat:search"));
    else showRecent();
  });
  field.addEventListener("htmx:config:request", (event) => {
    if (field.value.trim()) return;
    event.preventDefault();
    showRecent();
  });
  palette.addEventListener("htmx:after:swap", () => mark(links()[0]));
  results.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    if (link) remember(link);
  });
  palette.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = links();
    if (step && all.length) {
      event.preventDefault();
      mark(all[(all.indexOf(active()) + step + all.length) % all.length]);
    } else if (event.key === "Enter" && !event.isComposing && active()) {
      event.preventDefault();
      active().click();
    }
  });
  document.addEventListener("keydown", (event) => {
    const asked = (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) || (event.key === "/" && !isTyping(event.target));
    if (!asked || event.altKey || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    openDialog(palette);
  });
}

/* Theme: the form works by itself; here it is quicker. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-theme-form]")) return;
  const theme = event.submitter?.value;
  if (!theme) return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  for (const button of document.querySelectorAll("[data-theme-form] button")) {
    button.toggleAttribute("aria-current", false);
    if (button.value === theme) button.setAttribute("aria-current", "true");
  }
  fetch(form.getAttribute("action"), { method: "POST", body, redirect: "manual" }).catch(() => form.submit());
});

/* Figures beside the entries of the navigation. They are drawn with each page; one that is looked at again, after another tab, another
   window or the way back, asks for them anew. A stream of events on every page would hold a connection for each, of the six a browser has. */
document.addEventListener("amanat:badge", (event) => {
  for (const link of document.querySelectorAll(`a[data-badge="${CSS.escape(event.detail.url)}"]`)) {
    const old = link.querySelector(".count");
    if (event.detail.text === "0") old?.remove();
    else if (old) old.textContent = event.detail.text;
    else link.append(Object.assign(document.createElement("span"), { className: link.closest(".phone-bar") ? "count count-now" : "count", textContent: event.detail.text }));
  }
});
const askForBadges = async () => {
  if (document.visibilityState !== "visible" || document.querySelector("[data-inbox]")) return; // the inbox hears of everything
  for (const url of new Set([...document.querySelectorAll("a[data-badge]")].map((link) => link.dataset.badge))) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok && !answer.redirected) document.dispatchEvent(new CustomEvent("amanat:badge", { detail: { url, text: (await answer.json()).badge } }));
  }
};
let lastAsked = Date.now();
const askAgain = () => { if (Date.now() - lastAsked > 1000) { lastAsked = Date.now(); askForBadges(); } }; // one return makes several events
document.addEventListener("visibilitychange", askAgain);
addEventListener("focus", askAgain);
addEventListener("pageshow", (event) => { if (event.persisted) askForBadges(); });

/* A lost connection: the page stays as it is, a bar says so, and the last request is sent again when asked. */
const lost = document.getElementById("lost");
if (lost) {
  let again = null;
  const show = (repeat) => {
    again = repeat ?? again;
    lost.hidden = false;
  };
  const hide = () => {
    lost.hidden = true;
    again = null;
  };
  const repeatable = (ctx) => () => {
    const source = ctx.sourceElement;
    if (!source.isConnected) return;
    if (source.matches("form")) source.requestSubmit(ctx.request.submitter ?? undefined);
    else window.htmx.trigger(source, ctx.sourceEvent?.type ?? "click");
  };

  window.addEventListener("offline", () => show());
  window.addEventListener("online", () => { if (!again) hide(); });
  lost.querySelector("[data-retry]").addEventListener("click", () => {
    const repeat = again;
    hide();
    if (repeat) repeat();
  });
  document.addEventListener("htmx:error", (event) => {
    const { ctx, error } = event.detail;
    if (ctx && !ctx.response && (error instanceof TypeError || ctx.request?.signal?.reason === "timeout")) show(repeatable(ctx));
  });
  document.addEventListener("htmx:after:request", hide);
  document.addEventListener("htmx:response:error", (event) => {
    const status = event.detail.ctx.response.status;
    if (status === 429) say(words.hurry, "warning");
    else if (status === 412) say(words.moved, "warning");
    else if (status === 401 || status === 403) say(words.refused, "error");
    else if (status >= 500) say(words.lost, "error");
  });
  document.addEventListener("submit", (event) => {
    if (navigator.onLine || event.defaultPrevented || event.target.getAttribute("method") === "dialog") return;
    event.preventDefault();
    show(() => event.target.requestSubmit(event.submitter));
  });
}

/* Signed out: nothing of the last member stays in this tab. */
if ("signedOut" in words) sessionStorage.removeItem(RECENT);

if (words.worker && "serviceWorker" in navigator && isSecureContext) navigator.serviceWorker.register(words.worker).catch(() => undefined);
