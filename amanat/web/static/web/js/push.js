/* Notifications of this browser: asks the browser only when the button is pressed, and hands what it gives to the server in a plain form. */

const card = document.querySelector("[data-push]");
const form = card?.querySelector("form");
const show = (name) => { for (const part of card.querySelectorAll("[data-push-is]")) part.hidden = part.dataset.pushIs !== name; };

const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const isSame = (buffer, key) => buffer !== null && text(buffer) === key;

const subscribed = async (key) => {
  const worker = await navigator.serviceWorker.ready;
  const old = await worker.pushManager.getSubscription();
  if (old !== null && isSame(old.options.applicationServerKey, key)) return old;
  await old?.unsubscribe(); // made for another site key
  return worker.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
};

const switchOn = async () => {
  if (await Notification.requestPermission() !== "granted") return show(Notification.permission === "denied" ? "blocked" : "off");
  const given = await subscribed(card.dataset.push);
  form.elements.endpoint.value = given.endpoint;
  form.elements.public.value = text(given.getKey("p256dh"));
  form.elements.secret.value = text(given.getKey("auth"));
  form.submit();
};

if (card && form) {
  const isAble = isSecureContext && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
  const isApple = /iPhone|iPad/.test(navigator.userAgent);
  if (!isAble) show(isApple ? "install" : "unable");
  else if (Notification.permission === "denied") show("blocked");
  else show("off");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    switchOn().catch(() => show("failed")).finally(() => { button.disabled = false; });
  });
}
