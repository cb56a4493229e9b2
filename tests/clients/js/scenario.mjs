// What the scenarios of all clients share. A scenario tells what happened on stdout, a JSON object
// a line; the tests in Python judge it. One that throws, or never ends, has failed.

const RATE = 24_000;

/** Sound as clients send it: 16-bit mono PCM at 24 kHz, in frames of 20 ms. */
export function* frames(seconds, amplitude = 0) {
  for (let at = 0; at < seconds * RATE; at += RATE / 50) {
    yield Int16Array.from(
      { length: RATE / 50 },
      (_, n) => amplitude * 32767 * Math.sin((2 * Math.PI * 220 * (at + n)) / RATE),
    );
  }
}

export const speech = (seconds) => frames(seconds, 0.3);
export const silence = (seconds) => frames(seconds);

export const GET_WEATHER = {
  name: 'get_weather',
  description: 'The weather in a city.',
};

export const weatherIn = (city) => `It rains in ${city}.`;

/** All that happened, in order: each entry has one key, its kind. */
export class Log {
  #entries = [];
  #read = 0;
  #wake = () => {};

  note(kind, what) {
    const entry = { [kind]: what };
    this.#entries.push(entry);
    console.log(JSON.stringify(entry));
    this.#wake();
  }

  /** The next entry, counted from the last that was waited for, that `fits`. */
  async until(fits) {
    for (;;) {
      while (this.#read < this.#entries.length) {
        const entry = this.#entries[this.#read++];
        if (fits(entry)) return entry;
      }
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }

  /** Until the server has sent an event of this type. */
  async untilFrame(type, fits = () => true) {
    return (await this.until(({ frame }) => frame?.type === type && fits(frame))).frame;
  }

  /** Until the server has sent an event of this type, now or at any time before. */
  async seenFrame(type) {
    if (!this.#entries.some(({ frame }) => frame?.type === type)) await this.untilFrame(type);
  }
}

/** Run the scenario that the command line names: `node client.mjs SCENARIO URL …`. */
export async function main(scenarios) {
  const [name, ...rest] = process.argv.slice(2);
  await scenarios[name](...rest);
  // Sockets of a client may linger, and what was told may still be on its way.
  process.stdout.write(`${JSON.stringify({ end: name })}\n`, () => process.exit(0));
}
