// Asks a security key for what a button says, and sends what it answers with the button's form.
// Web Authentication, level 3: binary values travel as base64url.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));

const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const withIds = (list) => (list || []).map((one) => ({ ...one, id: toBytes(one.id) }));

async function create(options) {
  const made = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      user: { ...options.user, id: toBytes(options.user.id) },
      excludeCredentials: withIds(options.excludeCredentials),
    },
  });
  return {
    id: made.id,
    rawId: toText(made.rawId),
    type: made.type,
    response: {
      attestationObject: toText(made.response.attestationObject),
      clientDataJSON: toText(made.response.clientDataJSON),
      transports: made.response.getTransports ? made.response.getTransports() : [],
    },
  };
}

async function get(options) {
  const shown = await navigator.credentials.get({
    publicKey: {
      ...options,
      challenge: toBytes(options.challenge),
      allowCredentials: withIds(options.allowCredentials),
    },
  });
  const { authenticatorData, clientDataJSON, signature, userHandle } = shown.response;
  return {
    id: shown.id,
    rawId: toText(shown.rawId),
    type: shown.type,
    response: {
      authenticatorData: toText(authenticatorData),
      clientDataJSON: toText(clientDataJSON),
      signature: toText(signature),
      userHandle: userHandle && userHandle.byteLength ? toText(userHandle) : null,
    },
  };
}

const words = (error) => {
  switch (error.name) {
    case "NotAllowedError":
      return "Nothing came of it: it was cancelled, took too long, or no key fits.";
    case "InvalidStateError":
      return "This key is registered already.";
    case "SecurityError":
      return "Keys cannot be used at this address. Open the page by the cluster's own name.";
    default:
      return `The key could not be used (${error.name}).`;
  }
};

function say(button, text) {
  const place = document.getElementById(button.dataset.says);
  place.textContent = text;
  place.hidden = !text;
}

// Whether what must be typed before the key is asked is there.
const isFilled = (form) =>
  [...form.querySelectorAll("[data-before-key]")].every((input) => input.reportValidity());

async function ask(button) {
  const form = button.form;
  if (!isFilled(form)) return;
  say(button, "");
  button.disabled = true;
  try {
    const options = JSON.parse(button.dataset.options);
    const answer = button.dataset.key === "create" ? await create(options) : await get(options);
    form.elements.namedItem("key").value = JSON.stringify(answer);
    // Not requestSubmit: what stands for another way of doing it may stay empty.
    form.submit();
  } catch (error) {
    say(button, words(error));
    button.disabled = false;
    button.focus();
  }
}

for (const button of document.querySelectorAll("button[data-key]")) {
  if (window.PublicKeyCredential) {
    button.addEventListener("click", () => ask(button));
  } else {
    button.disabled = true;
    say(button, "This browser cannot use security keys.");
  }
}
