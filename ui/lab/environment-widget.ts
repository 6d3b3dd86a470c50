/** The notebook environment's panel as a widget of Jupyter, asking this user's own server. */

import { ServerConnection } from "@jupyterlab/services";
import type { ITranslator } from "@jupyterlab/translation";
import { Widget } from "@lumino/widgets";

import { type EnvironmentApi, overHttp } from "../environment/api.js";
import { type EnvironmentPanel, mountEnvironmentPanel } from "../environment/panel.js";
import { translateTexts } from "../environment/texts.js";
import { environmentIcon } from "./icons.js";
import { loadTexts, readLanguage } from "./language.js";

const PATH = "neuronhub/environment";
/** Longer than the server itself waits for the environment's answer. */
const LIMIT_MS = 70_000;

export class EnvironmentWidget extends Widget {
  private panel: EnvironmentPanel | null = null;

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly translator: ITranslator,
  ) {
    super();
    const trans = loadTexts(translator);
    this.id = "neuronhub-environment";
    this.title.label = trans.__("Environment");
    this.title.caption = trans.__("Notebook environment");
    this.title.icon = environmentIcon;
    this.addClass("nh-lab-panel");
  }

  protected override onAfterAttach(): void {
    this.reveal();
  }

  protected override onAfterShow(): void {
    this.reveal();
  }

  /** The server is asked only while somebody looks: a hidden tab costs nothing. */
  private reveal(): void {
    if (!this.isVisible) {
      return;
    }
    if (this.panel !== null) {
      void this.panel.refresh();
      return;
    }
    const language = readLanguage(this.translator);
    const trans = loadTexts(this.translator);
    const texts = translateTexts((english) => trans.__(english));
    this.panel = mountEnvironmentPanel(this.node, ask(this.settings, language), texts, language);
  }

  override dispose(): void {
    this.panel?.dispose();
    super.dispose();
  }
}

/** The server's sentences come in the language that Jupyter shows, whatever it was started in. */
function ask(settings: ServerConnection.ISettings, language: string): EnvironmentApi {
  const query = new URLSearchParams({ language: language.split("-")[0] ?? "" });
  return overHttp((method, path, body) =>
    ServerConnection.makeRequest(
      `${settings.baseUrl}${PATH}${path}?${query}`,
      {
        method,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(LIMIT_MS),
      },
      settings,
    ),
  );
}
