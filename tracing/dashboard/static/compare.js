import { localMoments } from "./lib/dom.js";

localMoments(document);
document.documentElement.dataset.ready = "yes";
