/* Forms: unsaved changes, one sending at a time, confirmation of what cannot be undone, figures the Indian way, copying, dropping files. */

const words = document.body.dataset;

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
  if (form.method === "dialog") return;
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

/* One sending at a time: a second press on the button of a form that is under way does nothing. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.target === "_blank") return;
  if (sending.has(form)) {
    event.preventDefault();
    return;
  }
  changed.delete(form);
  sending.add(form);
  event.submitter?.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) sending.delete(form);
  document.querySelectorAll("button[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
});
document.addEventListener("htmx:after:request", (event) => {
  const form = event.detail.ctx.request.form;
  if (form && event.detail.ctx.response?.status < 400) changed.delete(form);
});

/* Figures: data-money shows 12,06,500 while it rests and plain digits while it is edited; the server gets plain digits. */
const plain = (text) => text.replace(/[,\s₹]/g, "");
const grouped = (text) => {
  const match = /^(-?)(\d+)(\.\d{0,2})?$/.exec(plain(text));
  if (!match) return text;
  const [, sign, whole, fraction = ""] = match;
  return sign + whole.replace(/(\d)(?=(\d\d)+\d$)/g, "$1,") + fraction;
};
const isMoney = (target) => target.matches?.("input[data-money]");

document.addEventListener("focusin", (event) => { if (isMoney(event.target)) event.target.value = plain(event.target.value); });
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
