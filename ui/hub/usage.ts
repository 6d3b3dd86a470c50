/** The usage page: without this module the chart's bars are plain links, and the table says the same. */

import { mountChart } from "./bars.js";

const chart = document.getElementById("chart");
const readout = document.getElementById("chart-readout");
if (chart && readout) {
  mountChart(chart, readout);
}
