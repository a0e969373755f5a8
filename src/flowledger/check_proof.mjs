// Check proofs of flowledger runs, without flowledger: node check_proof.mjs KEY PROOF…
// The same as check_proof.py, written a second time from docs/reference/evidence.md. Needs Node 18, and nothing else.
import { createHash, createPublicKey, verify } from "node:crypto";
import { readFileSync } from "node:fs";

class Wrong extends Error {}
const demand = (condition, message) => { if (!condition) throw new Wrong(message); };
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isNumber = (value) => Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0);
const hasKeys = (value, ...keys) => isObject(value) && Object.keys(value).sort().join() === keys.sort().join();

function fromBase64(text, what) {
  demand(typeof text === "string", `${what} is no base64`);
  const found = Buffer.from(text, "base64");
  demand(found.toString("base64") === text, `${what} is no base64`);
  return found;
}

function fromHex(text, length, what) {
  demand(typeof text === "string" && /^[0-9a-f]*$/.test(text) && text.length === 2 * length, `${what} is no hex`);
  return Buffer.from(text, "hex");
}

function readKey(line, kind = 1) {
  const [name, hint, ...rest] = line.trim().split("+");
  const key = fromBase64(rest.join("+"), "the key");
  demand(key.length === 33 && key[0] === kind, "the key is none of Ed25519, or of another kind");
  demand(sha256(name, "\n", key).subarray(0, 4).toString("hex") === hint, "the key's parts don't belong together");
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.subarray(1).toString("base64url") };
  return { name, hint, key: createPublicKey({ key: jwk, format: "jwk" }) };
}

// C2SP's cosignature/v1: who signs is a witness, and the first 8 bytes are the time.
function demandWitness(note, { name, hint, key }) {
  const end = note.lastIndexOf("\n\n");
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const [, signer, encoded] = line.split(" ");
    const signature = fromBase64(encoded, "a signature");
    if (signer !== name || signature.subarray(0, 4).toString("hex") !== hint) continue;
    demand(signature.length === 76, `the signature of the witness ${name} isn't of this checkpoint`);
    const text = `cosignature/v1\ntime ${signature.readBigUInt64BE(4)}\n${note.slice(0, end + 1)}`;
    const fits = verify(null, Buffer.from(text), key, signature.subarray(12));
    return demand(fits, `the signature of the witness ${name} isn't of this checkpoint`);
  }
  demand(false, `the witness ${name} hasn't signed the checkpoint`);
}

function readCheckpoint(note, { name, hint, key }, witnesses) {
  const end = note.lastIndexOf("\n\n");
  demand(end >= 0 && note.endsWith("\n") && note.length > end + 2, "the checkpoint is no signed note");
  const text = note.slice(0, end + 1);
  let isSigned = false;
  for (const line of note.slice(end + 2, -1).split("\n")) {
    const [dash, signer, encoded] = line.split(" ");
    demand(dash === "—" && encoded !== undefined && line === `— ${signer} ${encoded}`, "a line is no signature");
    const signature = fromBase64(encoded, "a signature");
    if (isSigned || signer !== name || signature.subarray(0, 4).toString("hex") !== hint) continue;
    demand(verify(null, Buffer.from(text), key, signature.subarray(4)), "the signature isn't of this checkpoint");
    isSigned = true;
  }
  demand(isSigned, `the checkpoint isn't signed by the key of ${name}`);
  witnesses.forEach((witness) => demandWitness(note, witness));
  const [origin, size, root] = text.split("\n");
  demand(origin === name, "the checkpoint's origin isn't the name of the key");
  demand(/^(0|[1-9][0-9]{0,15})$/.test(size), "the checkpoint's size is no number");
  return { size: Number(size), root: fromBase64(root, "the checkpoint's root") };
}

// RFC 9162, 2.1.3.2; sizes may be above 2^32, so no bit operations.
function climb(leaf, index, size, path) {
  let [place, last, found] = [index, size - 1, leaf];
  const up = () => { place = Math.floor(place / 2); last = Math.floor(last / 2); };
  for (const beside of path) {
    demand(last > 0, "a path is too long");
    if (place % 2 || place === last) {
      found = sha256("\x01", beside, found);
      while (place && place % 2 === 0) up();
    } else found = sha256("\x01", found, beside);
    up();
  }
  demand(last === 0, "a path is too short");
  return found;
}

function readEvent(event) {
  const kind = isObject(event) && "body" in event ? "body" : "bytes";
  demand(hasKeys(event, "type", "id", kind, "index", "path"), "an event has other keys than it should have");
  demand(typeof event.type === "string" && !event.type.includes("\n"), "a type is none");
  demand(typeof event[kind] === "string", "a body is no text");
  return [fromHex(event.id, 8, "an id"), kind === "body" ? Buffer.from(event.body) : fromBase64(event.bytes, "a body")];
}

function checkStream(entry, hashes, { size, root }, used) {
  const begins = hasKeys(entry, "stream", "events");
  demand(begins || hasKeys(entry, "stream", "after", "previous", "events"), "a stream has other keys than it should");
  demand(typeof entry.stream === "string" && Array.isArray(entry.events) && entry.events.length, "a stream has no events");
  let version = begins ? 0 : entry.after;
  demand(isNumber(version) && (begins || version > 0), "a stream begins at no version");
  let digest = begins ? sha256(entry.stream) : fromHex(entry.previous, 32, "a digest");
  for (const event of entry.events) {
    const [id, body] = readEvent(event);
    digest = sha256(digest, id, event.type, "\0", body);
    version += 1;
    const where = `event ${version} of stream ${JSON.stringify(entry.stream)}`;
    const leaf = `flowledger/event@v1\n${digest.toString("hex")}\n${version}\n${event.type}\n${entry.stream}\n`;
    demand(isNumber(event.index) && event.index < size, `${where}: its index is beyond the checkpoint`);
    demand(Array.isArray(event.path), `${where}: it has no path`);
    demand(event.path.every((at) => isNumber(at) && at < hashes.length), `${where}: its path has no such hash`);
    event.path.forEach((at) => used.add(at));
    const found = climb(sha256("\0", leaf), event.index, size, event.path.map((at) => hashes[at]));
    demand(found.equals(root), `${where}: it isn't among the events that were signed, as it is here`);
  }
}

export function checkProof(content, key, witnesses = []) {
  let text, proof;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    proof = JSON.parse(text);
  } catch { throw new Wrong("it is no JSON"); }
  // JSON.stringify escapes lone surrogates, which no text has.
  const canonical = JSON.stringify(proof) + "\n" === text && !/(?<!\\)(\\\\)*\\ud/.test(text);
  demand(canonical, "it isn't written as proofs are");
  demand(hasKeys(proof, "format", "run", "checkpoint", "hashes", "streams"), "it has other keys than a proof has");
  demand(proof.format === "flowledger/proof@v1", "its format isn't flowledger/proof@v1");
  demand(typeof proof.checkpoint === "string", "its checkpoint is no text");
  const head = readCheckpoint(proof.checkpoint, key, witnesses);
  demand(Array.isArray(proof.hashes) && Array.isArray(proof.streams), "it has no hashes or no streams");
  const hashes = proof.hashes.map((hash) => fromBase64(hash, "a hash"));
  demand(hashes.every((hash) => hash.length === 32), "a hash hasn't 32 bytes");
  const used = new Set();
  proof.streams.forEach((entry) => checkStream(entry, hashes, head, used));
  demand(used.size === hashes.length, "it has hashes that nothing uses");
  const [run, ...others] = proof.streams;
  demand(run !== undefined && run.stream === proof.run && !("after" in run), "it doesn't begin with the run");
  demand(run.events[0].type === "run.started", "its first event doesn't start a run");
  const needed = others.reduce((sum, entry) => sum + entry.events.length, 0);
  return `run ${JSON.stringify(proof.run)}: ${run.events.length} events, and ${needed} that they need, are among the ` +
    `first ${head.size} of ${key.name}, as they were signed`;
}

const [keyText, ...names] = process.argv.slice(2);
if (!names.length) { console.error("node check_proof.mjs KEY PROOF…"); process.exit(2); }
const isExpected = (error) => error instanceof Wrong || error.code !== undefined;
let key, witnesses;
try {
  const text = keyText.includes("+") ? keyText : readFileSync(keyText, "utf8");
  const [first, ...others] = text.trim().split("\n");
  [key, witnesses] = [readKey(first), others.map((line) => readKey(line, 4))];
} catch (error) {
  if (!isExpected(error)) throw error;
  console.error(`WRONG the key ${JSON.stringify(keyText)}: ${error.message}`);
  process.exit(2);
}
for (const name of names) {
  try {
    console.log(`OK    ${name}: ${checkProof(readFileSync(name), key, witnesses)}`);
  } catch (error) {
    if (!isExpected(error)) throw error;
    process.exitCode = 1;
    console.log(`WRONG ${name}: ${error.message}`);
  }
}
