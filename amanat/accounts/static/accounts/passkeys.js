/* Passkeys. A form with data-passkey asks the device when it is sent, writes the answer into its field `credential` and goes on:
   "make" makes a passkey, "use" proves one of the options on the page, "sign-in" fetches options for whoever sits here. */

const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const withBytes = (list) => list?.map((one) => ({ ...one, id: toBytes(one.id) }));

const make = async (form, options) => {
  const publicKey = { ...options.creation_options.publicKey };
  const alone = form.elements.passwordless?.checked ?? false;
  publicKey.challenge = toBytes(publicKey.challenge);
  publicKey.user = { ...publicKey.user, id: toBytes(publicKey.user.id) };
  publicKey.excludeCredentials = withBytes(publicKey.excludeCredentials);
  publicKey.authenticatorSelection = {
    ...publicKey.authenticatorSelection,
    residentKey: alone ? "required" : "discouraged",
    requireResidentKey: alone,
    ...(alone ? { userVerification: "required" } : {}),
  };
  const made = await navigator.credentials.create({ publicKey });
  return {
    id: made.id, rawId: toText(made.rawId), type: made.type, clientExtensionResults: made.getClientExtensionResults(),
    response: {
      clientDataJSON: toText(made.response.clientDataJSON), attestationObject: toText(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
};

const use = async (options) => {
  const publicKey = { ...options.request_options.publicKey };
  publicKey.challenge = toBytes(publicKey.challenge);
  publicKey.allowCredentials = withBytes(publicKey.allowCredentials);
  const used = await navigator.credentials.get({ publicKey });
  return {
    id: used.id, rawId: toText(used.rawId), type: used.type, clientExtensionResults: used.getClientExtensionResults(),
    response: {
      clientDataJSON: toText(used.response.clientDataJSON), authenticatorData: toText(used.response.authenticatorData),
      signature: toText(used.response.signature),
      userHandle: used.response.userHandle ? toText(used.response.userHandle) : null,
    },
  };
};

const optionsOf = async (form) => {
  if (form.dataset.passkey !== "sign-in") return JSON.parse(document.getElementById("passkey-options").textContent);
  const answer = await fetch(form.getAttribute("action"), { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`options: ${answer.status}`);
  return answer.json();
};

// In the capture phase: before the module that marks forms as sent.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-passkey]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const said = form.querySelector("[data-passkey-error]");
  said.hidden = true;
  try {
    const options = await optionsOf(form);
    const credential = form.dataset.passkey === "make" ? await make(form, options) : await use(options);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (problem) {
    console.info("passkey", problem.name, problem.message);
    said.textContent = form.dataset.failed;
    said.hidden = false;
  }
}, true);
