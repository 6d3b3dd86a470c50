/** NeuronHub's plugins for JupyterLab and Notebook, one module each. */

import clusters from "./clusters.js";
import environment from "./environment.js";
import job from "./job.js";

export default [clusters, environment, job];
