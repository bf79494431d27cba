/* The service worker. Served by views.service_worker, which puts the line `const choices = {...}` before this text.
   It keeps static files and the offline page, and nothing else: no page, no answer of the API, no file of a person ever enters a cache.
   It shows notifications that were pushed, and opens what they are about. */

const NAME = `amanat-${choices.version}`;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(NAME).then((cache) =>
      Promise.all([
        cache.addAll(choices.kept),
        // Without cookies: the copy on the device is the one a stranger would see.
        fetch(choices.offline, { credentials: "omit", cache: "reload" }).then((answer) =>
          answer.ok ? cache.put(choices.offline, answer) : undefined,
        ),
      ]),
    ),
  );
});

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("amanat-") && name !== NAME).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

/** A kept static file first, then the network. Only files of this release are kept, so nothing grows old here. */
const fromCache = async (request) => (await caches.match(request)) ?? fetch(request);

/** The network only; the offline page when there is none. */
const page = async (request) => {
  try {
    return await fetch(request);
  } catch (failure) {
    const kept = await caches.match(choices.offline);
    if (kept) return kept;
    throw failure;
  }
};

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const address = new URL(request.url);
  if (request.method !== "GET" || address.origin !== self.location.origin) return;
  if (request.mode === "navigate") event.respondWith(page(request));
  else if (choices.kept.includes(address.pathname)) event.respondWith(fromCache(request));
});

/* --- notifications ---
   A push says that something waits and where; it names nobody. What it shows was written by our server and sealed for this browser. */

/** An address of this site, or the inbox. */
const placeOf = (url) => {
  const address = new URL(typeof url === "string" ? url : choices.inbox, self.location.origin);
  return address.origin === self.location.origin ? address : new URL(choices.inbox, self.location.origin);
};

const windows = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });
const isInbox = (client) => new URL(client.url).pathname.startsWith(choices.inbox);

const told = async (data) => {
  let news = {};
  try {
    news = data?.json() ?? {};
  } catch {
    // Not ours to read: that something came is still said, as browsers demand.
  }
  // Who looks at the inbox sees it there.
  if ((await windows()).some((client) => client.focused && isInbox(client))) return;
  await self.registration.showNotification(news.title || "Amanat", {
    body: news.body ?? "",
    tag: news.tag ?? "amanat",
    renotify: true,
    lang: news.lang ?? "",
    icon: choices.icon,
    badge: choices.icon,
    data: { url: placeOf(news.url).href },
  });
};

/** The conversation in a window that is open already, or in a new one; who is signed out is asked to sign in first. */
const opened = async (url) => {
  const address = placeOf(url).href;
  const found = (await windows()).find(isInbox); // another page may hold something half written
  if (found) {
    try {
      return await (await found.navigate(address))?.focus();
    } catch {
      // A window this worker does not control yet cannot be led anywhere.
    }
  }
  return self.clients.openWindow(address);
};

self.addEventListener("push", (event) => event.waitUntil(told(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(opened(event.notification.data?.url));
});
