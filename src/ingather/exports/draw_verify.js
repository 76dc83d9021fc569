"use strict";
/*
 * Verifies the receipt of a draw/2 in a browser or in Node, from the draw protocol alone: it shares
 * no line with the Python verifier, and the two are run against each other in our tests.
 * It needs WebCrypto (a page served over https, or opened as a file) and loads nothing.
 * One check is left to others: the beacon's BLS signature, a pairing on an elliptic curve.
 */
const Draw = (() => {
  const QUICKNET = {
    chain: "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
    key:
      "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a" +
      "2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76" +
      "eae8991ef5ece45a",
    period: 3,
    genesis: 1692803367,
  };

  class Falsified extends Error {
    constructor(check, why) {
      super(why);
      this.check = check;
    }
  }
  const insist = (holds, check, why) => {
    if (!holds) throw new Falsified(check, why);
  };

  /* --- bytes ---------------------------------------------------------------------------------- */

  const utf8 = (text) => new TextEncoder().encode(text);
  const hex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  const unhex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const joined = (...parts) => {
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
  const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hmac = async (key, message) => {
    const kind = { name: "HMAC", hash: "SHA-256" };
    const imported = await crypto.subtle.importKey("raw", key, kind, false, ["sign"]);
    return new Uint8Array(await crypto.subtle.sign("HMAC", imported, message));
  };

  /* --- canonical JSON (RFC 8785) ---------------------------------------------------------------- */

  const canonical = (value) => {
    if (value === null || typeof value === "boolean") return String(value);
    if (typeof value === "number") {
      insist(Number.isFinite(value), "canonical", "A number is beyond JSON.");
      const digits = Number.isInteger(value) && Math.abs(value) < 1e21; // else with an exponent
      insist(!digits || Number.isSafeInteger(value), "canonical", "A number is beyond 2^53.");
      return JSON.stringify(value);
    }
    if (typeof value === "string") {
      insist(!/\p{Surrogate}/u.test(value), "canonical", "There is half a character.");
      return JSON.stringify(value);
    }
    if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
    const keys = Object.keys(value).sort(); // by UTF-16 code units, as the RFC asks
    return `{${keys.map((key) => `${canonical(key)}:${canonical(value[key])}`).join(",")}}`;
  };

  /* --- ChaCha20 (RFC 8439), key stream from block 0 under a zero nonce --------------------------- */

  const rotated = (word, by) => ((word << by) | (word >>> (32 - by))) >>> 0;
  const quarter = (s, a, b, c, d) => {
    s[a] = s[a] + s[b];
    s[d] = rotated(s[d] ^ s[a], 16);
    s[c] = s[c] + s[d];
    s[b] = rotated(s[b] ^ s[c], 12);
    s[a] = s[a] + s[b];
    s[d] = rotated(s[d] ^ s[a], 8);
    s[c] = s[c] + s[d];
    s[b] = rotated(s[b] ^ s[c], 7);
  };
  const block = (key, counter) => {
    const words = new DataView(key.buffer, key.byteOffset, 32);
    const start = new Uint32Array(16);
    start.set([0x61707865, 0x3320646e, 0x79622d32, 0x6b206574]);
    for (let i = 0; i < 8; i += 1) start[4 + i] = words.getUint32(4 * i, true);
    start[12] = counter;
    const s = start.slice();
    for (let round = 0; round < 10; round += 1) {
      quarter(s, 0, 4, 8, 12);
      quarter(s, 1, 5, 9, 13);
      quarter(s, 2, 6, 10, 14);
      quarter(s, 3, 7, 11, 15);
      quarter(s, 0, 5, 10, 15);
      quarter(s, 1, 6, 11, 12);
      quarter(s, 2, 7, 8, 13);
      quarter(s, 3, 4, 9, 14);
    }
    const out = new DataView(new ArrayBuffer(64));
    for (let i = 0; i < 16; i += 1) out.setUint32(4 * i, (s[i] + start[i]) >>> 0, true);
    return out;
  };
  function* words64(key) {
    for (let counter = 0; ; counter += 1) {
      const stream = block(key, counter);
      for (let at = 0; at < 64; at += 8) yield stream.getBigUint64(at, false);
    }
  }

  /* --- the draw ---------------------------------------------------------------------------------- */

  const drawKey = async (commit, signature) => {
    const extracted = await hmac(commit, signature);
    return hmac(extracted, joined(utf8("ingather/draw/2"), Uint8Array.of(1)));
  };

  /** Positions in the order drawn, made as they are asked for (Fisher-Yates, no bias). */
  function* ranks(key, n) {
    const stream = words64(key);
    const moved = new Map();
    const at = (i) => (moved.has(i) ? moved.get(i) : i);
    for (let i = 0; i < n; i += 1) {
      const left = BigInt(n - i);
      const limit = (1n << 64n) - ((1n << 64n) % left);
      let word = stream.next().value;
      while (word >= limit) word = stream.next().value;
      const j = i + Number(word % left);
      const drawn = at(j);
      moved.set(j, at(i));
      yield drawn;
    }
  }

  const treeRoot = async (leaves) => {
    let level = leaves;
    while (level.length > 1) {
      const next = [];
      for (let i = 0; i + 1 < level.length; i += 2) {
        next.push(sha256(joined(Uint8Array.of(1), level[i], level[i + 1])));
      }
      if (level.length % 2) next.push(level[level.length - 1]);
      level = await Promise.all(next);
    }
    return level[0];
  };

  /** The hash of an entry under its salt, in hex. */
  const leaf = async (opening) =>
    hex(await sha256(joined(Uint8Array.of(0), unhex(opening.salt), utf8(canonical(opening.entry)))));

  /* --- the shape of a receipt --------------------------------------------------------------------- */

  const text = (v) => typeof v === "string";
  const truth = (v) => typeof v === "boolean";
  const nothing = (v) => v === null;
  const table = (v) => typeof v === "object" && v !== null && !Array.isArray(v);
  const whole = (least) => (v) => Number.isInteger(v) && v >= least;
  const bytes = (count) => (v) => text(v) && v.length === 2 * count && /^[0-9a-f]*$/.test(v);
  const among = (...values) => (v) => values.includes(v);
  const like = (pattern) => (v) => text(v) && pattern.test(v);
  const either = (...specs) => (v) => specs.some((spec) => fits(v, spec));
  const fits = (value, spec) => {
    if (typeof spec === "function") return spec(value);
    if (Array.isArray(spec)) return Array.isArray(value) && value.every((v) => fits(v, spec[0]));
    if (!table(value)) return false;
    const names = Object.keys(spec);
    return (
      Object.keys(value).length === names.length &&
      names.every((name) => Object.hasOwn(value, name) && fits(value[name], spec[name]))
    );
  };

  const time = like(/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$/);
  const ENTRY = { id: text, n: whole(1), th: bytes(32), ts: like(/^[^\n]*Z$/), u: text };
  const RECEIPT = {
    v: among("ingather/receipt/2"),
    commit: bytes(32),
    commitment: {
      v: among("ingather/draw/2"),
      posts: [{ id: text, published_at: either(nothing, text), permalink: either(nothing, text) }],
      rules: table,
      snapshot: table,
      entries: { n: whole(1), root: bytes(32) },
      beacon: { chain: bytes(32), public_key: bytes(96), round: whole(1), time },
      log: { seq: whole(1), prev: either(nothing, bytes(32)) },
    },
    anchors: [
      either(
        { type: among("rfc3161"), token: like(/^[A-Za-z0-9+/]+={0,2}$/) },
        { type: among("comment"), id: text, username: text, timestamp: time },
      ),
    ],
    beacon: { round: whole(1), signature: bytes(48) },
    leaves: [bytes(32)],
    drawn: [
      {
        rank: whole(1),
        position: whole(0),
        status: among("winner", "alternate", "already won", "disqualified"),
        number: either(nothing, whole(1)),
        opening: either(nothing, { entry: ENTRY, salt: bytes(16) }),
      },
    ],
    disqualified: [{ rank: whole(1), reason: like(/[^ \t\r\n]/), at: time }],
    log: {
      written: time,
      draws: [
        { seq: whole(1), commit: bytes(32), state: among("drawn", "waiting", "never drawn") },
      ],
    },
    installation: { public_key: bytes(32), signature: bytes(64) },
  };
  const RULES = { winners: whole(1), alternates: whole(0), unique_users: truth, unique_winners: truth };
  const OPENING = { entry: ENTRY, salt: bytes(16) };

  /* --- the checks, in the order in which the protocol's verifier makes them ------------------------ */

  const readStrictly = (source) => {
    let receipt;
    try {
      receipt = JSON.parse(source);
    } catch {
      throw new Falsified("json", "The receipt is not JSON.");
    }
    insist(table(receipt), "json", "The receipt is not a JSON object.");
    const plain = source.endsWith("\n") ? source.slice(0, -1) : source;
    insist(canonical(receipt) === plain, "canonical", "The receipt is not canonical JSON.");
    insist(fits(receipt, RECEIPT), "shape", "A field is missing, unknown, or of another type.");
    for (const [name, spec] of Object.entries(RULES)) {
      const own = Object.hasOwn(receipt.commitment.rules, name);
      insist(own && spec(receipt.commitment.rules[name]), "shape", `There is no usable ${name}.`);
    }
    return receipt;
  };

  const checkCommitment = async (receipt, published) => {
    const said = utf8(canonical(receipt.commitment));
    const found = await sha256(joined(utf8("ingather/draw/2/commit"), Uint8Array.of(0), said));
    insist(hex(found) === receipt.commit, "commitment", "The commitment has another hash.");
    insist(!published || published === receipt.commit, "published", "Another hash was published.");
  };

  const checkBeacon = (receipt) => {
    const said = receipt.commitment.beacon;
    insist(said.round === receipt.beacon.round, "round", "It was drawn with another round.");
    if (said.chain !== QUICKNET.chain) return false;
    insist(said.public_key === QUICKNET.key, "chain", "The beacon's key is not the pinned one.");
    const due = new Date((QUICKNET.genesis + (said.round - 1) * QUICKNET.period) * 1000);
    const right = Number.isFinite(due.getTime()) && due.toISOString() === said.time;
    insist(right, "chain", "The round comes at another time.");
    return true;
  };

  const checkList = async (receipt) => {
    const { n, root } = receipt.commitment.entries;
    const { leaves } = receipt;
    insist(leaves.length === n, "leaves", `${n} entries were committed to.`);
    const sorted = leaves.every((one, i) => i === 0 || leaves[i - 1] < one);
    insist(sorted, "leaves", "The entries are not sorted, or one is there twice.");
    const found = hex(await treeRoot(leaves.map(unhex)));
    insist(found === root, "root", "The entries are not the committed ones.");
  };

  const checkDrawn = async (receipt) => {
    const key = await drawKey(unhex(receipt.commit), unhex(receipt.beacon.signature));
    const order = ranks(key, receipt.leaves.length);
    for (const [i, each] of receipt.drawn.entries()) {
      const next = order.next();
      const right = !next.done && each.rank === i + 1 && each.position === next.value;
      insist(right, "draw", `Rank ${i + 1} is not what the round draws.`);
    }
    const { bonus, unique_users: once } = receipt.commitment.rules;
    const granted = (Array.isArray(bonus) ? bonus : [])
      .map((each) => (table(each) ? each.entries : 0))
      .filter((entries) => Number.isInteger(entries) && entries > 0);
    const most = granted.reduce((sum, entries) => sum + entries, 1);
    const seen = new Set();
    const stands = new Map();
    for (const each of receipt.drawn) {
      const entry = each.opening && canonical([each.opening.entry.id, each.opening.entry.n]);
      insist(!entry || !seen.has(entry), "opening", `Rank ${each.rank} was drawn before.`);
      seen.add(entry);
      if (entry) {
        const { id, n, u } = each.opening.entry;
        insist(n <= most, "opening", `Rank ${each.rank} is entry ${n} of its comment.`);
        const one = !once || !stands.has(u) || stands.get(u) === id;
        insist(one, "opening", `Rank ${each.rank} is a second comment of its user.`);
        stands.set(u, id);
      }
      const open = each.opening === null || (await leaf(each.opening));
      const right = open === true || open === receipt.leaves[each.position];
      insist(right, "opening", `Rank ${each.rank} is not the entry in the list.`);
    }
    return order;
  };

  const checkPlaces = (receipt, order) => {
    const { winners, alternates, unique_winners: once } = receipt.commitment.rules;
    const struck = receipt.disqualified.map((each) => each.rank);
    const orderly = struck.every(
      (rank, i) => rank <= receipt.drawn.length && (i === 0 || struck[i - 1] < rank),
    );
    insist(orderly, "places", "A disqualified rank was not drawn, or stands twice.");
    const holding = new Set();
    const given = { winner: 0, alternate: 0 };
    const full = () => given.winner === winners && given.alternate === alternates;
    for (const each of receipt.drawn) {
      insist(!full(), "places", `Rank ${each.rank} is drawn beyond the places.`);
      const user = each.opening === null ? null : each.opening.entry.u;
      const again = user === null ? each.status === "already won" : holding.has(user);
      let status = given.winner < winners ? "winner" : "alternate";
      if (once && again) status = "already won";
      if (struck.includes(each.rank)) status = "disqualified";
      let number = null;
      if (status in given) {
        given[status] += 1;
        number = given[status];
        if (user !== null) holding.add(user);
      }
      const right = each.status === status && each.number === number;
      insist(right, "places", `Rank ${each.rank} is ${status}, not ${each.status}.`);
    }
    insist(full() || order.next().done, "places", "The ranks end before every place is given.");
  };

  const checkLog = (receipt) => {
    const own = receipt.commitment.log;
    const { draws } = receipt.log;
    const orderly = draws.every((each, i) => i === 0 || draws[i - 1].seq < each.seq);
    insist(orderly, "log", "The log is not in order.");
    const here = draws.find((each) => each.seq === own.seq);
    const held = here && here.commit === receipt.commit && here.state === "drawn";
    insist(held, "log", "The log does not hold this draw.");
    const before = draws.find((each) => each.seq === own.seq - 1);
    insist(!before || before.commit === own.prev, "log", "The commitment links to another.");
    insist((own.prev === null) === (own.seq === 1), "log", "Only the first links to none.");
  };

  /** True where the signature holds, null where this browser cannot tell. */
  const checkSignature = async (receipt) => {
    const { signature, ...installation } = receipt.installation;
    const drawn = receipt.drawn.map((each) => ({ ...each, opening: null }));
    const signed = joined(
      utf8("ingather/draw/2/receipt"),
      Uint8Array.of(0),
      utf8(canonical({ ...receipt, drawn, installation })),
    );
    let key;
    const raw = unhex(installation.public_key);
    try {
      key = await crypto.subtle.importKey("raw", raw, { name: "Ed25519" }, false, ["verify"]);
    } catch (failure) {
      if (failure.name === "NotSupportedError") return null;
      throw new Falsified("signature", "The installation's key is none.");
    }
    const holds = await crypto.subtle.verify({ name: "Ed25519" }, key, unhex(signature), signed);
    insist(holds, "signature", "The installation did not sign this receipt.");
    return true;
  };

  const fingerprint = async (receipt) => hex(await sha256(unhex(receipt.installation.public_key)));

  /**
   * The checks of a receipt, given as the text of its file. published: the hash that was seen
   * before the draw, or nothing. Answers {holds: true, pinned, signed, masked, receipt}, or
   * {holds: false, check, why}. It does not verify the beacon's BLS signature nor time-stamps.
   */
  const verify = async (source, published) => {
    try {
      const receipt = readStrictly(source);
      await checkCommitment(receipt, published);
      const pinned = checkBeacon(receipt);
      await checkList(receipt);
      checkPlaces(receipt, await checkDrawn(receipt));
      checkLog(receipt);
      const signed = await checkSignature(receipt);
      const masked = receipt.drawn.some((each) => each.opening === null);
      return { holds: true, pinned, signed, masked, receipt };
    } catch (failure) {
      if (!(failure instanceof Falsified)) throw failure;
      return { holds: false, check: failure.check, why: failure.message };
    }
  };

  /** An opening as somebody pasted it; null where it is none. */
  const readOpening = (pasted) => {
    try {
      const found = JSON.parse(pasted);
      return fits(found, OPENING) ? found : null;
    } catch {
      return null;
    }
  };

  return { verify, leaf, canonical, readOpening, fingerprint, ranks, drawKey, treeRoot, block, hex, unhex };
})();
globalThis.Draw = Draw;
