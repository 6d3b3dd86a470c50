/** NeuronHub's plugins for JupyterLab and Notebook, one module each. */

import environment from "./environment.js";

export default [environment];
