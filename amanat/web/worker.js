/* The service worker. Served by views.service_worker, which puts the line `const choices = {...}` before this text.
   It keeps static files and the offline page, and nothing else: no page, no answer of the API, no file of a person ever enters a cache. */

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
