/** The TensorBoards of this user's server, known to all of NeuronHub's plugins. */

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ServerConnection } from "@jupyterlab/services";
import { ITranslator } from "@jupyterlab/translation";
import { Token } from "@lumino/coreutils";
import { type ISignal, Signal } from "@lumino/signaling";

import { OddAnswer, parseAnswer, readText } from "../environment/answers.js";
import { readLanguage } from "./language.js";

const PATH = "neuronhub/tensorboards";
/** Longer than the server itself waits for a TensorBoard. */
const LIMIT_MS = 70_000;

/** One that runs. */
export interface Board {
  readonly id: string;
  /** Below the workspace; '' is the workspace itself. */
  readonly folder: string;
  readonly url: string;
}

export const IBoards = new Token<Boards>("@neuronhub/lab:IBoards", "The TensorBoards of this user's server.");

export class Boards {
  private boards: readonly Board[] = [];
  private readonly _changed = new Signal<this, void>(this);

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly language: string,
  ) {}

  /** Those that ran when the server was asked last. */
  get list(): readonly Board[] {
    return this.boards;
  }

  /** The server has been asked. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Ask the server which there are. Throws Refused, OddAnswer or TypeError, as the others do. */
  async refresh(): Promise<void> {
    const boards: unknown = JSON.parse(await this.ask("GET", ""));
    if (!Array.isArray(boards)) {
      throw new OddAnswer();
    }
    this.boards = boards as Board[];
    this._changed.emit();
  }

  /** The one of `folder`, started now if there is none. */
  async ensure(folder: string): Promise<Board> {
    const board = parseAnswer<Board>(await this.ask("POST", "", { folder }), "url");
    await this.refresh();
    return board;
  }

  /** Shut these down. */
  async stop(...boards: readonly Board[]): Promise<void> {
    try {
      await Promise.all(boards.map(({ id }) => this.ask("DELETE", `/${id}`)));
    } finally {
      await this.refresh();
    }
  }

  private async ask(method: string, path: string, body?: object): Promise<string> {
    const query = new URLSearchParams({ language: this.language.split("-")[0] ?? "" });
    const init = {
      method,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(LIMIT_MS),
    };
    const url = `${this.settings.baseUrl}${PATH}${path}?${query}`;
    return readText(await ServerConnection.makeRequest(url, init, this.settings));
  }
}

const boards: JupyterFrontEndPlugin<Boards> = {
  id: "@neuronhub/lab:boards",
  description: "Knows the TensorBoards of this user's server.",
  requires: [ITranslator],
  provides: IBoards,
  activate: (app: JupyterFrontEnd, translator: ITranslator): Boards =>
    new Boards(app.serviceManager.serverSettings, readLanguage(translator)),
};

export default boards;
