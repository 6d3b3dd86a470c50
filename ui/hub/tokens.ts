/** The token page: makes a token and shows it once, revokes others. */

import { call } from "./api.js";
import { element, type PageData, readPageData, say, write } from "./page.js";
import { localiseTimes } from "./times.js";

interface TokenPage extends PageData {
  user: string;
}

const page = readPageData() as TokenPage;
const tokens = `users/${encodeURIComponent(page.user)}/tokens`;

async function make(): Promise<void> {
  const scopes = element("token-scopes", HTMLInputElement).value.split(/[\s,]+/).filter((scope) => scope !== "");
  const lifetime = element("token-expiration-seconds", HTMLSelectElement).value;
  const request = {
    note: element("token-note", HTMLInputElement).value || say(page, "default_note"),
    expires_in: lifetime === "" ? null : Number(lifetime),
    ...(scopes.length > 0 ? { scopes } : {}),
  };
  const answer = (await call(page, "POST", tokens, request)) as { token: string };
  write(element("token-result"), answer.token);
  element("token-area").hidden = false;
  element("token-result").focus();
  write(element("token-status"), say(page, "made"));
}

async function revoke(row: HTMLElement): Promise<void> {
  await call(page, "DELETE", `${tokens}/${encodeURIComponent(row.dataset.tokenId ?? "")}`);
  row.remove();
  write(element("token-status"), say(page, "revoked"));
}

/** One request at a time per button; what goes wrong is told. */
async function once(button: HTMLElement, work: () => Promise<void>): Promise<void> {
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    write(element("token-status"), say(page, "failed", { cause }));
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

element("request-token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  void once(element("request-token"), make);
});
for (const button of document.querySelectorAll<HTMLElement>("[data-revoke]")) {
  const row = button.closest("tr");
  if (row !== null) {
    button.addEventListener("click", () => void once(button, () => revoke(row)));
  }
}
localiseTimes();
