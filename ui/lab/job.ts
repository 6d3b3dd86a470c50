/** Shows the job's clock, cost and meters, and before the end warns the reader and saves what is open. */

import { ILabShell, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Notification } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { ServerConnection } from "@jupyterlab/services";
import { IStatusBar } from "@jupyterlab/statusbar";
import { ITranslator } from "@jupyterlab/translation";

import { fill } from "../environment/texts.js";
import { AwayAlarm, type RunningCost } from "../hub/running-cost.js";
import { Alarm, type JobAnswer, SAVES_S, secondsLeft } from "../job/job.js";
import { describeAwayEnd, describeTime, ENGLISH, type Texts } from "../job/words.js";
import { JobWidget } from "./job-widget.js";
import { loadTexts, readLanguage } from "./language.js";

const PATH = "neuronhub/job";
const TICK_MS = 5000;
/** The server is asked that often: the clock itself goes on between. */
const ASK_SEEN_MS = 15_000;
const ASK_HIDDEN_MS = 60_000;
const LIMIT_MS = 20_000;
/** Among Lab's status items. */
const STATUS_RANK = 500;
/** In Notebook's header, right of its spacer and left of the hub's buttons. */
const HEADER_RANK = 10_000;

const job: JupyterFrontEndPlugin<void> = {
  id: "@neuronhub/lab:job",
  description: "Shows queue, time left, cost and use of the job, and saves open documents before its end.",
  autoStart: true,
  requires: [ITranslator],
  optional: [ILabShell, IStatusBar, IDocumentManager],
  activate: (
    app: JupyterFrontEnd,
    translator: ITranslator,
    labShell: ILabShell | null,
    statusBar: IStatusBar | null,
    documents: IDocumentManager | null,
  ): void => {
    const trans = loadTexts(translator);
    const pairs = Object.entries(ENGLISH).map(([key, english]) => [key, trans.__(english)]);
    const texts = Object.fromEntries(pairs) as Texts;
    const language = readLanguage(translator);
    const widget = new JobWidget(texts, language);
    if (labShell !== null) {
      statusBar?.registerStatusItem("@neuronhub/lab:job", { item: widget, align: "right", rank: STATUS_RANK });
    } else {
      app.shell.add(widget, "top", { rank: HEADER_RANK });
    }
    new Clock(app, widget, texts, language, documents).start();
  },
};

export default job;

class Clock {
  private answer: JobAnswer | null = null;
  /** The server's clock less ours. */
  private ahead = 0;
  private asked = -Infinity;
  private asking = false;
  private silent = false;
  private readonly alarm = new Alarm();
  private readonly awayAlarm = new AwayAlarm();

  constructor(
    private readonly app: JupyterFrontEnd,
    private readonly widget: JobWidget,
    private readonly texts: Texts,
    private readonly language: string,
    private readonly documents: IDocumentManager | null,
  ) {}

  start(): void {
    setInterval(() => {
      this.tick();
    }, TICK_MS);
    document.addEventListener("visibilitychange", () => {
      this.tick();
    });
    void this.app.restored.then(() => {
      this.tick();
    });
  }

  private tick(): void {
    const every = document.hidden ? ASK_HIDDEN_MS : ASK_SEEN_MS;
    if (!this.asking && performance.now() - this.asked >= every) {
      void this.ask();
    }
    this.draw();
  }

  private async ask(): Promise<void> {
    this.asking = true;
    this.asked = performance.now();
    const settings = this.app.serviceManager.serverSettings;
    try {
      const init = { signal: AbortSignal.timeout(LIMIT_MS) };
      const response = await ServerConnection.makeRequest(`${settings.baseUrl}${PATH}`, init, settings);
      if (!response.ok) {
        throw new ServerConnection.ResponseError(response);
      }
      this.answer = (await response.json()) as JobAnswer;
      this.ahead = Date.parse(this.answer.now) - Date.now();
      this.silent = false;
    } catch (error) {
      if (!this.silent) {
        console.warn("NeuronHub: the job's figures cannot be had", error);
      }
      this.silent = true;
    } finally {
      this.asking = false;
    }
    this.draw();
  }

  private draw(): void {
    if (this.answer === null) {
      return;
    }
    const now = Date.now() + this.ahead;
    this.widget.tell(this.answer, now, this.silent);
    const { warn, save } = this.alarm.ring(this.answer.job, secondsLeft(this.answer.job, now));
    const { cost } = this.answer.job ?? { cost: null };
    const awayEnd = this.awayAlarm.ring(cost);
    if (cost !== null && awayEnd !== null) {
      this.warnAway(cost, awayEnd);
    }
    if (warn !== null) {
      this.warn(warn, this.answer.job?.ends_at ?? "");
    }
    if (save) {
      void this.save();
    }
  }

  private warn(minutes: number, end: string): void {
    const words = fill(this.texts.warning, { minutes, time: describeTime(end, this.language) });
    const now = minutes * 60 <= Math.max(...SAVES_S) ? ` ${this.texts.warning_next}` : "";
    Notification.warning(words + now, { autoClose: false }); // Jupyter shows 140 characters
  }

  private warnAway(cost: RunningCost, end: string): void {
    Notification.warning(describeAwayEnd(cost, end, this.texts, this.language), { autoClose: false });
  }

  /** Save every changed document that is open in this page. */
  private async save(): Promise<void> {
    for (const widget of this.app.shell.widgets("main")) {
      const context = this.documents?.contextForWidget(widget);
      if (context?.model.dirty !== true || context.model.readOnly) {
        continue;
      }
      try {
        await context.save();
      } catch (error) {
        console.error("NeuronHub: not saved before the end", context.path, error);
        Notification.error(fill(this.texts.not_saved, { name: context.path }), { autoClose: false });
      }
    }
  }
}
