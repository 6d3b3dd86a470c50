/** NeuronHub's plugins for JupyterLab and Notebook, one module each. */

import boardSessions from "./board-sessions.js";
import boards from "./boards.js";
import clusters from "./clusters.js";
import environment from "./environment.js";
import job from "./job.js";
import newMenu from "./new-menu.js";
import tensorboard from "./tensorboard.js";

export default [boardSessions, boards, clusters, environment, job, newMenu, tensorboard];
