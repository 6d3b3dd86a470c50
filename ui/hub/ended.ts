/** The page of a server that does not run: nothing moves on it but the times, into the reader's zone. */

import { localiseTimes } from "./times.js";

localiseTimes();
