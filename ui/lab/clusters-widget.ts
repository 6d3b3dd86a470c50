/** The panel of IPython clusters as a widget of Jupyter, asking this user's own server. */

import { ServerConnection } from "@jupyterlab/services";
import type { ITranslator } from "@jupyterlab/translation";
import { Widget } from "@lumino/widgets";

import { type ClustersApi, overHttp } from "../clusters/api.js";
import { ClustersPanel } from "../clusters/panel.js";
import { translateTexts } from "../clusters/texts.js";
import { clustersIcon } from "./icons.js";
import { loadTexts, readLanguage } from "./language.js";

/** Longer than the server itself waits for the hub's answer. */
const LIMIT_MS = 100_000;

export class ClustersWidget extends Widget {
  private panel: ClustersPanel | null = null;

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly translator: ITranslator,
  ) {
    super();
    const trans = loadTexts(translator);
    this.id = "neuronhub-clusters";
    this.title.label = this.title.caption = trans.__("IPython Clusters");
    this.title.icon = clustersIcon;
    this.addClass("nh-lab-panel");
  }

  protected override onAfterAttach(): void {
    this.reveal();
  }

  protected override onAfterShow(): void {
    this.reveal();
  }

  protected override onBeforeHide(): void {
    this.panel?.turn(false);
  }

  protected override onBeforeDetach(): void {
    this.panel?.turn(false);
  }

  /** The server is asked only while somebody looks: a hidden tab costs nothing. */
  private reveal(): void {
    if (!this.isVisible) {
      return;
    }
    if (this.panel === null) {
      const trans = loadTexts(this.translator);
      const language = readLanguage(this.translator);
      const texts = translateTexts((english) => trans.__(english));
      this.panel = new ClustersPanel(this.node, ask(this.settings, language), texts, language);
    }
    this.panel.turn(true);
  }

  override dispose(): void {
    this.panel?.dispose();
    super.dispose();
  }
}

/** The server's sentences come in the language that Jupyter shows, whatever it was started in. */
function ask(settings: ServerConnection.ISettings, language: string): ClustersApi {
  const query = new URLSearchParams({ language: language.split("-")[0] ?? "" });
  return overHttp((method, path, body) =>
    ServerConnection.makeRequest(
      `${settings.baseUrl}${path}?${query}`,
      {
        method,
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(LIMIT_MS),
      },
      settings,
    ),
  );
}
