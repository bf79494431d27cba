/* Lists: j and k move, Enter opens, x ticks; ticked rows bring up the bulk bar; filters send themselves. */

const isTyping = (target) => target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable], dialog") != null;
const rowsOf = (list) => [...list.querySelectorAll("tbody tr:has(.row-link), li:has(.row-link)")];
const linkOf = (row) => row.querySelector(".row-link");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const list = document.querySelector("[data-list]");
  const rows = list ? rowsOf(list) : [];
  if (rows.length === 0) return;
  const place = rows.findIndex((row) => row.contains(document.activeElement));
  const step = { j: 1, k: -1 }[event.key];
  if (step) {
    event.preventDefault();
    const row = rows[place === -1 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(place + step, 0), rows.length - 1)];
    linkOf(row).focus();
    row.scrollIntoView({ block: "nearest" });
  } else if (event.key === "x" && place !== -1) {
    const tick = rows[place].querySelector(".tick input");
    if (!tick) return;
    event.preventDefault();
    tick.click();
  }
});

/* Ticks. <form data-selects> holds the table; [data-select-all] ticks the page; [data-bulk] shows while rows are ticked.
   The bulk bar's buttons belong to the same form, so the server gets the ids without scripts too. */
const ticks = (form) => [...form.querySelectorAll(".tick input[name]")];
let lastTick = null;

const showSelection = (form) => {
  const all = ticks(form);
  const chosen = all.filter((tick) => tick.checked).length;
  const head = form.querySelector("[data-select-all]");
  if (head) {
    head.checked = chosen > 0 && chosen === all.length;
    head.indeterminate = chosen > 0 && chosen < all.length;
  }
  const bar = form.querySelector("[data-bulk]");
  if (!bar) return;
  bar.hidden = chosen === 0;
  bar.querySelectorAll("[data-bulk-count]").forEach((place) => { place.textContent = String(chosen); });
  const everything = bar.querySelector("[data-select-matching]");
  if (everything && chosen < all.length) everything.querySelector("input").checked = false;
  if (everything) everything.hidden = chosen < all.length;
};

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-selects]");
  if (!form) return;
  if (event.target.matches("[data-select-all]")) for (const tick of ticks(form)) tick.checked = event.target.checked;
  showSelection(form);
});

document.addEventListener("click", (event) => {
  const tick = event.target.closest?.(".tick input[name]");
  const form = event.target.closest?.("[data-selects]");
  if (tick && form) {
    const all = ticks(form);
    if (event.shiftKey && lastTick && all.includes(lastTick)) {
      const [from, to] = [all.indexOf(lastTick), all.indexOf(tick)].sort((a, b) => a - b);
      for (const between of all.slice(from, to + 1)) between.checked = tick.checked;
      showSelection(form);
    }
    lastTick = tick;
  }
  if (event.target.closest?.("[data-bulk-clear]") && form) {
    for (const each of ticks(form)) each.checked = false;
    showSelection(form);
  }
});

/* Enter in a field of the bulk bar presses the button beside it, not the first one of the form. */
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || !event.target.matches?.("[data-selects] .menu :is(input:not([type=checkbox]), select)")) return;
  event.preventDefault();
  event.target.closest("details, .menu").querySelector("button:not([type=button])")?.click();
});

const showAll = () => document.querySelectorAll("[data-selects]").forEach(showSelection);
document.addEventListener("htmx:after:swap", showAll);
window.addEventListener("pageshow", showAll);

/* Filters: <form data-auto-submit> is sent when a choice changes, and a moment after typing in a search field. */
let typing;
document.addEventListener("change", (event) => {
  const form = event.target.form;
  if (form?.matches("[data-auto-submit]") && event.target.type !== "search") form.requestSubmit();
});
document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.matches("[data-auto-submit]") || event.target.type !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(() => form.requestSubmit(), 300);
});
