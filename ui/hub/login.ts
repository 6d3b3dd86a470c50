/** The login page: errors are met first, the password can be looked at, the form is sent once. */

import { element, sendOnce } from "./page.js";

function offerPassword(): void {
  const button = element("show-password", HTMLButtonElement);
  const field = element("password_input", HTMLInputElement);
  button.addEventListener("click", () => {
    const shown = field.type === "text";
    field.type = shown ? "password" : "text";
    button.setAttribute("aria-pressed", String(!shown));
  });
}

const form = document.getElementById("login-form");
if (form instanceof HTMLFormElement) {
  offerPassword();
  sendOnce(form, element("login_submit", HTMLButtonElement));
  element("insecure-warning").hidden = isSecureContext;
  document.getElementById("login-error")?.focus();
}
