/* Forms: unsaved changes, one sending at a time, confirmation of what cannot be undone, figures the Indian way, copying, dropping files. */

const words = document.body.dataset;
// Not the property: a field named "method" (how a payment was made) hides it.
const methodOf = (form) => (form.getAttribute("method") ?? "get").toLowerCase();

/* Unsaved changes. <form data-guard> warns before the page is left. */
const changed = new Set();
const trackChange = (event) => {
  const form = event.target.form;
  if (form?.matches("[data-guard]")) changed.add(form);
};
document.addEventListener("input", trackChange);
document.addEventListener("change", trackChange);
document.addEventListener("reset", (event) => changed.delete(event.target));
window.addEventListener("beforeunload", (event) => {
  for (const form of changed) if (!form.isConnected) changed.delete(form);
  if (changed.size === 0) return;
  event.preventDefault();
  event.returnValue = words.unsaved;
});

/* Confirmation. data-confirm on a form, on its button or on a link; data-confirm-title and data-confirm-action name the act and its count.
   hx-confirm of htmx asks in the same dialog. */
const confirmDialog = document.getElementById("confirm");
const ask = ({ text, title, action }) =>
  new Promise((resolve) => {
    const heading = confirmDialog.querySelector("#confirm-title");
    const yes = confirmDialog.querySelector('[value="yes"]');
    heading.textContent = title || heading.dataset.usual;
    confirmDialog.querySelector("#confirm-text").textContent = text;
    yes.textContent = action || yes.dataset.usual;
    confirmDialog.returnValue = "no";
    confirmDialog.addEventListener("close", () => resolve(confirmDialog.returnValue === "yes"), { once: true });
    confirmDialog.showModal();
    confirmDialog.querySelector('[value="no"]').focus();
  });
const question = (element) => ({ text: element.dataset.confirm, title: element.dataset.confirmTitle, action: element.dataset.confirmAction });

const agreed = new WeakSet();
const sending = new WeakSet();

// In the capture phase: before htmx, which listens on the form itself.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const submitter = event.submitter;
  if (methodOf(form) === "dialog") return;
  const asking = submitter?.matches("[data-confirm]") ? submitter : form.matches("[data-confirm]") ? form : null;
  if (!asking || agreed.delete(form)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (await ask(question(asking))) {
    agreed.add(form);
    form.requestSubmit(submitter ?? undefined);
  }
}, true);

document.addEventListener("click", async (event) => {
  const link = event.target.closest?.("a[data-confirm]");
  if (!link) return;
  event.preventDefault();
  if (await ask(question(link))) location.assign(link.href);
});

document.addEventListener("htmx:confirm", async (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  if (!confirmDialog || !ctx.confirm) return;
  event.preventDefault();
  const source = ctx.sourceElement;
  if (await ask({ text: ctx.confirm, title: source.dataset.confirmTitle, action: source.dataset.confirmAction })) issueRequest();
  else dropRequest();
});

/* Signed out while writing (the session ran out or was ended elsewhere): sent now, the form would be answered by the sign-in page and all that was
   typed lost. So a guarded form, or one that only asks (data-asks: its words are kept otherwise), asks first once it was open for two minutes.
   After signing in again it takes the new token from its own page (data-page, where it stands at another address), if that still belongs to the
   same member in the same workspace. */
const OLD = 120_000;
const signedOut = document.getElementById("signed-out");
const asked = new WeakSet();
const owner = (page) => page.title + (page.querySelector(".side-foot strong")?.textContent ?? "");

const isWelcome = async (form) => {
  if (!signedOut.hidden) {
    const fresh = new DOMParser().parseFromString(await (await fetch(form.dataset.page ?? location.href)).text(), "text/html");
    const token = fresh.querySelector(".side-foot") && fresh.querySelector("[name=csrfmiddlewaretoken]");
    if (!token || owner(fresh) !== owner(document)) return false;
    form.elements.csrfmiddlewaretoken.value = token.value;
    return true;
  }
  const answer = await fetch("/search/palette/?q=", { redirect: "manual" });
  return answer.type !== "opaqueredirect" && answer.status !== 401;
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!signedOut || !form.matches("[data-guard], [data-asks]") || asked.delete(form) || (performance.now() < OLD && signedOut.hidden)) return;
  const submitter = event.submitter;
  event.preventDefault();
  event.stopImmediatePropagation();
  signedOut.hidden = await isWelcome(form).catch(() => true);
  if (!signedOut.hidden) return;
  asked.add(form);
  form.requestSubmit(submitter ?? undefined);
}, true);

// A part of the page that was asked for meanwhile would lead the whole page to the sign-in.
document.addEventListener("htmx:before:response", (event) => {
  if (!signedOut || changed.size === 0 || !event.detail.ctx.hx?.redirect?.startsWith("/accounts/login/")) return;
  event.preventDefault();
  signedOut.hidden = false;
});

/* One sending at a time: a second press on the button of a form that is under way does nothing. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || methodOf(form) !== "post") return;
  if (sending.has(form)) {
    event.preventDefault();
    return;
  }
  changed.delete(form);
  sending.add(form);
  event.submitter?.setAttribute("aria-busy", "true");
  // A file, another window and another application leave the page where it stands, and no event tells when they are there.
  if (event.submitter?.matches("[data-download]") || form.getAttribute("target") === "_blank") setTimeout(() => release(form, event.submitter), 2000);
});
const release = (form, button) => {
  sending.delete(form);
  button?.removeAttribute("aria-busy");
};
window.addEventListener("pageshow", () => {
  for (const form of document.forms) sending.delete(form);
  document.querySelectorAll("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
});
document.addEventListener("htmx:after:request", (event) => {
  const form = event.detail.ctx.request.form;
  if (form && event.detail.ctx.response?.status < 400) changed.delete(form);
});

/* A form that came back with faults: the first of them has the focus, so that it is seen and read out. */
document.querySelector("main [aria-invalid='true']")?.focus();

/* Figures: data-money shows 12,06,500 while it rests and plain digits while it is edited; the server gets plain digits. */
const plain = (text) => text.replace(/[,\s₹]/g, "");
const grouped = (text) => {
  const match = /^(-?)(\d+)(\.\d{0,2})?$/.exec(plain(text));
  if (!match) return text;
  const [, sign, whole, fraction = ""] = match;
  return sign + whole.replace(/(\d)(?=(\d\d)+\d$)/g, "$1,") + fraction;
};
const isMoney = (target) => target.matches?.("input[data-money]");

document.addEventListener("focusin", ({ target }) => {
  if (!isMoney(target) || plain(target.value) === target.value) return;
  target.value = plain(target.value);
  target.select(); // Tab had chosen all of it; without, what is typed would be added to the old figure
});
document.addEventListener("focusout", (event) => { if (isMoney(event.target)) event.target.value = grouped(event.target.value); });
document.addEventListener("formdata", (event) => {
  for (const field of event.target.querySelectorAll("input[data-money][name]")) {
    if (event.formData.has(field.name)) event.formData.set(field.name, plain(field.value));
  }
});
const groupAll = () => {
  for (const field of document.querySelectorAll("input[data-money]")) if (field !== document.activeElement) field.value = grouped(field.value);
};
groupAll();
document.addEventListener("htmx:after:swap", groupAll);

/* Days: a browser writes a date in its own order, 11/12/2026 for 12 November on many machines. Below the field stands the day as it is meant. */
const asWords = new Intl.DateTimeFormat(`${document.documentElement.lang}-IN-u-nu-latn`, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const readings = new WeakMap();
const readDay = (field) => {
  const day = new Date(field.value.slice(0, 10));
  const text = Number.isNaN(day.getTime()) ? "" : asWords.format(day);
  let reading = readings.get(field);
  if (!reading && text) {
    reading = document.createElement("output");
    reading.className = "date-reading";
    (field.closest(".row") ?? field).after(reading);
    readings.set(field, reading);
  }
  if (reading) reading.textContent = text;
};
const isDay = (target) => target.matches?.('input[type="date"], input[type="datetime-local"]');
const readAll = () => document.querySelectorAll('input[type="date"], input[type="datetime-local"]').forEach(readDay);
for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => { if (isDay(event.target)) readDay(event.target); });
readAll();
document.addEventListener("htmx:after:swap", readAll);

/* Copying: data-copy holds the text, data-copy-from names the element whose text or value is copied. */
document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
  await navigator.clipboard.writeText(source ? (source.value ?? source.textContent.trim()) : button.dataset.copy);
  document.dispatchEvent(new CustomEvent("amanat:toast", { detail: { text: words.copied, tone: "success" } }));
});

/* Passwords: data-reveals names the field that the button shows and hides. */
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-reveals]");
  const field = button && document.getElementById(button.dataset.reveals);
  if (!field) return;
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
});

/* Dropping files on a .drop that holds a file field. */
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const drop = event.target.closest?.(".drop");
    if (!drop) return;
    event.preventDefault();
    drop.classList.toggle("is-over", kind === "dragover");
    const field = drop.querySelector('input[type="file"]');
    if (kind === "drop" && field && event.dataTransfer.files.length) {
      field.files = event.dataTransfer.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  });
}
