/** NeuronHub's plugins for JupyterLab and Notebook, one module each. */

import environment from "./environment.js";
import job from "./job.js";

export default [environment, job];
