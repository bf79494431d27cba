/* The counter's form: the picker of people, and the fee that follows the chosen service. Without scripts the form works too. */

const form = document.querySelector("[data-counter]");
const picker = form?.querySelector("[data-picker]");

if (picker) {
  const field = picker.querySelector('input[type="text"]');
  const list = picker.querySelector('[role="listbox"]');
  const contact = form.elements.namedItem("contact");
  const company = form.elements.namedItem("company");
  const newPerson = form.querySelector("[data-new-person]");
  const next = form.elements.namedItem("service") ?? form.elements.namedItem("subject");
  const hiddenOf = (control) => (control instanceof RadioNodeList ? control[0] : control);
  let waiting;
  let asked = 0;

  field.setAttribute("role", "combobox");
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-controls", list.id);
  field.setAttribute("aria-autocomplete", "list");

  const options = () => [...list.querySelectorAll('[role="option"]')];
  const current = () => list.querySelector('[aria-selected="true"]');
  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const mark = (option) => {
    current()?.setAttribute("aria-selected", "false");
    if (!option) return;
    option.setAttribute("aria-selected", "true");
    option.id ||= `person-${options().indexOf(option)}`;
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const forget = () => {
    hiddenOf(contact).value = "";
    hiddenOf(company).value = "";
    picker.classList.remove("is-chosen");
  };

  const choose = (option) => {
    forget();
    if (option.dataset.kind === "new" && !newPerson) {
      field.focus(); // a form that only chooses among the people there are
    } else if (option.dataset.kind === "new") {
      newPerson.classList.remove("is-closed");
      const name = newPerson.querySelector('[name="new_name"]');
      const phone = newPerson.querySelector('[name="new_phone"]');
      name.value = option.dataset.name;
      phone.value = option.dataset.phone;
      (name.value ? phone.value ? next : phone : name).focus();
    } else {
      hiddenOf(option.dataset.kind === "contact" ? contact : company).value = option.dataset.id;
      field.value = option.dataset.text;
      picker.classList.add("is-chosen");
      for (const each of newPerson?.querySelectorAll("input") ?? []) each.value = "";
      newPerson?.classList.add("is-closed");
      next?.focus();
    }
    close();
  };

  const ask = async () => {
    const text = field.value.trim();
    if (!text) return close();
    const mine = ++asked;
    const answer = await fetch(`${picker.dataset.picker}?q=${encodeURIComponent(text)}`, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (mine !== asked || !answer?.ok) return;
    list.innerHTML = await answer.text();
    list.hidden = options().length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
    mark(options()[0]);
  };

  field.addEventListener("input", () => {
    forget();
    clearTimeout(waiting);
    waiting = setTimeout(ask, 120);
  });
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const all = options();
    if (step && all.length && !list.hidden) {
      event.preventDefault();
      mark(all[(all.indexOf(current()) + step + all.length) % all.length]);
    } else if ((event.key === "Enter" || event.key === "Tab") && !list.hidden && current() && !event.isComposing && !event.shiftKey) {
      event.preventDefault();
      choose(current());
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  list.addEventListener("pointerdown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest('[role="option"]');
    if (option) choose(option);
  });
  field.addEventListener("blur", close);
}

if (form?.elements.namedItem("fee")) {
  const service = form.elements.namedItem("service");
  const fee = form.elements.namedItem("fee");
  const quantity = form.elements.namedItem("quantity");
  const own = form.querySelector("[data-own-title]");
  let typed = fee.value !== "";
  fee.addEventListener("input", () => { typed = fee.value !== ""; });
  const follow = () => {
    const chosen = service.selectedOptions[0];
    own.classList.toggle("is-closed", service.value !== "");
    if (typed || chosen?.dataset.fee === undefined) return;
    const paise = Number(chosen.dataset.fee) * Math.max(Number(quantity.value) || 1, 1);
    fee.value = paise % 100 ? (paise / 100).toFixed(2) : String(paise / 100);
  };
  service.addEventListener("change", follow);
  quantity.addEventListener("change", follow);
  follow();
}
