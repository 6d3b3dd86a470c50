/** One folder's TensorBoard in a tab of Lab: starting, shown, or why it is not there. */

import type { TranslationBundle } from "@jupyterlab/translation";
import { IFrame } from "@jupyterlab/ui-components";
import { PanelLayout, Widget } from "@lumino/widgets";

import { make } from "../environment/dom.js";
import { nameFolder } from "./board-folders.js";
import { describeStart, explainFailure, nameWorkspace, TENSORBOARD } from "./board-texts.js";
import type { Board, Boards } from "./boards.js";
import { tensorBoardIcon } from "./icons.js";

export class BoardWidget extends Widget {
  private readonly content = new PanelLayout();
  private board: Board | null = null;
  private starting = false;

  /** Say so when the one shown has been shut down elsewhere. */
  private readonly follow = (): void => {
    const board = this.board;
    if (board !== null && !this.boards.list.some(({ id }) => id === board.id)) {
      this.board = null;
      this.say("status", this.trans.__("This TensorBoard has been shut down."), this.trans.__("Start again"));
    }
  };

  constructor(
    readonly folder: string,
    private readonly boards: Boards,
    private readonly trans: TranslationBundle,
  ) {
    super();
    this.layout = this.content;
    this.addClass("nh-board");
    this.title.label = nameFolder(folder, nameWorkspace(trans));
    this.title.caption = `${TENSORBOARD}: /${folder}`;
    this.title.icon = tensorBoardIcon;
    boards.changed.connect(this.follow);
  }

  override dispose(): void {
    this.boards.changed.disconnect(this.follow);
    super.dispose();
  }

  /** Show the folder's TensorBoard, started now if need be. */
  async start(): Promise<void> {
    if (this.starting || this.board !== null) {
      return;
    }
    this.starting = true;
    this.say("status", describeStart(this.trans));
    try {
      const board = await this.boards.ensure(this.folder);
      if (!this.isDisposed) {
        this.board = board;
        this.fill(this.frame(board));
      }
    } catch (error) {
      if (!this.isDisposed) {
        this.say("alert", explainFailure(error, this.trans), this.trans.__("Try again"));
      }
    } finally {
      this.starting = false;
    }
  }

  protected override onAfterAttach(): void {
    this.reveal();
  }

  protected override onAfterShow(): void {
    this.reveal();
  }

  /** Only once somebody looks: tabs that Lab restores in the background start nothing. */
  private reveal(): void {
    if (this.isVisible && this.content.widgets.length === 0) {
      void this.start();
    }
  }

  private frame(board: Board): Widget {
    // It comes from this server's own address, as all of Jupyter does: a sandbox would only break it.
    const frame = new IFrame({
      sandbox: ["allow-same-origin", "allow-scripts", "allow-forms", "allow-popups", "allow-downloads", "allow-modals"],
    });
    frame.node.querySelector("iframe")?.setAttribute("title", this.title.caption);
    frame.url = board.url;
    return frame;
  }

  private say(role: "status" | "alert", words: string, button?: string): void {
    const children = [make("p", {}, words)];
    const node = make("div", { class: "nh-board-words", role }, ...children);
    if (button !== undefined) {
      const again = make("button", { type: "button", class: "jp-mod-styled jp-mod-accept" }, button);
      again.addEventListener("click", () => void this.start());
      node.append(again);
    }
    this.fill(new Widget({ node }));
  }

  private fill(widget: Widget): void {
    for (const old of [...this.content.widgets]) {
      old.dispose();
    }
    this.content.addWidget(widget);
  }
}
