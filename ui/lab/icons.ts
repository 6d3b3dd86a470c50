/** Icons of ours; they take their colours from Jupyter's theme. */

import { LabIcon } from "@jupyterlab/ui-components";

/** A box of packages. */
export const environmentIcon = new LabIcon({
  name: "neuronhub:environment",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M12 2 3 6.5v11L12 22l9-4.5v-11L12 2Zm0 2.2 5.9 3L12 10.1 6.1 7.2 12 4.2ZM5 8.9l6 3v7.4l-6-3V8.9Zm8 10.4v-7.4l6-3v7.4l-6 3Z"/>
</svg>`,
});

/** Engines around their controller. */
export const clustersIcon = new LabIcon({
  name: "neuronhub:clusters",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M12 8.5a3.5 3.5 0 0 1 1 .15V6.83a3 3 0 1 0-2 0v1.82a3.5 3.5 0 0 1 1-.15Zm3.3 4.66a3.5 3.5 0 0 1-1 1.73l1.3 1.6A3 3 0 1 0 17.2 15l-1.33-1.65-.57-.19Zm-6.6 0-.57.19L6.8 15a3 3 0 1 0 1.6 1.49l1.3-1.6a3.5 3.5 0 0 1-1-1.73ZM12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z"/>
</svg>`,
});

/** Bars of a histogram over a line. */
export const tensorBoardIcon = new LabIcon({
  name: "neuronhub:tensorboard",
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M3 19h18v2H3v-2Zm1-7h3v6H4v-6Zm4.5-5h3v11h-3V7ZM13 3h3v15h-3V3Zm4.5 8h3v7h-3v-7Z"/>
</svg>`,
});
