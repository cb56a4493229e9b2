/** @typedef {{agent: string, seconds: number}} Clause */

/**
 * Who speaks, by the spans of the turn under way: whose clauses were made, in their order, and until
 * there are any, who thinks.
 */
export class Floor {
  constructor() {
    this.thinking = "";
    /** @type {Clause[]} */
    this.clauses = [];
  }

  /** Another turn has begun. */
  begin() {
    this.clauses = [];
  }

  /** @param {any} span as `/api/live` tells it */
  hear(span) {
    if (span.stage === "agent" && span.end === null) this.thinking = span.agent ?? "";
    if (span.stage !== "text_to_speech" || span.end === null || span.error || !span.agent) return;
    this.clauses.push({ agent: span.agent, seconds: span.attributes["voice.audio.duration"] ?? 0 });
  }

  /**
   * Who has spoken up to so many seconds into the answer, the last one being who speaks then; none
   * when that is not known yet.
   * @param {number} seconds @returns {string[]}
   */
  until(seconds) {
    /** @type {string[]} */
    const agents = [];
    let past = 0;
    for (const clause of this.clauses) {
      if (agents.at(-1) !== clause.agent) agents.push(clause.agent);
      past += clause.seconds;
      if (seconds < past) break;
    }
    return agents;
  }
}
