/* The inbox lives: what happens in the workspace is heard by server-sent events, else asked for every few seconds. Drafts are kept while
   one types, "/" brings ready replies, an SMS counts its parts, and what is looked at is marked as read. Without all this the page works. */

const inbox = document.querySelector("[data-inbox]");
const list = inbox?.querySelector("[data-inbox-list]");
const lines = inbox?.querySelector("[data-inbox-lines]");
const thread = inbox?.dataset.thread ?? "";
const token = document.querySelector("input[name=csrfmiddlewaretoken]")?.value ?? "";
const workspace = document.querySelector("input[name=in_workspace]")?.value ?? "";
const PULSE = 900; // without events of the server: a look at one key
const POLL = 15000; // and a look at everything
const AGAIN = 20000; // after which a refused stream is asked for again

const send = (url, fields = {}) => fetch(url, {
  method: "POST",
  headers: { "X-CSRFToken": token, "X-Workspace": workspace, "X-Inbox": "1" },
  body: new URLSearchParams(fields),
  keepalive: true,
}).catch(() => null);

const withPart = (url, part) => { const address = new URL(url, location.href); address.hash = ""; address.searchParams.set("part", part); return address; };

/* A picture is fetched when somebody wants to see it, for who opened what is written down. */
const turn = (button) => {
  const line = button.closest("p");
  const isOpen = button.getAttribute("aria-expanded") === "true";
  button.setAttribute("aria-expanded", String(!isOpen));
  const word = button.firstElementChild;
  [word.textContent, button.dataset.other] = [button.dataset.other, word.textContent];
  if (isOpen) line.nextElementSibling?.remove();
  else line.after(Object.assign(new Image(), { className: "bubble-picture", src: button.dataset.inboxPicture, alt: line.querySelector("bdi").textContent }));
};
lines?.addEventListener("click", (event) => { const button = event.target.closest("[data-inbox-picture]"); if (button) turn(button); });

const drawn = new WeakMap(); // what each place shows, so that the same is not drawn again
const renew = async (place, url) => {
  const answer = await fetch(url, { headers: { "X-Inbox": "1" } }).catch(() => null);
  if (!answer?.ok || answer.redirected) return false;
  const text = await answer.text();
  if (drawn.get(place) === text) return false;
  drawn.set(place, text);
  const parsed = new DOMParser().parseFromString(text, "text/html");
  const begun = new Map([...place.querySelectorAll("audio, video")].filter((each) => each.played.length > 0).map((each) => [each.src, each]));
  const open = [...place.querySelectorAll("[data-inbox-picture][aria-expanded=true]")].map((each) => each.dataset.inboxPicture);
  place.replaceChildren(...parsed.body.childNodes);
  for (const each of place.querySelectorAll("[data-inbox-picture]")) if (open.includes(each.dataset.inboxPicture)) turn(each);
  // What is being listened to goes on: a player that is back within the same task was never away.
  for (const fresh of place.querySelectorAll("audio, video")) if (begun.has(fresh.src)) fresh.replaceWith(begun.get(fresh.src));
  return true;
};

/* --- the newest stands below --- */
const toEnd = () => { if (lines && !location.hash.startsWith("#m-")) lines.scrollTop = lines.scrollHeight; };
const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 80;
toEnd();

const markRead = () => { if (inbox.dataset.read && document.visibilityState === "visible" && list?.querySelector("[aria-current] .count-now")) send(inbox.dataset.read); };

const showList = async () => {
  if (!list || list.querySelector(".inbox-more:popover-open") || list.contains(document.activeElement) && document.activeElement.matches("input")) return;
  const focused = document.activeElement?.closest?.("[data-inbox-list] a")?.getAttribute("href");
  const url = withPart(`${inbox.dataset.list}${inbox.dataset.query}`, "list");
  const scroll = list.querySelector(".inbox-lines")?.scrollTop ?? 0;
  if (await renew(list, url)) {
    for (const link of list.querySelectorAll(".row-link")) if (thread && link.pathname.includes(thread)) link.setAttribute("aria-current", "page");
    if (list.querySelector(".inbox-lines")) list.querySelector(".inbox-lines").scrollTop = scroll;
    if (focused) list.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
  }
  showBadge();
};

const showLines = async () => {
  if (!lines || !thread || lines.querySelector(".bubble-palette:popover-open")) return;
  const before = new URLSearchParams(location.search).get("before") ?? ""; // an older part stays the one it is
  const wasAtEnd = !before && isAtEnd();
  const url = withPart(`${inbox.dataset.url}${inbox.dataset.query}`, "lines");
  if (before) url.searchParams.set("before", before);
  if (await renew(lines, url) && wasAtEnd) toEnd();
  showWriting();
};

/* Who else writes here, until nothing more was typed for a while. */
const writing = inbox?.querySelector("[data-inbox-writing]");
let stillWriting = 0;
const showWriting = () => {
  const now = lines.querySelector("[data-inbox-now]");
  if (writing && now && writing.textContent !== now.textContent) writing.textContent = now.textContent;
  clearTimeout(stillWriting);
  if (writing?.textContent.trim()) stillWriting = setTimeout(showLines, 1000 * writing.dataset.inboxWriting + 500);
};

/* A reaction goes without leaving the page; what is refused is sent once more as a plain form, whose answer says why. */
const reactions = inbox?.querySelector("[data-inbox-react]");
let isPlain = false;
reactions?.addEventListener("submit", async (event) => {
  const button = event.submitter;
  const palette = button?.closest("[popover]");
  if (!palette || isPlain) return;
  event.preventDefault();
  const answer = await send(button.formAction, { emoji: button.value });
  if (answer?.status !== 204) {
    isPlain = true;
    reactions.requestSubmit(button);
    return;
  }
  palette.hidePopover();
  await showLines();
  lines.querySelector(`[popovertarget="${CSS.escape(palette.id)}"]`)?.focus();
});

/* The figure in the sidebar and in the bottom bar. */
const showBadge = () => {
  const count = list.querySelector("[data-inbox-unread]")?.dataset.inboxUnread;
  if (count === undefined) return;
  document.dispatchEvent(new CustomEvent("amanat:badge", { detail: { url: inbox.dataset.pulse, text: count } }));
};

let waiting = 0;
const look = (id) => {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    if (!id || id === thread) await showLines();
    await showList();
    markRead();
  }, 60);
};

/* --- news --- */
if (inbox) {
  markRead();
  if (writing?.textContent.trim()) stillWriting = setTimeout(showLines, 1000 * writing.dataset.inboxWriting + 500);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") look(""); });
  let poll = [];
  let newest = "";
  const ask = async () => {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(inbox.dataset.pulse).catch(() => null);
    const pulse = answer?.ok && !answer.redirected ? (await answer.json()).newest : newest;
    if (newest && pulse !== newest) look("");
    newest = pulse;
  };
  const pollOn = () => { if (!poll.length) { poll = [setInterval(ask, PULSE), setInterval(() => look(""), POLL)]; ask(); } };
  const pollOff = () => { poll.forEach(clearInterval); poll = []; newest = ""; look(""); }; // what was said while nobody listened
  const listen = () => {
    const events = new EventSource(inbox.dataset.live, { withCredentials: true });
    events.addEventListener("open", () => { if (poll.length) pollOff(); });
    events.addEventListener("messaging.thread", (event) => look(event.data));
    events.addEventListener("messaging.draft", (event) => { if (event.data === thread) look(event.data); });
    events.addEventListener("error", () => {
      pollOn();
      if (events.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN); // refused: the browser itself tries no more
    });
  };
  listen();
}

/* --- drafts, ready replies, counting --- */
const form = inbox?.querySelector("[data-inbox-form]");
const text = form?.querySelector("textarea");
const isReply = form?.hasAttribute("data-inbox-reply");
if (form && text) {
  const unsaid = ["csrfmiddlewaretoken", "in_workspace", "once_key", "seen", "attached"];
  const written = () => new URLSearchParams([...new FormData(form)].filter(([name, value]) => typeof value === "string" && !unsaid.includes(name))).toString();
  let kept = form.hasAttribute("data-refused") ? "" : written(); // what came back refused may never have been kept
  let timer = 0;
  const keep = async () => {
    if (!isReply || !inbox.dataset.draft || written() === kept) return;
    const sent = kept = written();
    const answer = await send(inbox.dataset.draft, sent);
    if (answer?.ok && !answer.redirected) return;
    if (kept === sent) kept = ""; // not kept: with the next letter it is tried again
    if (answer?.redirected || answer?.status === 403) document.getElementById("signed-out").hidden = false;
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(keep, 800); });
  form.addEventListener("submit", () => { kept = written(); clearTimeout(timer); });
  addEventListener("pagehide", keep);

  const output = form.querySelector("[data-inbox-count]");
  const count = () => {
    if (!output) return;
    const length = [...text.value].length;
    const most = Number(form.dataset.most);
    output.classList.toggle("warn", length > most);
    if (form.dataset.channel !== "sms") {
      output.textContent = length > most * 0.95 ? `${length} / ${most} ${output.dataset.one}` : "";
      return;
    }
    const plain = /^[\n\r -~£¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΔΦΓΛΩΠΨΣΘΞ€¡]*$/.test(text.value);
    const one = plain ? 160 : 70;
    const more = plain ? 153 : 67;
    const parts = length <= one ? 1 : Math.ceil(length / more);
    output.textContent = length === 0 ? "" : `${length} ${output.dataset.one} · ${parts} ${output.dataset.parts}`;
  };
  form.addEventListener("input", count);
  count();

  /* What can be tapped: who presses a kind types at once, and Enter goes on to the next line instead of sending. */
  const offer = (input) => [...form.querySelectorAll(".inbox-offer input")].filter((each) => each.checkVisibility() && (!input || each === input || each.compareDocumentPosition(input) & Node.DOCUMENT_POSITION_PRECEDING));
  for (const kind of form.querySelectorAll(".inbox-kind input")) kind.addEventListener("click", (event) => { if (event.detail > 0) (offer()[0] ?? text).focus(); });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !event.target.matches(".inbox-offer input")) return;
    event.preventDefault();
    if (event.ctrlKey || event.metaKey) form.requestSubmit(form.querySelector(".button-primary"));
    else offer(event.target).at(1)?.focus();
  });

  const files = form.querySelector("[data-inbox-files]");
  files?.addEventListener("change", () => { form.querySelector("[data-inbox-names]").textContent = [...files.files].map((file) => file.name).join(", "); });

  const canned = inbox.querySelector("[data-inbox-canned]");
  const choices = () => [...(canned?.querySelectorAll("[data-canned]") ?? [])];
  const take = (choice) => {
    text.value = text.value.replace(/(^|\s)\/\S*$/, "$1") + choice.dataset.canned;
    canned.hidePopover();
    text.focus();
    form.dispatchEvent(new Event("input"));
  };
  canned?.addEventListener("click", (event) => { const choice = event.target.closest("[data-canned]"); if (choice) take(choice); });
  text.addEventListener("input", () => {
    if (!canned) return;
    const typed = /(?:^|\s)\/(\S*)$/.exec(text.value.slice(0, text.selectionStart));
    for (const choice of choices()) choice.hidden = typed != null && !choice.dataset.shortcut.startsWith(typed[1].toLowerCase());
    const some = typed != null && choices().some((choice) => !choice.hidden);
    if (some && !canned.matches(":popover-open")) canned.showPopover({ source: form.querySelector("[popovertarget=inbox-canned]") }); // by which it is placed
    if (!some && canned.matches(":popover-open")) canned.hidePopover();
  });
  text.addEventListener("keydown", (event) => {
    const open = canned?.matches(":popover-open");
    if (open && (event.key === "Enter" || event.key === "Tab")) {
      event.preventDefault();
      take(choices().find((choice) => !choice.hidden));
    } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

/* --- templates: what is chosen fills them at once, what is typed stands in the preview --- */
inbox?.querySelector("[data-inbox-about] select")?.addEventListener("change", (event) => event.target.form.requestSubmit());
for (const pick of inbox?.querySelectorAll("[data-inbox-pick]") ?? []) {
  pick.addEventListener("input", (event) => {
    for (const place of pick.querySelectorAll(`[data-value="${CSS.escape(event.target.getAttribute("name") ?? "")}"]`)) place.textContent = event.target.value.trim() || "…";
  });
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "r" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
  if (text) { event.preventDefault(); text.focus(); }
});
