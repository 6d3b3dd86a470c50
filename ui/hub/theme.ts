/** On JupyterHub's own Bootstrap pages: follow the system's light or dark as our pages do. */

const dark = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
}

apply();
dark.addEventListener("change", apply);
