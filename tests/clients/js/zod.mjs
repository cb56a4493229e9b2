// Judges frames, `{"test": …, "frame": …}` a line on stdin: tells which the Agents SDK refuses, and
// how many of each type there were.

import { createInterface } from 'node:readline';
import { refusal } from './reader.mjs';

const counts = {};
for await (const line of createInterface({ input: process.stdin })) {
  const { test, frame } = JSON.parse(line);
  counts[frame.type] = (counts[frame.type] ?? 0) + 1;
  const why = refusal(frame);
  if (why !== null) console.log(JSON.stringify({ refused: { why, test, frame } }));
}
console.log(JSON.stringify({ counts }));
