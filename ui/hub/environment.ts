/** The page of the notebook environment: the panel that it shares with Jupyter, asking the hub. */

import { overHttp } from "../environment/api.js";
import { mountEnvironmentPanel } from "../environment/panel.js";
import { type Catalogue, lookUp, translateTexts } from "../environment/texts.js";
import { send } from "./api.js";
import { element, type PageData, readPageData } from "./page.js";

interface EnvironmentPage extends PageData {
  catalogue: Catalogue;
}

/** Longer than the hub itself waits for the environment's answer. */
const LIMIT_MS = 70_000;

const page = readPageData() as EnvironmentPage;
const api = overHttp((method, path, body) => send(page, method, `neuronhub/environment${path}`, body, LIMIT_MS));
const texts = translateTexts((english) => lookUp(page.catalogue, english));

mountEnvironmentPanel(element("environment"), api, texts, page.language);
