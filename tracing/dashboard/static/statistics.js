import { localMoments } from "./lib/dom.js";

localMoments(document);
