// The npm package `openai`: the endpoints beside the socket, with nothing changed but the URL.

import OpenAI, { toFile } from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';
import { Log, main } from './scenario.mjs';

const log = new Log();

const client = (baseURL, apiKey = process.env.OPENAI_API_KEY ?? 'none') =>
  new OpenAI({ apiKey, baseURL, maxRetries: 0 });

/** What a call gives, or how it is refused. */
async function answer(name, call) {
  try {
    log.note('event', { name, ...(await call) });
  } catch (error) {
    const { status, code, param, message } = error;
    log.note('event', { name, kind: error.constructor.name, status, code, param, message });
  }
}

async function models(baseURL) {
  const names = [];
  for await (const { id } of client(baseURL).models.list()) names.push(id);
  log.note('event', { name: 'listed', names });
  await answer('known', client(baseURL).models.retrieve('patient'));
  await answer('unknown', client(baseURL).models.retrieve('nobody'));
  await answer('unlocked', client(baseURL, 'sk-wrong').models.list());
}

async function say(baseURL) {
  const { speech } = client(baseURL).audio;
  const asked = { model: 'support', voice: 'alloy', input: 'Good morning.' };
  const file = await speech.create({ ...asked, response_format: 'pcm' });
  log.note('event', { name: 'pcm', bytes: (await file.arrayBuffer()).byteLength });
  const stream = await speech.create({ ...asked, response_format: 'pcm', stream_format: 'sse' });
  log.note('event', { name: 'sse', text: await stream.text() });
  await answer('refused', speech.create({ ...asked, speed: 9 }));
}

/** What the voice says, the ear hears. */
async function transcribe(baseURL) {
  const { speech, transcriptions } = client(baseURL).audio;
  const input = 'Good morning, and how are you today?'; // two seconds, as the instant voice speaks
  const spoken = await speech.create({ model: 'support', voice: 'alloy', input, response_format: 'wav' });
  const asked = { model: 'support', file: await toFile(spoken, 'spoken.wav') };
  await answer('json', transcriptions.create(asked));
  await answer('verbose', transcriptions.create({ ...asked, response_format: 'verbose_json' }));
  for await (const { type, text } of await transcriptions.create({ ...asked, stream: true })) {
    log.note('event', { name: 'stream', type, text });
  }
  const words = await toFile(Buffer.from('words'), 'words.wav');
  await answer('refused', transcriptions.create({ ...asked, file: words }));
}

/** A key for a browser: it opens a session with the config it was made with, and no more. */
async function clientSecret(baseURL) {
  const session = { type: 'realtime', instructions: 'Be brief.', output_modalities: ['text'] };
  const secret = await client(baseURL).realtime.clientSecrets.create({ session });
  log.note('event', { name: 'secret', ...secret });
  const realtime = new OpenAIRealtimeWS({ model: 'support' }, client(baseURL, secret.value));
  realtime.on('event', (frame) => log.note('frame', frame));
  realtime.on('error', ({ message }) => log.note('event', { name: 'error', message }));
  await log.untilFrame('session.created');
  realtime.send({ type: 'response.create' });
  await log.untilFrame('response.done');
  realtime.close();
  await answer('beyond', client(baseURL, secret.value).models.list());
}

await main({ models, say, transcribe, clientSecret });
