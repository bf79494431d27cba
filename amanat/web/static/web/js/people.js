/* Forms of contacts: another row for numbers and addresses, names of companies while typing, the chosen file of a note. */

for (const button of document.querySelectorAll("[data-add-row]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const rows = [...button.parentElement.querySelectorAll("[data-row]")];
    const last = rows.at(-1);
    const row = last.cloneNode(true);
    row.querySelectorAll("input").forEach((field) => {
      field.value = "";
      field.removeAttribute("autofocus");
      field.removeAttribute("aria-invalid");
    });
    row.querySelectorAll(".field-error").forEach((message) => message.remove());
    last.after(row);
    window.htmx?.process(row);
    row.querySelector("input:not([type=hidden])").focus();
  });
}

/* A short note is sent with Ctrl Enter; the field grows with its text. */
for (const form of document.querySelectorAll("[data-composer]")) {
  const text = form.querySelector("textarea");
  const file = form.querySelector('input[type="file"]');
  const grow = () => {
    text.style.blockSize = "auto";
    text.style.blockSize = `${Math.min(text.scrollHeight, 320)}px`;
  };
  text.addEventListener("input", grow);
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  file.addEventListener("change", () => {
    form.querySelector("[data-file-name]").textContent = file.files[0]?.name ?? "";
  });
}
